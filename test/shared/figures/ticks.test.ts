import { describe, expect, test } from 'vitest';
import { chosenTicks, clearTicks, linearTicks, logTicks, type Tick } from '../../../src/shared/figures/ticks.ts';

const labels = (ticks: readonly Tick[]): string[] =>
  ticks.flatMap(({ label }) => (label ? ['text' in label ? label.text : `${label.mantissa}e${label.exponent}`] : []));

describe('ticks of a logarithmic axis', () => {
  // [low, high, length in points, room for a label]
  test.each([
    [1e-3, 1, 150, 20],
    [1e-9, 10, 180, 20],
    [3e-31, 4e2, 160, 24],
    [1e-200, 1e100, 200, 30],
  ])('from %g to %g: one at every decade, labels as far apart as they need', (low, high, length, room) => {
    const ticks = logTicks(low, high, length, room);
    const decades = ticks.filter(({ value }) => Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-9);
    const first = Math.ceil(Math.log10(low) - 1e-9);
    const last = Math.floor(Math.log10(high) + 1e-9);
    expect(decades.map(({ value }) => Math.round(Math.log10(value)))).toEqual(
      Array.from({ length: last - first + 1 }, (_, k) => first + k),
    );
    const place = (value: number): number => (length * Math.log10(value / low)) / Math.log10(high / low);
    const labelled = ticks.filter(({ label }) => label).map(({ value }) => place(value));
    expect(labelled.length).toBeGreaterThanOrEqual(2);
    const gaps = labelled.slice(1).map((at, k) => at - labelled[k]);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(room - 1e-6);
    // Evenly spaced in the exponent.
    expect(Math.max(...gaps) - Math.min(...gaps)).toBeLessThan(1e-6 * length);
  });

  test('2 to 9 between decades where they can be told apart, not elsewhere', () => {
    const wide = logTicks(1, 1000, 90, 10).map(({ value }) => value);
    expect(wide).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000,
    ]);
    expect(
      logTicks(1e-15, 1e15, 150, 20).every(
        ({ value }) => Math.abs(Math.log10(value) % 1) < 1e-9 || Math.abs(Math.log10(value) % 1) > 1 - 1e-9,
      ),
    ).toBe(true);
  });

  test('within a decade mantissas carry numbers', () => {
    expect(labels(logTicks(1.5, 7, 150, 12))).toEqual(['2', '3', '4', '5', '6', '7']);
    expect(labels(logTicks(2e-7, 9e-7, 150, 50))).toEqual(['2e-7', '5e-7']);
  });

  test.each([
    [0, 1],
    [-1, 1],
    [1, 1],
    [NaN, 1],
  ])('refuses [%s, %s]', (low, high) => {
    expect(() => logTicks(low, high, 100, 10)).toThrow(/0 < min < max/);
  });
});

describe('ticks of a linear axis', () => {
  test.each([
    [0, 1, 150, 15, ['0', '0.2', '0.4', '0.6', '0.8', '1.0']],
    [-0.3, 0.31, 100, 20, ['−0.2', '0', '0.2']],
    [0, 3000, 150, 30, ['0', '1\u202f000', '2\u202f000', '3\u202f000']],
    [0, 4e-5, 100, 30, ['0', '2e-5', '4e-5']],
    [0, 2e7, 100, 40, ['0', 'e7', '2e7']],
  ])('from %g to %g', (low, high, length, room, expected) => {
    expect(labels(linearTicks(low, high, length, room))).toEqual(expected);
  });

  test('whole numbers only where asked', () => {
    for (const { value } of linearTicks(0, 3, 150, 15, true)) expect(Number.isInteger(value)).toBe(true);
  });
});

describe('limits that an axis cannot tell apart', () => {
  // Beyond 2^53 steps a count by ones stands still: such an axis once never ended.
  test.each([
    [1, 1 + 2 ** -52],
    [2.302585, 2.302585 + 1e-14],
    [1e300, 1e300 * (1 + 1e-13)],
    [0, 1e-310],
  ])('[%g, %g] is refused as one value', (low, high) => {
    expect(() => linearTicks(low, high, 100, 10)).toThrow(/shows one value/);
  });

  test('[3, 3 + 4e-16] is refused on a logarithmic axis too', () => {
    expect(() => logTicks(3, 3 + 2 ** -51, 100, 10)).toThrow(/shows one value/);
  });

  test('limits whose distance is no number are refused', () => {
    expect(() => linearTicks(-1.7e308, 1.7e308, 100, 10)).toThrow(/min < max/);
  });

  test('just above rounding there are ticks, few and in order', () => {
    const ticks = linearTicks(1, 1 + 3e-12, 150, 20).map(({ value }) => value);
    expect(ticks.length).toBeGreaterThan(2);
    expect(ticks.length).toBeLessThan(60);
    expect(ticks.every((value, k) => k === 0 || value > ticks[k - 1])).toBe(true);
  });
});

describe('numbers at chosen values', () => {
  const axis = (min: number, max: number, scale: 'log' | 'linear' = 'log') => ({ scale, min, max });
  const width = (): number => 15;

  test('all of them and no other, with every digit', () => {
    const ticks = chosenTicks(axis(0.0455, 0.44), [0.4, 0.05, 0.2, 0.1, 0.1], 200, 7, width)!;
    expect(labels(ticks)).toEqual(['0.05', '0.1', '0.2', '0.4']);
    expect(ticks.map(({ value }) => value)).toEqual(ticks.map(({ value }) => value).toSorted((a, b) => a - b));
    // Ticks without a number between them, none beside a number.
    expect(ticks.filter(({ label }) => label === undefined).length).toBeGreaterThan(2);
    expect(ticks.filter(({ value }) => Math.abs(value - 0.3) < 1e-9).map(({ label }) => label)).toEqual([undefined]);
    expect(labels(chosenTicks(axis(3e-7, 1.2e-3), [5e-7, 1e-5, 1e-3], 200, 7, width)!)).toEqual([
      '5e-7',
      'e-5',
      '0.001',
    ]);
    expect(labels(chosenTicks(axis(0, 9000, 'linear'), [50, 2000, 8000], 200, 7, width)!)).toEqual([
      '50',
      '2\u202f000',
      '8\u202f000',
    ]);
  });

  test('none where they have no room beside each other, are too many, or lie beyond the axis', () => {
    expect(chosenTicks(axis(0, 1000, 'linear'), [1, 2, 1000], 200, 7, width)).toBeUndefined();
    expect(chosenTicks(axis(1, 1e9), Array.from({ length: 9 }, (_, k) => 10 ** (k + 0.5)), 900, 7, width)).toBeUndefined(); // prettier-ignore
    expect(chosenTicks(axis(1, 10), [0.1, 5], 200, 7, width)).toBeUndefined();
    expect(chosenTicks(axis(1, 10), [], 200, 7, width)).toBeUndefined();
  });
});

test('a short axis has two numbers, closer than usual, before it has one', () => {
  for (const [min, max] of [
    [3.97, 4.2],
    [0.83, 1.6],
    [15.2, 25.3],
  ])
    // prettier-ignore
    for (const scale of ['linear', 'log'] as const) {
      const ticks = clearTicks({ scale, min, max }, 36, 6);
      expect(labels(ticks).length, `${min} to ${max}, ${scale}`).toBeGreaterThan(1);
    }
});
