/** The map of a sweep of two settings, parallel coordinates of more, and curves as they are looked at. */
import { describe, expect, it } from 'vitest';
import { membersOf } from '../../../src/renderer/compare/members.ts';
import { resultAxis, settingAxis } from '../../../src/renderer/compare/parallel.ts';
import { scaled, seenAs, smoothed, byRecordedTime, unitsAStep } from '../../../src/renderer/compare/smoothing.ts';
import { mapOf } from '../../../src/renderer/compare/sweep-map.ts';
import type { RunRow } from '../../../src/shared/contract/index.ts';

const row = (id: string, setup: string, seed: number): RunRow =>
  ({ id, setup, seed, colour: 0, name: id, created: 0, values: {} }) as unknown as RunRow;

describe('the map of a sweep', () => {
  const rows = [row('a', 's1', 1), row('b', 's1', 2), row('c', 's2', 1), row('d', 's3', 1)];
  const lr = { path: 'optimiser.lr', values: [0.2, 0.2, 0.1, 0.1] };
  const batch = { path: 'batch_size', values: [50, 50, 50, 20] };
  const members = membersOf(rows, true, [lr, batch]);
  const results: Readonly<Record<string, number | null>> = { s1: 1.5, s2: 1, s3: null };
  const map = mapOf(
    lr,
    batch,
    members,
    rows.map(({ id }) => id),
    ({ id }) => results[id],
  );

  it('has numbers in order, the result of each pair, and nothing where there is none', () => {
    expect([map.columns, map.rows]).toEqual([
      [0.1, 0.2],
      [20, 50],
    ]);
    expect(map.cells).toEqual([
      [null, null],
      [
        { value: 1, share: 0, runs: ['c'] },
        { value: 1.5, share: 1, runs: ['a', 'b'] },
      ],
    ]);
  });
});

describe('parallel coordinates', () => {
  const rows = [row('a', 'a', 1), row('b', 'b', 1), row('c', 'c', 1)];
  const members = membersOf(rows, false);

  it('stand at their values, along decades where these span one; texts at equal distances', () => {
    const linear = settingAxis({ path: 'batch_size', values: [20, 40, 100] }, rows, members);
    expect([linear.name, linear.places]).toEqual(['batch size', [0, 0.25, 1]]);
    expect(linear.ticks.map(({ text }) => text)).toEqual(['20', '40', '100']);
    const decades = settingAxis({ path: 'optimiser.lr', values: [0.001, 0.1, 0.01] }, rows, members);
    expect(decades.places[2]).toBeCloseTo(0.5, 12);
    const texts = settingAxis({ path: 'activation', values: ['relu', 'tanh', 'relu'] }, rows, members);
    expect(texts.places).toEqual([0, 1, 0]);
  });

  it('of a result leave out members without one, and stand in the middle where all are one', () => {
    expect(resultAxis('loss', [2, null, 4], false).places).toEqual([0, null, 1]);
    expect(resultAxis('loss', [3, 3, null], false).places).toEqual([0.5, 0.5, null]);
  });
});

describe('curves', () => {
  it('smoothed keep a constant, start at the first value, and step over what is missing', () => {
    expect([...smoothed([2, 2, 2], 5)]).toEqual([2, 2, 2]);
    // a = 2 / (3 + 1) = 1/2.
    expect([...smoothed([4, 0, NaN, 2], 3)]).toEqual([4, 2, NaN, 2]);
    expect([...smoothed([3, 1], 0)]).toEqual([3, 1]);
  });

  it('over epochs leave out runs whose length is not known', () => {
    const mark = {
      id: 'm',
      name: 'm',
      colour: 0,
      dash: 'solid' as const,
      shape: 'circle' as const,
      x: [0, 50, 100],
      y: [1, 2, 3],
    };
    const run = { ...row('m', 's', 1), steps: 100 };
    const value = (value: number) => ({ value, text: null, low: null, high: null });
    const values = { epochs: value(4), steps_per_second: value(50) };
    expect(unitsAStep('epoch', run, values)).toBe(0.04);
    expect(unitsAStep('time', run, values)).toBe(0.02);
    expect(unitsAStep('epoch', { ...run, steps: null }, values)).toBeNull();
    expect(unitsAStep('time', run, { epochs: value(4) })).toBeNull();
    const [seen] = seenAs([mark, { ...mark, id: 'other' }], 0, (id) => scaled(id === 'm' ? 0.04 : null));
    expect([seen.id, [...(seen.x as Float64Array)]]).toEqual(['m', [0, 2, 4]]);
    expect(seenAs([mark, { ...mark, id: 'other' }], 0, (id) => scaled(id === 'm' ? 0.04 : null))).toHaveLength(1);
  });

  it('over time stand where their times were recorded, seeds of a setup at the mean of theirs', () => {
    // Ten steps in the first second, then one in the second: a mean speed would put step 10 at 1.82 s.
    const slowing = { steps: Float64Array.of(0, 10, 11), values: Float64Array.of(0, 1, 2) };
    const steady = { steps: Float64Array.of(0, 20), values: Float64Array.of(0, 4) };
    expect(Array.from(byRecordedTime([slowing])!([0, 5, 10, 10.5, 11]))).toEqual([0, 0.5, 1, 1.5, 2]);
    // Beyond the last point at the mean speed, 2 s for 11 steps.
    expect(byRecordedTime([slowing])!([22])[0]).toBeCloseTo(4, 12);
    expect(Array.from(byRecordedTime([slowing, steady])!([0, 10]))).toEqual([0, 1.5]);
    expect(byRecordedTime([slowing, undefined])).toBeNull();
    expect(byRecordedTime([{ steps: Float64Array.of(0), values: Float64Array.of(0) }])).toBeNull();
  });
});
