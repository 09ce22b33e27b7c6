/** Limits of axes and the maps from data to the page. */
import { InputError } from '../../errors.ts';
import { withGuides } from '../guides.ts';
import { isOneRatio, isOneValue, narrowestSpan, smallestSpan } from '../ticks.ts';
import type { Axis, Mark, Panel } from '../types.ts';

export interface Domain {
  readonly min: number;
  readonly max: number;
  /** No value of the data fits on the axis. */
  readonly empty: boolean;
}

/** Values that an axis has to reach. Slopes, regions and rules adapt to the axis and ask for nothing. */
function valuesOf(mark: Mark, axis: 'x' | 'y', other: Axis): (readonly number[])[] {
  switch (mark.kind) {
    case 'points': {
      // A point that the other axis cannot show does not affect the limits of this one.
      const shown = (k: number): boolean => other.scale !== 'log' || (axis === 'x' ? mark.y[k] : mark.x[k]) > 0;
      const keep = (list: readonly number[] | undefined): number[] => (list ? list.filter((_, k) => shown(k)) : []);
      return axis === 'x' ? [keep(mark.x)] : [keep(mark.y), keep(mark.yLow), keep(mark.yHigh)];
    }
    case 'line':
      return [mark[axis]];
    case 'band':
      return axis === 'x' ? [mark.x] : [mark.low, mark.high];
    case 'rule':
    case 'region':
    case 'slope':
      return [];
    case 'heatmap':
      return [mark[axis]];
    default:
      mark satisfies never;
      throw new Error('unknown mark');
  }
}

/** The largest number that an axis reaches; beyond it the span of an axis overflows. */
const largestValue = 1e300;
/** With its margin. */
const farthest = 1e305;

/** Within what an axis can reach. */
function clamped(value: number, scale: 'linear' | 'log'): number {
  return Math.max(scale === 'log' ? 1 / largestValue : -largestValue, Math.min(largestValue, value));
}

/** A domain with room on both sides of what an axis cannot tell apart. */
function roomAround(low: number, high: number, scale: 'linear' | 'log'): [low: number, high: number] {
  if (scale === 'log') return isOneRatio(low, high) ? [low / 10 ** 0.6, high * 10 ** 0.6] : [low, high];
  if (!isOneValue(low, high)) return [low, high];
  const middle = low / 2 + high / 2;
  const half = Math.abs(middle) < smallestSpan / narrowestSpan ? 1 : Math.abs(middle) * 0.1;
  return [middle - half, middle + half];
}

const axisWords = { x: 'horizontal', y: 'vertical' } as const;

export function domainOf(panels: readonly Panel[], which: 'x' | 'y'): Domain {
  const axes = panels.map((panel) => panel[which]);
  const { scale } = axes[0];
  if (axes.some((axis) => axis.scale !== scale))
    throw new Error(`panels that share their ${which} axis must have the same kind of scale`);
  const fixedMin = axes.find((axis) => axis.min !== undefined)?.min;
  const fixedMax = axes.find((axis) => axis.max !== undefined)?.max;
  if (scale === 'log' && ((fixedMin !== undefined && !(fixedMin > 0)) || (fixedMax !== undefined && !(fixedMax > 0))))
    throw new InputError(
      `the ${axisWords[which]} axis is logarithmic: its limits must be positive, not ${fixedMin ?? 'by the data'} to ${fixedMax ?? 'by the data'}; change or leave out ${which}.min and ${which}.max`,
    );
  if (scale === 'category')
    return { min: -0.5, max: Math.max(1, ...axes.map((axis) => axis.categories?.length ?? 0)) - 0.5, empty: false };

  let low = Infinity;
  let high = -Infinity;
  let tight = true;
  const other = which === 'x' ? 'y' : 'x';
  for (const panel of panels)
    for (const mark of panel.marks) {
      if (mark.kind !== 'heatmap') tight = false;
      for (const list of valuesOf(mark, which, panel[other]))
        for (const value of list) {
          if (!canShow(value, scale)) continue;
          if (value < low) low = value;
          if (value > high) high = value;
        }
    }
  if (low <= high) [low, high] = [clamped(low, scale), clamped(high, scale)];
  if (axes.some((axis) => axis.zero) && scale === 'linear') {
    low = Math.min(low, 0);
    high = Math.max(high, 0);
  }
  const rules = panels.flatMap((panel) =>
    panel.marks.flatMap((mark) =>
      mark.kind === 'rule' && mark.axis === which && (scale !== 'log' || mark.value > 0) ? [mark.value] : [],
    ),
  );
  const empty = !(low <= high);
  if (empty) [low, high] = scale === 'log' ? [1e-3, 1] : [0, 1];
  else if (low < high && rules.length > 0)
    [low, high] =
      scale === 'log'
        ? (withGuides(Math.log(low), Math.log(high), rules.map(Math.log)).map(Math.exp) as [number, number])
        : withGuides(low, high, rules);
  if (scale === 'log') {
    [low, high] = roomAround(low, high, scale);
    const pad = tight ? 0 : 0.04 * (Math.log10(high) - Math.log10(low));
    low = Math.max(low * 10 ** -pad, 1 / farthest);
    high = Math.min(high * 10 ** pad, farthest);
  } else {
    [low, high] = roomAround(low, high, scale);
    const pad = tight ? 0 : 0.04 * (high - low);
    const sticky = which === 'y' && axes.some((axis) => axis.zero);
    low -= sticky && low === 0 ? 0 : pad;
    high += pad;
  }
  let min = fixedMin ?? low;
  let max = fixedMax ?? high;
  const narrow = scale === 'log' ? isOneRatio(min, max) : isOneValue(min, max);
  if (narrow) {
    if (fixedMax !== undefined && fixedMin !== undefined)
      throw new InputError(
        `the ${axisWords[which]} axis cannot run from ${min} to ${max}${max > min ? ', which is one value up to rounding' : ''}: raise its upper limit (${which}.max), lower the other (${which}.min), or leave one to the data`,
      );
    // A limit beyond all data is kept; the other one makes room.
    if (fixedMax === undefined) max = scale === 'log' ? min * 10 : min + Math.max(1, Math.abs(min) * 0.1);
    else min = scale === 'log' ? max / 10 : max - Math.max(1, Math.abs(max) * 0.1);
  }
  return { min, max, empty };
}

/** Whether an axis of a scale has a place for a value. */
export function canShow(value: number, scale: Axis['scale']): boolean {
  return Number.isFinite(value) && (scale !== 'log' || value > 0);
}

export type Scale = (value: number) => number;

/** The map of an axis from data to page coordinates between `start` and `end`. Values a log axis cannot show give NaN. */
export function scaleOf(axis: Axis, domain: Domain, start: number, end: number): Scale {
  const [from, to] = axis.reversed ? [end, start] : [start, end];
  if (axis.scale === 'log') {
    const low = Math.log10(domain.min);
    const span = Math.log10(domain.max) - low;
    return (value) => (value > 0 ? from + ((Math.log10(value) - low) / span) * (to - from) : NaN);
  }
  const span = domain.max - domain.min;
  return (value) => from + ((value - domain.min) / span) * (to - from);
}

/** The value at a page coordinate: the inverse of `scaleOf`. */
export function inverseOf(axis: Axis, { min, max }: Pick<Domain, 'min' | 'max'>, start: number, end: number): Scale {
  const [from, to] = axis.reversed ? [end, start] : [start, end];
  const share = (at: number): number => (at - from) / (to - from);
  return axis.scale === 'log' ? (at) => min * (max / min) ** share(at) : (at) => min + share(at) * (max - min);
}
