/** Where the marks of an overlay stand: the ranges of its axes, and pixels of points and intervals. Pure. */
import { withGuides } from '../../shared/figures/guides.ts';
import type { AxisRange } from '../charts/range.ts';
import type { Axis, Box, Drawn, Mark, Painting } from './marks.ts';

export interface RangedAxis extends Axis {
  /** In log10 where the axis is logarithmic. */
  readonly range: AxisRange;
}

/** Pixels between the intervals of two marks over one x, and over all of them. */
const betweenBars = 5;
const mostAside = 24;

const isGood = (value: number, log: boolean | undefined): boolean =>
  Number.isFinite(value) && (log !== true || value > 0);

/** A value as it lies along its axis. */
export const along = (value: number, log: boolean | undefined): number => (log === true ? Math.log10(value) : value);

/** The range that holds all values which the axis can show, the guides near them, and a share of it at both ends. */
export function rangeOf(
  axis: Axis,
  lists: readonly (ArrayLike<number> | undefined)[],
  share: number,
  guides: readonly number[] = [],
): AxisRange {
  if (axis.categories !== undefined) return { low: -0.5, high: axis.categories.length - 0.5 };
  let low = Infinity;
  let high = -Infinity;
  for (const list of lists) {
    for (let i = 0; list !== undefined && i < list.length; i++) {
      if (!isGood(list[i], axis.log)) continue;
      const at = along(list[i], axis.log);
      if (at < low) low = at;
      if (at > high) high = at;
    }
  }
  if (!(high >= low)) return axis.log === true ? { low: -1, high: 0 } : { low: 0, high: 1 };
  if (high === low) {
    const room = axis.log === true ? 0.5 : Math.abs(high) / 10 || 1;
    return { low: low - room, high: high + room };
  }
  [low, high] = withGuides(
    low,
    high,
    guides.map((value) => along(value, axis.log)),
  );
  const space = Math.max(share * (high - low), axis.log === true ? 0.08 : 0);
  return { low: low - space, high: high + space };
}

/**
 * Pixels of every mark. On a numeric axis a point stands at its value, always; marks of one point each over the same x move their intervals aside, not their
 * points. Over names marks stand side by side, for a name has room on both sides.
 */
export function placeMarks(
  marks: readonly Mark[],
  kind: Painting['kind'],
  x: RangedAxis,
  y: RangedAxis,
  box: Box,
): Drawn[] {
  const px = (value: number): number => box.left + ((value - x.range.low) / (x.range.high - x.range.low)) * box.width;
  const py = (value: number): number =>
    box.top + (1 - (value - y.range.low) / (y.range.high - y.range.low)) * box.height;
  const toY = (value: number | undefined): number =>
    value === undefined || !isGood(value, y.log) ? NaN : py(along(value, y.log));
  const named = x.categories !== undefined;
  const beside = (index: number): number => (!named || marks.length < 2 ? 0 : 0.6 * (index / (marks.length - 1) - 0.5));
  const placed = marks.map((mark, index) => {
    const count = mark.x.length;
    const points = new Float32Array(2 * count);
    const ends = mark.low === undefined || mark.high === undefined ? null : new Float32Array(2 * count);
    for (let i = 0; i < count; i++) {
      points[2 * i] = isGood(mark.x[i], x.log) ? px(along(mark.x[i], x.log) + beside(index)) : NaN;
      points[2 * i + 1] = toY(mark.y[i]);
      if (ends !== null) {
        ends[2 * i] = toY(mark.low?.[i]);
        ends[2 * i + 1] = toY(mark.high?.[i]);
      }
    }
    return { mark, points, ends };
  });
  const groups = new Map<number, number[]>();
  if (kind === 'bars' && !named) {
    // Curves of several points share most of their x: all of them are one group.
    const lone = placed.every(({ points }) => points.length === 2);
    placed.forEach(({ points }, index) => {
      const at = lone ? Math.round(points[0]) : 0;
      groups.set(at, [...(groups.get(at) ?? []), index]);
    });
  }
  const shifts = new Map<number, number>();
  for (const group of groups.values())
    group.forEach((index, k) => {
      if (group.length > 1)
        shifts.set(index, (k - (group.length - 1) / 2) * Math.min(betweenBars, mostAside / (group.length - 1)));
    });
  return placed.map((shape, index) => ({ ...shape, barShift: shifts.get(index) ?? 0, shared: shifts.has(index) }));
}
