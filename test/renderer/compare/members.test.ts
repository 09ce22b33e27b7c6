/** Curves and slopes of runs laid over each other, against sums by hand. */
import { describe, expect, it } from 'vitest';
import {
  curvesOf,
  meanCurve,
  membersOf,
  settingOf,
  againstSetting,
  joinsOf,
  valueOf,
} from '../../../src/renderer/compare/members.ts';
import { lookOf } from '../../../src/renderer/compare/looks.ts';
import type { OverlayMark } from '../../../src/renderer/compare/marks.ts';
import { namedAxis, overlayPanel } from '../../../src/renderer/compare/overlay-panel.ts';
import { placePanel } from '../../../src/renderer/charts/placement.ts';
import { domainOf } from '../../../src/shared/figures/layout/scales.ts';
import { learningCurves } from '../../../src/shared/figures/figures/training.ts';
import type { Axis, Band, Line, Points } from '../../../src/shared/figures/types.ts';
import { changesBetween } from '../../../src/renderer/experiment/changes.ts';
import type { RunRow } from '../../../src/shared/contract/index.ts';

const run = (id: string, setup: string, seed: number, colour: number, name = 'net'): RunRow =>
  ({ id, setup, seed, colour, name, created: colour, values: {} }) as unknown as RunRow;
const rows = [run('a', 's', 1, 0), run('b', 's', 2, 1), run('c', 't', 1, 8), run('d', 't', 2, 9)];
const series = (steps: number[], values: number[]) => ({
  steps: Float64Array.from(steps),
  values: Float64Array.from(values),
});

describe('members', () => {
  it('are runs, or the seeds of a setup, called, ordered and coloured by what differs', () => {
    const varied = [{ path: 'optimiser.lr', values: [0.2, 0.2, 0.1, 0.1] }];
    expect(membersOf(rows, true, varied).map(({ name, runs, colour }) => [name, runs.length, colour])).toEqual([
      ['learning rate 0.1, 2 seeds', 2, 0],
      ['learning rate 0.2, 2 seeds', 2, 1],
    ]);
    expect(membersOf(rows, false, varied).map(({ name, id }) => [name, id])).toEqual([
      ['learning rate 0.1, seed 1', 'c'],
      ['learning rate 0.1, seed 2', 'd'],
      ['learning rate 0.2, seed 1', 'a'],
      ['learning rate 0.2, seed 2', 'b'],
    ]);
  });

  it('that are several seeds are not called by the seed of the first, and runs of one seed are no seeds', () => {
    const named = [
      run('a', 's', 2, 0, 'net, rate 0.1, seed 2'),
      run('b', 's', 3, 1, 'net, rate 0.1, seed 3'),
      run('c', 't', 1, 2, 'one'),
      run('d', 't', 1, 3, 'another'),
    ];
    expect(membersOf(named, true).map(({ name, setup }) => [name, setup])).toEqual([
      ['net, rate 0.1, 2 seeds', 'net, rate 0.1'],
      ['one, 2 runs', 'one'],
    ]);
    // Names that only the seed tells apart stay whole.
    const alike = [...named.slice(0, 2), ...named.slice(0, 2).map((each, k) => run(`e${k}`, 'u', 5 + k, 4, each.name.replace(/\d$/, '5')))]; // prettier-ignore
    expect(membersOf(alike, true).map(({ name }) => name)).toEqual([
      'net, rate 0.1, seed 2, 2 seeds',
      'net, rate 0.1, seed 5, 2 seeds',
    ]);
  });

  it('that differ in nothing keep their own colours, where these differ', () => {
    expect(membersOf([rows[1], rows[0]], false).map(({ colour, name }) => [colour, name])).toEqual([
      [1, 'seed 2'],
      [0, 'seed 1'],
    ]);
    // The colours of a and c are one.
    expect(membersOf([rows[0], rows[2]], false).map(({ colour }) => colour)).toEqual([0, 1]);
  });

  it('beyond eight are told apart by dashes and shapes', () => {
    const many = Array.from({ length: 32 }, (_, i) => run(`r${i}`, `s${i}`, 1, i));
    const varied = [{ path: 'optimiser.lr', values: many.map((_, i) => i + 1) }];
    const members = membersOf(many, false, varied);
    expect(new Set(members.map(({ colour, dash }) => `${colour} ${dash}`)).size).toBe(32);
    expect(new Set(members.map(({ colour, shape }) => `${colour} ${shape}`)).size).toBe(32);
    expect(new Set(members.slice(0, 8).map(({ dash, shape }) => `${dash} ${shape}`))).toEqual(
      new Set(['solid circle']),
    );
    expect(new Set(Array.from({ length: 128 }, (_, i) => JSON.stringify(lookOf(i)))).size).toBe(128);
  });

  it('have the mean of their curves at each step that one of them has, straight between two steps', () => {
    const { x, y, low, high } = meanCurve([series([0, 10, 20], [0, 1, 2]), series([5, 15, 20], [3, 5, 7])]);
    expect([...(x as Float64Array)]).toEqual([5, 10, 15, 20]);
    expect([...(y as Float64Array)]).toEqual([(0.5 + 3) / 2, (1 + 4) / 2, (1.5 + 5) / 2, (2 + 7) / 2]);
    // t(1) at 97.5 % is 12.7062; deviation of {1, 4} is 3 / sqrt 2.
    const half = (12.7062047 * 3) / Math.SQRT2 / Math.SQRT2;
    expect(high![1]).toBeCloseTo(2.5 + half, 5);
    expect(low![1]).toBeCloseTo(2.5 - half, 5);
  });

  it('have that mean while two of them last, as in the figure of learning curves', () => {
    const curves = [series([0, 10], [1, 1]), series([0, 10, 20], [2, 2, 4]), series([0, 10, 20, 30], [6, 6, 6, 6])];
    const { x, y, low } = meanCurve(curves);
    const runs = curves.map(({ steps, values }) => Array.from(steps, (step, k) => ({ step, value: values[k] })));
    const { marks } = learningCurves([{ label: 'net', runs }], { metric: 'loss' }).panels[0];
    const [band, line] = marks as [Band, Line];
    expect([...(x as Float64Array)]).toEqual([0, 10, 20]);
    expect([...(y as Float64Array)]).toEqual([3, 3, 5]);
    expect([line.x, line.y]).toEqual([[0, 10, 20], [3, 3, 5]]); // prettier-ignore
    (band.low as number[]).forEach((each, k) => expect(low![k]).toBeCloseTo(each, 12));
  });

  it('draw one curve a run or a mean a setup, and nothing for runs without points', () => {
    const found = { a: { loss: series([1, 2], [4, 2]) }, b: { loss: series([1, 2], [6, 4]) }, c: {} };
    expect(curvesOf(membersOf(rows, false), found, 'loss').map(({ id }) => id)).toEqual(['a', 'b']);
    const [mean, ...others] = curvesOf(membersOf(rows, true), found, 'loss');
    expect(others).toEqual([]);
    expect(Array.from(mean.y)).toEqual([5, 3]);
  });

  it("have the mean of their results with Student's interval", () => {
    const number = (value: number) => ({ value, text: null, low: null, high: null });
    const results = new Map([
      ['a', { loss: number(1) }],
      ['b', { loss: number(3) }],
    ]);
    const [first, second] = membersOf(rows, true);
    expect(valueOf(first, results, 'loss')).toMatchObject({ value: 2, low: expect.closeTo(2 - 12.7062, 3) as number });
    expect(valueOf(second, results, 'loss')).toBeUndefined();
  });
});

describe('settings as an axis', () => {
  it('are numbers, in decades where they span them, or names', () => {
    expect(settingOf('lr', rows, [0.1, 0.1, 0.001, null])).toMatchObject({ numeric: true, log: true, categories: [] });
    expect(settingOf('lr', rows, [0, 1, 2, 3])).toMatchObject({ numeric: true, log: false });
    expect(settingOf('loss', rows, ['mse', null, 'mse', 'ce'])).toMatchObject({ categories: ['mse', 'none', 'ce'] });
  });

  it('place each member by the values of its runs', () => {
    const setting = settingOf('lr', rows, [0.1, 0.1, 0.2, 0.2]);
    const marks = againstSetting(membersOf(rows, true), setting, ({ colour }) => ({ value: colour, interval: null }));
    expect(marks.map(({ x, y }) => [Array.from(x), Array.from(y)])).toEqual([
      [[0.1], [0.5]],
      [[0.2], [8.5]],
    ]);
  });
});

describe('joins', () => {
  it('run through the setups that differ in the setting alone, in the order of it; seeds and names tell nothing apart', () => {
    const many = ['a', 'b', 'c', 'd', 'e'].map((id, i) => run(id, id, i, i));
    const members = membersOf(many, false);
    const differences = {
      name: ['1', '2', '3', '4', '5'],
      seed: [1, 2, 3, 4, 5],
      'optimiser.lr': [0.3, 0.1, 0.1, 0.2, 0.3],
      'model.loss': ['mse', 'mse', 'cross_entropy', 'mse', 'cross_entropy'],
    };
    const joins = (key: 'optimiser.lr' | 'seed', values: typeof differences): string[][] => {
      const varied = Object.entries(values).flatMap(([path, each]) =>
        path === 'name' || path === 'seed' ? [] : [{ path, values: each }],
      );
      const marks = againstSetting(members, settingOf(key, many, values[key]), () => ({ value: 1, interval: null }));
      return joinsOf(marks, members, many, varied, key);
    };
    expect(joins('optimiser.lr', differences)).toEqual([
      ['b', 'd', 'a'],
      ['c', 'e'],
    ]);
    // Two of one setup at one rate: no curve.
    expect(joins('optimiser.lr', { ...differences, 'optimiser.lr': [0.1, 0.1, 0.1, 0.2, 0.1] })).toEqual([]);
  });
});

describe('changes of a clone', () => {
  it('name every setting that differs, by path', () => {
    const before = { seed: 1, optimiser: { lr: 0.1 }, model: { input: [784], layers: [{ units: 50 }] } };
    const after = {
      seed: [1, 2],
      optimiser: { lr: 0.1, momentum: 0.9 },
      model: { input: [784], layers: [{ units: 60 }] },
    };
    expect(changesBetween(before, after)).toEqual([
      { path: 'seed', before: '1', after: '[1,2]' },
      { path: 'model.layers[0].units', before: '50', after: '60' },
      { path: 'optimiser.momentum', before: '', after: '0.9' },
    ]);
    expect(changesBetween(before, structuredClone(before))).toEqual([]);
  });
});

describe('a comparison as a panel of a figure', () => {
  const mark = (id: string, x: number[], y: number[]): OverlayMark => ({
    id,
    name: id,
    colour: 0,
    dash: 'solid',
    shape: 'circle',
    x,
    y,
    low: y.map((v) => v - 1),
    high: y.map((v) => v + 1),
  });
  const drawn = (marks: OverlayMark[], x: Partial<Axis> = {}): { points: Points[]; pixels: number[][] } => {
    const axes = { x: { ...namedAxis('x'), min: 0, max: 10, ...x }, y: namedAxis('y') };
    const panel = overlayPanel(marks, 'bars', axes);
    const points = panel.marks.filter((each): each is Points => each.kind === 'points');
    const { x: toPixel, frame } = placePanel(panel, 182, 258);
    expect([frame.x, frame.width]).toEqual([64, 100]);
    return { points, pixels: points.map((each) => each.x.map(toPixel)) };
  };

  it('has every point of a numeric axis at its value, whatever stands there already; intervals step aside', () => {
    const { points, pixels } = drawn([mark('a', [2], [5]), mark('b', [2], [6]), mark('c', [7], [5])]);
    expect(pixels).toEqual([[84], [84], [134]]);
    expect(points.map(({ barShift = 0 }) => barShift)).toEqual([-2.5, 2.5, 0]);
    expect(points.map(({ opacity }) => opacity)).toEqual([0.75, 0.75, 1]);
    const many = drawn(Array.from({ length: 30 }, (_, k) => mark(String(k), [2], [k / 3])));
    expect(new Set(many.pixels.flat())).toEqual(new Set([84]));
    expect((many.points.at(-1)?.barShift ?? 0) - (many.points[0].barShift ?? 0)).toBeCloseTo(24, 9);
  });

  it('has curves at their values too', () => {
    const { pixels } = drawn([mark('a', [1, 2, 4], [5, 5, 5]), mark('b', [1, 2, 4], [6, 6, 6])]);
    expect(pixels).toEqual([
      [74, 84, 104],
      [74, 84, 104],
    ]);
  });

  it('has marks over names side by side, each nearer to its own name', () => {
    const names = Array.from({ length: 10 }, (_, k) => String(k));
    const { pixels } = drawn([mark('a', [0, 1], [5, 5]), mark('b', [0, 1], [6, 6])], { scale: 'category', categories: names }); // prettier-ignore
    const [a, b] = pixels;
    // Ten pixels a name: 0.6 of it between the first mark and the last.
    expect([b[0] - a[0], b[1] - a[1]]).toEqual([expect.closeTo(6, 5), expect.closeTo(6, 5)]);
    expect(a[1] - a[0]).toBeCloseTo(10, 5);
  });

  it('fits its axes to the data, and takes in a bound that lies near', () => {
    const limits = (values: number[], references: number[]): number[] => {
      const bare = { ...mark('a', values.map((_, k) => k), values), low: values, high: values }; // prettier-ignore
      const panel = overlayPanel([bare], 'bars', { x: namedAxis('x'), y: namedAxis('y') }, { references });
      const { min, max } = domainOf([panel], 'y');
      const share = 0.04 / 1.08;
      return [min + share * (max - min), max - share * (max - min)].map((end) => Number(end.toFixed(9)));
    };
    expect(limits([1.2, 1.6], [1, 2])).toEqual([1.2, 1.6]);
    expect(limits([1.05, 1.6], [1, 2])).toEqual([1, 1.6]);
    expect(limits([-3, -1], [1, 2])).toEqual([-3, -1]);
    expect(limits([50], [])).toEqual([45, 55]);
  });
});
