/** Lines and bands with no more points than a screen shows, against all their points column by column. */
import { describe, expect, it } from 'vitest';
import { thinnedBand, thinnedLine } from '../../../../src/shared/figures/layout/thinning.ts';
import { normal } from '../data.ts';

const noise = normal(7);
const n = 20_000;
const x = Array.from({ length: n }, (_, k) => k + 1);
const y = x.map((k) => 3 / k + noise());
const linear = (value: number): number => (value / n) * 300;
const decades = (value: number): number => (Math.log10(value) / Math.log10(n)) * 300;

/** First, smallest, largest and last value in each column of pixels. */
function columns(
  xs: readonly number[],
  ys: readonly number[],
  place: (value: number) => number,
): Map<number, number[]> {
  const groups = Map.groupBy(xs.keys(), (k) => Math.floor(place(xs[k])));
  return new Map(
    [...groups].map(([column, list]) => {
      const values = list.map((k) => ys[k]);
      return [column, [values[0], Math.min(...values), Math.max(...values), values[values.length - 1]]];
    }),
  );
}

describe.each([
  ['a linear axis', linear],
  ['decades', decades],
])('over %s', (_, place) => {
  it('a line keeps the first, lowest, highest and last point of every column, in order', () => {
    const line = thinnedLine({ kind: 'line', name: 'a', x, y, colour: 0 }, place, 'linear');
    expect(line.x.length).toBeLessThanOrEqual(4 * 301);
    expect(line.x).toEqual(line.x.toSorted((a, b) => a - b));
    expect(columns(line.x, line.y, place)).toEqual(columns(x, y, place));
  });

  it('a band reaches from the lowest low end to the highest high one of every column', () => {
    const [low, high] = [y.map((value) => value - 1), y.map((value) => value + 1)];
    const band = thinnedBand({ kind: 'band', name: 'a', x, low, high, colour: 0 }, place);
    const [lows, highs] = [columns(x, low, place), columns(x, high, place)];
    expect(band.low).toEqual([...lows.values()].map(([, least]) => least));
    expect(band.high).toEqual([...highs.values()].map(([, , most]) => most));
  });
});

it('what an axis cannot show breaks a line where it broke before', () => {
  const broken = y.map((value, k) => (k === 5000 ? NaN : value));
  const line = thinnedLine({ kind: 'line', name: 'a', x, y: broken, colour: 0 }, linear, 'linear');
  expect(line.x.filter((_, k) => Number.isNaN(line.y[k]))).toEqual([5001]);
});
