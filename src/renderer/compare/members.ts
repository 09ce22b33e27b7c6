/** The members of a comparison: single runs, or the combined seeds of one setup; and their curves and points. Pure. */
import type { CutoffRow, Estimator, Interval } from '../../shared/slopes.ts';
import { findRow, type Estimand } from '../../shared/estimands.ts';
import type { Json, MeasurementInfo, RunRow, SeriesData, SummaryValue } from '../../shared/contract/index.ts';
import { intervalQuantiles, statisticsOf } from '../../shared/group-statistics.ts';
import { interpolated } from '../../shared/interpolation.ts';
import { representativeMeasurement } from '../../shared/representative.ts';
import { settingValue } from '../../shared/settings.ts';
import { defaultAxis, namesByDifference } from '../../shared/varied.ts';
import type { Varied } from '../../shared/varied.ts';
import { colours, lookOf } from './looks.ts';
import type { Look } from './looks.ts';
import type { OverlayMark } from './marks.ts';

export interface Member extends Look {
  /** Id of the run, or the setup. */
  readonly id: string;
  readonly name: string;
  /** The name without the number of its seeds. */
  readonly setup: string;
  readonly runs: readonly RunRow[];
}

/**
 * Runs, or the seeds of each setup as one, called and ordered by the settings in which they differ (`varied`: one value a row), with a look each. Where they differ
 * in nothing they keep the given order, in their own colours if these differ.
 */
export function membersOf(rows: readonly RunRow[], seeds: boolean, varied: readonly Varied[] = []): Member[] {
  const groups = new Map<string, RunRow[]>();
  for (const row of rows) {
    const key = seeds ? row.setup : row.id;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  const place = new Map(rows.map(({ id }, i) => [id, i]));
  const list = [...groups].map(([id, runs]) => ({ id, runs }));
  const settings = varied.map(({ path, values }) => ({
    path,
    values: list.map(({ runs }) => values[place.get(runs[0].id) ?? -1] ?? null),
  }));
  const names = namesByDifference(
    list.map(({ runs: [first] }) => first),
    settings,
    !seeds,
  );
  /** Of several seeds: not called by the first, unless that alone tells two setups apart. */
  const common = names.map((name, i) => (list[i].runs.length === 1 ? name : name.replace(/, seed \d+$/, '')));
  const called = new Set(common).size === common.length ? common : names;
  const order = ranked(
    list.map(({ runs }) => runs[0]),
    settings,
  );
  const isPlain =
    varied.length === 0 && new Set(list.map(({ runs }) => oldestOf(runs).colour % colours)).size === list.length;
  return order.map((i, rank): Member => {
    const { id, runs } = list[i];
    const look = lookOf(rank);
    return {
      id,
      name: runs.length === 1 ? called[i] : `${called[i]}, ${countText(runs)}`,
      setup: called[i],
      ...(isPlain ? { ...look, colour: oldestOf(runs).colour % colours } : look),
      runs,
    };
  });
}

/** "3 seeds"; "3 runs" if two of them have the same seed. */
function countText(runs: readonly RunRow[]): string {
  const distinct = new Set(runs.map(({ seed }) => seed)).size === runs.length;
  return `${runs.length} ${distinct ? 'seeds' : 'runs'}`;
}

function oldestOf(runs: readonly RunRow[]): RunRow {
  return runs.reduce((first, run) => (run.created < first.created ? run : first));
}

/** Places of runs in the order of what differs: numbers by size, names as they first come; then by seed. */
function ranked(runs: readonly RunRow[], varied: readonly Varied[]): number[] {
  const first = defaultAxis(varied);
  const keys = [...varied]
    .sort((a, b) => Number(b.path === first) - Number(a.path === first))
    .map(({ values }) => {
      const distinct = [...new Set(values)];
      if (distinct.every((value) => typeof value === 'number' || value === null))
        distinct.sort((a, b) => Number(a ?? -Infinity) - Number(b ?? -Infinity));
      return values.map((value) => distinct.indexOf(value));
    });
  const places = runs.map((_, i) => i);
  if (varied.length === 0) return places;
  return places.sort((a, b) => {
    for (const ranks of keys) if (ranks[a] !== ranks[b]) return ranks[a] - ranks[b];
    return (runs[a].seed ?? 0) - (runs[b].seed ?? 0) || a - b;
  });
}

/** A result over a member's runs: its own with its interval for one run, mean with Student's interval for several. */
export function valueOf(
  member: Member,
  results: ReadonlyMap<string, RunRow['values']>,
  key: string,
): SummaryValue | undefined {
  const held = member.runs.flatMap(({ id }) => results.get(id)?.[key] ?? []);
  if (member.runs.length === 1) return held[0];
  const numbers = held.flatMap(({ value }) => value ?? []);
  if (numbers.length === 0) {
    const texts = new Set(held.flatMap(({ text }) => text ?? []));
    return texts.size === 0 ? undefined : { value: null, text: [...texts].join(', '), low: null, high: null };
  }
  const { mean, interval } = statisticsOf(numbers);
  return { value: mean, text: null, low: interval?.[0] ?? null, high: interval?.[1] ?? null };
}

type Series = Readonly<Record<string, Readonly<Record<string, SeriesData>>>>;

/** A series of each member; of several runs the mean at each step that one of them has (between two steps: straight), with its interval. */
export function curvesOf(members: readonly Member[], series: Series, name: string): OverlayMark[] {
  return members.flatMap((member): OverlayMark[] => {
    const lists = member.runs.flatMap((run) => series[run.id]?.[name] ?? []).filter(({ steps }) => steps.length > 0);
    if (lists.length === 0) return [];
    const { id, name: label, colour, dash, shape } = member;
    if (member.runs.length === 1) {
      return [{ id, name: label, colour, dash, shape, x: lists[0].steps, y: lists[0].values }];
    }
    return [{ id, name: label, colour, dash, shape, ...meanCurve(lists) }];
  });
}

/** Mean and interval of curves at all steps that any of them has, while at least two of them last; as in the figure of learning curves. */
export function meanCurve(curves: readonly SeriesData[]): Pick<OverlayMark, 'x' | 'y' | 'low' | 'high'> {
  const steps = Float64Array.from(new Set(curves.flatMap((curve) => [...curve.steps]))).sort();
  // [run, step]
  const values = curves.map((curve) => interpolated(curve.steps, curve.values, steps));
  const counts = steps.map((_, i) => values.filter((own) => Number.isFinite(own[i])).length);
  const places = [...steps.keys()].filter((i) => counts[i] >= Math.min(2, curves.length) && counts[i] > 0);
  const quantile = intervalQuantiles();
  const x = Float64Array.from(places, (i) => steps[i]);
  const y = new Float64Array(x.length);
  const low = new Float64Array(x.length).fill(NaN);
  const high = new Float64Array(x.length).fill(NaN);
  // As in `statisticsOf`, but without making a list for every step.
  for (const [k, i] of places.entries()) {
    const n = counts[i];
    let sum = 0;
    for (const own of values) if (Number.isFinite(own[i])) sum += own[i];
    const mean = sum / n;
    y[k] = mean;
    if (n < 2) continue;
    let squares = 0;
    for (const own of values) if (Number.isFinite(own[i])) squares += (own[i] - mean) ** 2;
    const width = quantile(n - 1) * Math.sqrt(squares / (n * (n - 1)));
    low[k] = mean - width;
    high[k] = mean + width;
  }
  return { x, y, low, high };
}

export const quantities = ['gamma', 'gamma_Q', 'C_on_Q'] as const;
export type Quantity = (typeof quantities)[number];

/** A slope at a cutoff, with its interval if there is one. */
function slopeAt(
  row: CutoffRow | undefined,
  quantity: Quantity,
  estimator: Estimator = 'ols',
): { readonly value: number; readonly interval: Interval | null } | null {
  const slopes = row?.[quantity];
  const value = slopes?.[estimator];
  if (value === null || value === undefined) return null;
  return { value, interval: slopes?.interval?.[estimator] ?? null };
}

function cutoffRowOf(measurement: MeasurementInfo, estimand: Estimand, cutoff: number): CutoffRow | undefined {
  return measurement.summary === null ? undefined : findRow(measurement.summary.gamma[estimand], cutoff);
}

/** The measurement that stands for a parameter of a run (shared/representative.ts); undefined if none succeeded. */
export function lastOf(
  measurements: readonly MeasurementInfo[],
  run: string,
  parameter: string,
): MeasurementInfo | undefined {
  return representativeMeasurement(
    measurements.filter((one) => one.run === run && one.parameter === parameter && one.summary !== null),
  );
}

interface Slope {
  readonly value: number;
  readonly interval: Interval | null;
}

/** Of one run its own interval; of several the mean with Student's interval over them. */
function pooledSlope(slopes: readonly Slope[]): Slope | null {
  if (slopes.length === 0) return null;
  if (slopes.length === 1) return slopes[0];
  const { mean, interval } = statisticsOf(slopes.map(({ value }) => value));
  return { value: mean, interval };
}

/** Points of one member, in the order of x. */
function markOf(
  { id, name, colour, dash, shape }: Member,
  points: readonly { readonly x: number; readonly slope: Slope | null }[],
): OverlayMark[] {
  const defined = points.flatMap(({ x, slope }) => (slope === null ? [] : [{ x, ...slope }])).sort((a, b) => a.x - b.x);
  if (defined.length === 0) return [];
  return [
    {
      id,
      name,
      colour,
      dash,
      shape,
      x: defined.map(({ x }) => x),
      y: defined.map(({ value }) => value),
      low: defined.map(({ interval }) => interval?.[0] ?? NaN),
      high: defined.map(({ interval }) => interval?.[1] ?? NaN),
    },
  ];
}

export interface SlopeChoice {
  readonly estimand: Estimand;
  readonly quantity: Quantity;
  readonly cutoff: number;
}

/** The slope of a parameter of a run, by the measurement that stands for it; null if it was not measured, or not fitted at the cutoff. */
export function slopeOfRun(
  measurements: readonly MeasurementInfo[],
  run: string,
  parameter: string,
  { estimand, quantity, cutoff }: SlopeChoice,
): Slope | null {
  const one = lastOf(measurements, run, parameter);
  return one === undefined ? null : slopeAt(cutoffRowOf(one, estimand, cutoff), quantity);
}

/** The same of a member's runs as one. */
export function slopeOfMember(
  { runs }: Member,
  measurements: readonly MeasurementInfo[],
  parameter: string,
  choice: SlopeChoice,
): Slope | null {
  return pooledSlope(runs.flatMap(({ id }) => slopeOfRun(measurements, id, parameter, choice) ?? []));
}

/** The slope by cutoff. */
export function byCutoff(
  members: readonly Member[],
  measurements: readonly MeasurementInfo[],
  parameter: string,
  choice: SlopeChoice,
): OverlayMark[] {
  return members.flatMap((member) => {
    const last = member.runs.flatMap((run) => lastOf(measurements, run.id, parameter) ?? []);
    const cutoffs = new Set(
      last.flatMap(({ summary }) => summary?.gamma[choice.estimand].map((row) => row.cutoff) ?? []),
    );
    return markOf(
      member,
      [...cutoffs].map((x) => ({ x, slope: slopeOfMember(member, last, parameter, { ...choice, cutoff: x }) })),
    );
  });
}

/** The slope over the steps of training that it was measured at. */
export function overTraining(
  members: readonly Member[],
  measurements: readonly MeasurementInfo[],
  parameter: string,
  choice: SlopeChoice,
): OverlayMark[] {
  return members.flatMap((member) => {
    const ids = new Set(member.runs.map(({ id }) => id));
    const measured = measurements.filter(
      (one) => ids.has(one.run) && one.parameter === parameter && one.summary !== null,
    );
    const steps = [...new Set(measured.map(({ step }) => step))];
    return markOf(
      member,
      steps.map((x) => {
        const there = measured.filter(({ step }) => step === x);
        return { x, slope: slopeOfMember(member, there, parameter, choice) };
      }),
    );
  });
}

/** The slope of every parameter measured; x is its place in `parameters`. */
export function perLayer(
  members: readonly Member[],
  measurements: readonly MeasurementInfo[],
  parameters: readonly string[],
  choice: SlopeChoice,
): OverlayMark[] {
  return members.flatMap((member) =>
    markOf(
      member,
      parameters.map((parameter, x) => ({ x, slope: slopeOfMember(member, measurements, parameter, choice) })),
    ),
  );
}

export interface Setting {
  readonly key: string;
  /** Of each run, by id. */
  readonly values: ReadonlyMap<string, Json>;
  readonly numeric: boolean;
  /** Texts in the order of their first run; empty for numbers. */
  readonly categories: readonly string[];
  /** Numbers that span more than a decade, all positive. */
  readonly log: boolean;
}

/** A setting in which the runs differ, as an axis. */
export function settingOf(key: string, rows: readonly RunRow[], values: readonly Json[]): Setting {
  const present = values.filter((value) => value !== null);
  const numeric = present.length > 0 && present.every((value) => typeof value === 'number');
  const numbers = numeric ? present : [];
  const categories = numeric ? [] : [...new Set(values.map((value) => settingValue(key, value)))];
  return {
    key,
    numeric,
    categories,
    log: numbers.length > 0 && Math.min(...numbers) > 0 && Math.max(...numbers) >= 8 * Math.min(...numbers),
    values: new Map(rows.map((row, i) => [row.id, values[i] ?? null])),
  };
}

/** A result of each member against a setting. Members whose runs differ in that setting (as seeds do in the seed) give one point per value. */
export function againstSetting(
  members: readonly Member[],
  setting: Setting,
  slopeOf: (run: RunRow) => Slope | null,
): OverlayMark[] {
  return members.flatMap((member) => {
    const slopes = new Map<number, Slope[]>();
    for (const run of member.runs) {
      const value = setting.values.get(run.id) ?? null;
      const x = setting.numeric
        ? typeof value === 'number'
          ? value
          : NaN
        : setting.categories.indexOf(settingValue(setting.key, value));
      const slope = slopeOf(run);
      if (Number.isNaN(x) || slope === null) continue;
      slopes.set(x, [...(slopes.get(x) ?? []), slope]);
    }
    return markOf(
      member,
      [...slopes].map(([x, slopes]) => ({ x, slope: pooledSlope(slopes) })),
    );
  });
}

/**
 * Marks to be joined by a line: members that have the same value in every setting in which the runs differ, except `key` and the seed. Ids of marks, each
 * list in the order of x; lists of one are left out. `varied`: one value a row.
 */
export function joinsOf(
  marks: readonly OverlayMark[],
  members: readonly Member[],
  rows: readonly RunRow[],
  varied: readonly Varied[],
  key: string,
): string[][] {
  const place = new Map(rows.map(({ id }, i) => [id, i]));
  const others = varied.filter(({ path }) => path !== key);
  const first = new Map(members.map(({ id, runs }) => [id, place.get(runs[0].id) ?? -1]));
  const groups = new Map<string, OverlayMark[]>();
  for (const mark of marks) {
    if (mark.x.length !== 1) continue;
    const index = first.get(mark.id) ?? -1;
    const of = JSON.stringify(others.map(({ values }) => values[index] ?? null));
    groups.set(of, [...(groups.get(of) ?? []), mark]);
  }
  return [...groups.values()]
    .filter(
      (group) =>
        new Set(group.map(({ x }) => x[0])).size > 1 && new Set(group.map(({ x }) => x[0])).size === group.length,
    )
    .map((group) => group.sort((a, b) => a.x[0] - b.x[0]).map(({ id }) => id));
}
