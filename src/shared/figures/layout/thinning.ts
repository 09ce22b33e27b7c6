/** Lines and bands of many points with no more of them than a screen shows, by columns of pixels. */
import type { Axis, Band, Line } from '../types.ts';
import { canShow, type Scale } from './scales.ts';

/** Of each column the first, lowest, highest and last point: the same picture. A value that the axis cannot show breaks the line as before. */
export function thinnedLine(mark: Line, x: Scale, scaleOfY: Axis['scale']): Line {
  const xs: number[] = [];
  const ys: number[] = [];
  const keep = (k: number): void => {
    xs.push(mark.x[k]);
    ys.push(mark.y[k]);
  };
  let column = NaN;
  let [first, low, high, last] = [-1, -1, -1, -1];
  const flush = (): void => {
    if (first < 0) return;
    const [a, b] = low < high ? [low, high] : [high, low];
    keep(first);
    if (a > first && a < last) keep(a);
    if (b > first && b < last && b !== a) keep(b);
    if (last > first) keep(last);
    first = -1;
  };
  for (let k = 0; k < mark.x.length; k++) {
    const value = mark.y[k];
    if (!canShow(value, scaleOfY)) {
      flush();
      keep(k);
      continue;
    }
    const pixel = Math.floor(x(mark.x[k]));
    if (first < 0 || pixel !== column) {
      flush();
      column = pixel;
      [first, low, high, last] = [k, k, k, k];
      continue;
    }
    if (value < mark.y[low]) low = k;
    if (value > mark.y[high]) high = k;
    last = k;
  }
  flush();
  return { ...mark, x: xs, y: ys };
}

/** Of each column one point, from the lowest low end to the highest high one. A missing end breaks the band as before. */
export function thinnedBand(mark: Band, x: Scale): Band {
  const [xs, lows, highs]: [number[], number[], number[]] = [[], [], []];
  let column = NaN;
  for (let k = 0; k < mark.x.length; k++) {
    const [low, high] = [mark.low[k], mark.high[k]];
    const pixel = Number.isNaN(low + high) ? NaN : Math.floor(x(mark.x[k]));
    const end = xs.length - 1;
    if (pixel === column) {
      lows[end] = Math.min(lows[end], low);
      highs[end] = Math.max(highs[end], high);
      continue;
    }
    column = pixel;
    xs.push(mark.x[k]);
    lows.push(low);
    highs.push(high);
  }
  return { ...mark, x: xs, low: lows, high: highs };
}
