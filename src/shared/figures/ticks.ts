/** Positions and labels of the ticks of an axis. Pure numbers; lengths in points. */
import { integerText, scientificParts } from './numbers.ts';

export interface Tick {
  readonly value: number;
  readonly major: boolean;
  /**
   * The label of a tick: text, or mantissa and exponent of a power of ten (mantissa "" for 10^k alone).
   * Undefined: a tick without a number.
   */
  readonly label?: { readonly mantissa: string; readonly exponent: number } | { readonly text: string };
}

/**
 * Spans narrower than this share of the values at their ends are one value: doubles carry 16 digits, and the steps of an axis take four of them. Rounding
 * alone makes spans of 1e-16.
 */
export const narrowestSpan = 1e-12;

/** Spans narrower than this are one value too: below lie numbers of fewer digits (denormal ones). */
export const smallestSpan = 1e-304;

/** Whether an axis cannot tell the ends of an interval apart. True as well where `high` is not above `low`, or either is NaN. */
export function isOneValue(low: number, high: number): boolean {
  return !(high - low > Math.max(smallestSpan, narrowestSpan * Math.max(Math.abs(low), Math.abs(high))));
}

/** The same on a logarithmic axis, where 0 < low: only the ratio counts. */
export function isOneRatio(low: number, high: number): boolean {
  return !((high - low) / high > narrowestSpan);
}

/** Steps between labelled decades. */
const strides = [1, 2, 3, 5, 10, 20, 50, 100];

/** Below this length of a decade the ticks at 2, ..., 9 would run into each other (8 to 9 is 5 % of a decade: 0.5 pt) and are left out. */
const shortestDecade = 10;

/**
 * Ticks of a logarithmic axis over any number of decades. Every decade within [low, high] has a tick; the labelled ones (as many as fit, evenly spaced
 * in the exponent) are major. Ticks at 2...9 times each decade are drawn where a decade is long enough to tell them apart. Where fewer than two decade
 * ticks fall into the range, mantissas carry numbers too.
 * `length`: of the axis; `room`: that a label needs along the axis.
 */
export function logTicks(low: number, high: number, length: number, room: number): Tick[] {
  if (!(low > 0 && high > low && Number.isFinite(high)))
    throw new Error(`a logarithmic axis needs 0 < min < max, not [${low}, ${high}]`);
  if (isOneRatio(low, high)) throw new Error(`a logarithmic axis from ${low} to ${high} shows one value`);
  const from = Math.log10(low);
  const to = Math.log10(high);
  const first = Math.ceil(from - 1e-9);
  const last = Math.floor(to + 1e-9);
  const decade = length / (to - from);
  const inside = (exponent: number): boolean => exponent >= from - 1e-9 && exponent <= to + 1e-9;
  const decades = last - first + 1;

  const labelled = new Map<string, Tick>();
  const key = (mantissa: number, exponent: number): string => `${mantissa}e${exponent}`;
  if (decades >= 2) {
    const stride = strides.find((step) => step * decade >= room) ?? Math.ceil(room / decade);
    // Among the possible offsets, the one that labels zero and round exponents.
    for (let k = Math.ceil(first / stride) * stride; k <= last; k += stride)
      labelled.set(key(1, k), { value: 10 ** k, major: true, label: { mantissa: '', exponent: k } });
    if (labelled.size < 2 && decades >= 2 && (last - first) * decade >= room) {
      labelled.clear();
      for (const k of [first, last])
        labelled.set(key(1, k), { value: 10 ** k, major: true, label: { mantissa: '', exponent: k } });
    }
  } else {
    const sets = [[1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 5], [1, 2, 5], [1, 3], [1]];
    const at = (set: readonly number[]): { mantissa: number; exponent: number; place: number }[] => {
      const out = [];
      for (let k = first - 1; k <= last + 1; k++)
        for (const mantissa of set)
          if (inside(k + Math.log10(mantissa)))
            out.push({ mantissa, exponent: k, place: (k + Math.log10(mantissa)) * decade });
      return out;
    };
    const fits = (list: { place: number }[]): boolean =>
      list.every((entry, k) => k === 0 || entry.place - list[k - 1].place >= room * 1.15);
    const ticksOfSet = sets.map(at).find((list) => list.length >= 2 && fits(list)) ?? [];
    for (const { mantissa, exponent } of ticksOfSet)
      labelled.set(key(mantissa, exponent), {
        value: Number(`${mantissa}e${exponent}`),
        major: true,
        label: plainOrPower(mantissa, exponent),
      });
    // A short range may read better with even steps, where their numbers stand clear of each other on the logarithmic axis too.
    if (ticksOfSet.length < 3 && !isOneValue(low, high)) {
      const even = linearTicks(low, high, length, room);
      const places = even.filter((tick) => tick.label).map((tick) => Math.log10(tick.value) * decade);
      const clear = places.every((place, k) => k === 0 || place - places[k - 1] >= room);
      if (ticksOfSet.length === 0 || (clear && places.length > ticksOfSet.length)) return even;
    }
  }

  const ticks: Tick[] = [];
  for (let k = first - 1; k <= last + 1; k++)
    for (let mantissa = 1; mantissa <= 9; mantissa++) {
      if (!inside(k + Math.log10(mantissa))) continue;
      const known = labelled.get(key(mantissa, k));
      if (known) ticks.push(known);
      else if (mantissa === 1) ticks.push({ value: 10 ** k, major: false });
      else if (decade >= shortestDecade) ticks.push({ value: Number(`${mantissa}e${k}`), major: false });
    }
  return ticks;
}

function plainOrPower(mantissa: number, exponent: number): NonNullable<Tick['label']> {
  if (exponent >= -3 && exponent <= 3)
    return {
      text: exponent >= 0 ? integerText(mantissa * 10 ** exponent) : (mantissa * 10 ** exponent).toFixed(-exponent),
    };
  return { mantissa: mantissa === 1 ? '' : String(mantissa), exponent };
}

/** A step of 1, 2 or 5 times a power of ten that is at least `least`. */
export function niceStep(least: number): number {
  const scale = 10 ** Math.floor(Math.log10(least));
  const ratio = least / scale;
  return (ratio <= 1 + 1e-9 ? 1 : ratio <= 2 + 1e-9 ? 2 : ratio <= 5 + 1e-9 ? 5 : 10) * scale;
}

/** Of a linear axis, minor ones included: eight labelled steps of five parts are some 50; limits far apart never ask for more. */
const mostTicks = 1000;

/**
 * Ticks of a linear axis at steps of 1, 2 or 5, minor ticks at a fifth (a quarter of steps of 2) of a step. Raises an Error if the limits are not
 * finite, the wrong way round, or one value (`isOneValue`).
 */
export function linearTicks(low: number, high: number, length: number, room: number, integers = false): Tick[] {
  if (!(high > low && Number.isFinite(high - low))) throw new Error(`an axis needs min < max, not [${low}, ${high}]`);
  if (isOneValue(low, high)) throw new Error(`an axis from ${low} to ${high} shows one value`);
  const most = Math.max(1, Math.floor(length / Math.max(room, length / 8)));
  let step = niceStep((high - low) / most);
  if (integers) step = Math.max(1, Math.round(step));
  const lead = Math.round(step / 10 ** Math.floor(Math.log10(step) + 1e-9));
  const parts = integers ? (step > 1 ? (lead === 1 ? 5 : lead === 2 ? 2 : 5) : 1) : lead === 2 ? 4 : 5;
  const fine = step / parts;
  const epsilon = 1e-9 * (high - low);
  const ticks: Tick[] = [];
  // Counted, not stepped: beyond 2^53 a step of one changes nothing.
  const first = Math.ceil((low - epsilon) / fine);
  const count = Math.min(mostTicks, Math.floor((high + epsilon) / fine) - first + 1);
  for (let i = 0; i < count; i++) {
    const k = first + i;
    const major = ((k % parts) + parts) % parts === 0;
    const value = major ? (k / parts) * step : k * fine;
    if (!major && (fine / (high - low)) * length < 2.5) continue;
    ticks.push(
      major
        ? { value, major, label: linearLabel(value, step, Math.max(Math.abs(low), Math.abs(high))) }
        : { value, major },
    );
  }
  return ticks;
}

/** A numeric axis, between its limits. */
interface TickedAxis {
  readonly scale: 'linear' | 'log';
  readonly integers?: boolean;
  readonly min: number;
  readonly max: number;
}

/**
 * Ticks of an axis whose numbers stand clear of each other. `size`: of their type, in the units of `length`; `widthOf`: the width of a number on a
 * horizontal axis, left out for an upright one.
 */
export function clearTicks(
  { scale, integers = false, min, max }: TickedAxis,
  length: number,
  size: number,
  widthOf?: (tick: Tick) => number,
): Tick[] {
  const axis = { scale, integers, min, max };
  let ticks = ticksWithin(axis, length, 1, size, widthOf);
  // An axis with one number cannot be read: closer numbers, as long as they do not touch, rather than that.
  for (const share of [0.8, 0.6])
    if (ticks.filter(({ label }) => label).length < 2) ticks = ticksWithin(axis, length, share, size, widthOf);
  return ticks;
}

/** Ticks whose numbers keep a share of the usual distance. */
function ticksWithin(
  { scale, integers = false, min, max }: TickedAxis,
  length: number,
  share: number,
  size: number,
  widthOf?: (tick: Tick) => number,
): Tick[] {
  let room = (widthOf === undefined ? 2.1 : 2.2) * share * size;
  for (let round = 0; ; round++) {
    const ticks = scale === 'log' ? logTicks(min, max, length, room) : linearTicks(min, max, length, room, integers);
    const needed = widthOf === undefined ? room : Math.max(0, ...ticks.map(widthOf)) + 0.8 * share * size;
    if (round >= 2 || needed <= room) return ticks;
    room = needed;
  }
}

/** Values with numbers that an axis takes at most; more are read from even steps. */
const mostChosen = 8;

/** Ticks with numbers at chosen values, between those of `clearTicks` without; undefined where fewer than two are within the limits, or numbers have no room beside each other. */
export function chosenTicks(
  axis: TickedAxis,
  values: readonly number[],
  length: number,
  size: number,
  widthOf?: (tick: Tick) => number,
): Tick[] | undefined {
  const share = (value: number): number =>
    axis.scale === 'log'
      ? Math.log(value / axis.min) / Math.log(axis.max / axis.min)
      : (value - axis.min) / (axis.max - axis.min);
  const chosen = [...new Set(values)]
    .filter((value) => value >= axis.min && value <= axis.max)
    .sort((a, b) => a - b)
    .map((value): Tick => ({ value, major: true, label: plainLabelOf(value) }));
  if (chosen.length < 2 || chosen.length > mostChosen) return undefined;
  const widths = chosen.map((tick) => widthOf?.(tick) ?? size);
  const isClear = chosen.every(
    ({ value }, k) =>
      k === 0 || (share(value) - share(chosen[k - 1].value)) * length >= (widths[k] + widths[k - 1]) / 2 + 0.8 * size,
  );
  if (!isClear) return undefined;
  const near = (a: number, b: number): boolean => Math.abs(share(a) - share(b)) * length < 1;
  const between = clearTicks(axis, length, size, widthOf)
    .filter(({ value }) => !chosen.some((tick) => near(tick.value, value)))
    .map(({ value }): Tick => ({ value, major: false }));
  return [...chosen, ...between].sort((a, b) => a.value - b.value);
}

/** A value with all its digits. */
function plainLabelOf(value: number): NonNullable<Tick['label']> {
  const [mantissa, exponent] = value.toExponential().split('e');
  if (value !== 0 && (Number(exponent) < -4 || Number(exponent) > 5))
    return { mantissa: mantissa === '1' ? '' : mantissa.replace('-', '−'), exponent: Number(exponent) };
  return { text: Number.isInteger(value) ? integerText(value) : String(value).replace('-', '−') };
}

function linearLabel(value: number, step: number, largest: number): NonNullable<Tick['label']> {
  if (Math.abs(value) < 1e-9 * step) return { text: '0' };
  if (largest >= 1e6 || largest < 1e-3) {
    const digits =
      1 + Math.max(0, Math.floor(Math.log10(Math.abs(value)) + 1e-9) - Math.floor(Math.log10(step) + 1e-9));
    const [mantissa, exponent] = scientificParts(value, digits);
    return { mantissa: mantissa === '1' ? '' : mantissa, exponent };
  }
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return { text: decimals === 0 ? integerText(value) : value.toFixed(decimals).replace('-', '−') };
}
