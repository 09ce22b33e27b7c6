/**
 * From a recipe and the store to all that a figure needs, as plain values: which measurements, series and files. Reading the files, and what has to be
 * computed from them, is loader.ts; it may run in another process.
 */
import { InputError } from '../../shared/errors.ts';
import { runsOf } from '../../shared/figures/apply.ts';
import { drawCarried } from '../../shared/figures/carried.ts';
import { metricName } from '../../shared/figures/names.ts';
import { expandRecipe, type FigureRecipe, type FigureSource } from '../../shared/figures/recipe.ts';
import { figureTable, type FigureName } from '../../shared/figures/catalogue.ts';
import { plainLabel } from '../../shared/figures/text/label.ts';
import type { FigureSpec, FigureProvenance } from '../../shared/figures/types.ts';
import type { MetricPoint } from '../../shared/results.ts';
import { ownSoftware } from '../provenance.ts';
import { settingName, settingText } from '../../shared/settings.ts';
import { defaultAxis, leavesOf, namesByDifference, variedSettings } from '../../shared/varied.ts';
import { fieldsOf } from '../store/index.ts';
import type { RunRecord, Store } from '../store/index.ts';
import {
  allMeasurements,
  lastMeasurements,
  measuredNetwork,
  measurementsOf,
  oneMeasurement,
} from './run-measurements.ts';
import type { MeasuredNetwork, StoredMeasurement } from './run-measurements.ts';

export type SourcedData =
  | { readonly kind: 'measurement' | 'matrix' | 'overlap'; readonly item: StoredMeasurement }
  | { readonly kind: 'samples'; readonly item: StoredMeasurement; readonly network: MeasuredNetwork }
  | {
      readonly kind: 'measurements';
      readonly items: readonly StoredMeasurement[];
      /** What the run of each is called, if their setups differ; empty if there is one. */
      readonly names: readonly string[];
    }
  | {
      readonly kind: 'hyperparameter';
      readonly parameter: string;
      readonly rows: readonly {
        readonly value: number | string;
        /** What the run is besides: settings other than the axis in which the runs differ; empty if there are none. */
        readonly group: string;
        readonly items: readonly StoredMeasurement[];
      }[];
    }
  | {
      readonly kind: 'curves';
      readonly metric: string;
      readonly groups: readonly { readonly label: string; readonly runs: readonly (readonly MetricPoint[])[] }[];
      readonly notes: readonly string[];
    }
  | {
      readonly kind: 'history';
      readonly items: readonly StoredMeasurement[];
      /** Of the whole network as one vector, beside those of a parameter. */
      readonly network: readonly StoredMeasurement[];
      readonly loss: readonly MetricPoint[];
      /** The learning rate at the measurements. */
      readonly rates: readonly MetricPoint[];
      readonly momentum: number;
    };

export interface SourcedFigure {
  /** Expanded: panels have one recipe for each of `data`. */
  readonly recipe: FigureRecipe;
  readonly data: readonly SourcedData[];
  readonly provenance: FigureProvenance;
  /** Drawn already: from the numbers that the recipe carries, because its runs are not in the store. */
  readonly spec?: FigureSpec;
}

/** Points of a series that a figure draws at most; longer ones are thinned to every k-th, and the small print says so. */
export const mostPoints = 2000;

/** Raises InputError naming the run, layer, step, setting or series that is not there, and what is. */
export function sourceFigure(store: Store, recipe: FigureRecipe): SourcedFigure {
  if (recipe.carried !== undefined && runsOf(recipe).some((run) => !isThere(store, run))) {
    const spec = drawCarried(recipe);
    return { recipe, data: [], provenance: spec.provenance, spec };
  }
  const expanded = expandRecipe(recipe);
  if (expanded.figure !== 'panels') {
    const { data, runs } = sourceOne(store, expanded);
    return { recipe: expanded, data: [data], provenance: provenanceOf(runs) };
  }
  const panels = (expanded.panels ?? []).flatMap((panel) => {
    const inner = expandRecipe(panel);
    return inner.figure === 'panels' ? (inner.panels ?? []) : [inner];
  });
  if (panels.length === 0) throw new InputError(`the recipe "${recipe.name}" has no panels`);
  const sourced = panels.map((panel) => sourceOne(store, panel));
  const titles = panelTitles(panels, sourced);
  return {
    recipe: {
      ...expanded,
      panels: panels.map((panel, k) =>
        panel.options.title === undefined && titles[k] !== undefined
          ? { ...panel, options: { ...panel.options, title: titles[k] } }
          : panel,
      ),
    },
    data: sourced.map(({ data }) => data),
    provenance: provenanceOf(sourced.flatMap(({ runs }) => runs)),
  };
}

function isThere(store: Store, run: string): boolean {
  try {
    store.findRun(run);
    return true;
  } catch (error) {
    if (error instanceof InputError) return false;
    throw error;
  }
}

/** Every measurement behind a figure, once. */
export function measuredIn({ data }: SourcedFigure): StoredMeasurement[] {
  const all = data.flatMap((each): readonly StoredMeasurement[] =>
    'item' in each
      ? [each.item]
      : 'items' in each
        ? each.items
        : 'rows' in each
          ? each.rows.flatMap((row) => row.items)
          : [],
  );
  return [...new Map(all.map((item) => [item.id, item])).values()];
}

interface Sourced {
  readonly data: SourcedData;
  readonly runs: readonly RunRecord[];
}

function sourceOne(store: Store, { figure, sources, options }: FigureRecipe): Sourced {
  const name = figure as FigureName;
  if (sources.length === 0) throw new InputError(`${figureTable[name].title}: choose at least one run`);
  const runs = sources.map(({ run }) => store.findRun(run));
  const [first] = sources;
  const { needs } = figureTable[name];
  switch (needs) {
    case 'measurement':
    case 'matrix':
    case 'overlap':
      return { runs, data: { kind: needs, item: oneMeasurement(store, runs[0], first) } };
    case 'samples': {
      const item = oneMeasurement(store, runs[0], first);
      return { runs, data: { kind: needs, item, network: measuredNetwork(store, runs[0], item.step) } };
    }
    case 'measurements':
      return { runs, data: { kind: needs, ...measurementsOfSetups(store, runs, sources) } };
    case 'hyperparameter':
      return { runs, data: hyperparameter(store, runs, sources, options.field, options.parameter) };
    case 'curves':
      return { runs, data: curves(store, runs, options.metric ?? 'loss') };
    case 'history': {
      const all = measurementsOf(store, runs[0], first);
      const { parameter } = all[0].summary;
      const items = all.filter(({ summary }) => summary.parameter === parameter);
      const network =
        parameter === 'network'
          ? []
          : allMeasurements(store, runs[0], {}).filter(({ summary }) => summary.parameter === 'network');
      const series = store.series(runs[0].id, { names: ['loss', 'learning_rate'] });
      const { points } = thinnedSeries(series['loss'], mostPoints);
      return {
        runs,
        data: {
          kind: needs,
          items,
          network,
          loss: points,
          ...ratesOf(runs[0], series['learning_rate'], [...items, ...network]),
        },
      };
    }
    default:
      needs satisfies never;
      throw new Error('unknown figure');
  }
}

function measurementsOfSetups(
  store: Store,
  runs: readonly RunRecord[],
  sources: readonly FigureSource[],
): { readonly items: readonly StoredMeasurement[]; readonly names: readonly string[] } {
  const firsts = [...new Map(runs.map((run) => [run.setup, run])).values()];
  const labels = firsts.length > 1 ? namesOf(firsts, false) : [''];
  const all = runs.flatMap((run, k) => {
    const name = labels[firsts.findIndex(({ setup }) => setup === run.setup)];
    return lastMeasurements(store, run, sources[k]).map((item) => ({ item, name }));
  });
  return { items: all.map(({ item }) => item), names: all.map(({ name }) => name) };
}

function hyperparameter(
  store: Store,
  runs: readonly RunRecord[],
  sources: readonly FigureSource[],
  field: string | undefined,
  label: string | undefined,
): SourcedData {
  const settings = runs.map(settingsOf);
  const varied = variedSettings(runs.map((run) => run.experiment));
  const axisPath = field ?? defaultAxis(varied);
  if (axisPath === undefined)
    throw new InputError(
      'the runs differ in no setting but their seed: choose runs of a sweep, or name the setting (field)',
    );
  const axis = varied.find(({ path }) => path === axisPath);
  const others = varied.filter(({ path }) => path !== axisPath);
  // Runs that differ in more than the axis are series of their own: a mean over them would be of nothing.
  const groupOf = (k: number): string =>
    others.map(({ path, values }) => plainLabel(settingText(path, values[k]))).join(', ');
  const parameter = sources.find((source) => source.parameter !== undefined)?.parameter;
  const measured = runs.map((run, k) => lastMeasurements(store, run, sources[k]));
  // One layer throughout: the first that all runs have.
  const common = measured[0].map(({ summary }) => summary.parameter);
  const layer =
    parameter ??
    common.find((name) => measured.every((items) => items.some((item) => item.summary.parameter === name)));
  const rows = new Map<string, { value: number | string; group: string; items: StoredMeasurement[] }>();
  runs.forEach((run, k) => {
    const value = axis?.values[k] ?? settings[k].get(axisPath);
    if (value === undefined) {
      const known = [...settings[k].keys()].join(', ');
      throw new InputError(`run ${run.id} (${run.name}) has no setting "${axisPath}"; it has ${known}`);
    }
    const item = measured[k].find(({ summary }) => layer === undefined || matches(summary.parameter, layer));
    if (item === undefined) throw new InputError(`run ${run.id} (${run.name}) has no measurement of ${layer}`);
    const group = groupOf(k);
    const key = JSON.stringify([value, group]);
    const row = rows.get(key);
    if (row !== undefined) row.items.push(item);
    else rows.set(key, { value: typeof value === 'boolean' ? String(value) : value, group, items: [item] });
  });
  return {
    kind: 'hyperparameter',
    parameter: label ?? settingName(axisPath),
    rows: [...rows.values()],
  };
}

const matches = (parameter: string, layer: string): boolean =>
  parameter === layer || parameter.replace(/\.kernel$/, '') === layer;

/** Settings by path, and the names that the table of runs has for model, dataset and loss. */
function settingsOf(run: RunRecord): Map<string, number | string | boolean> {
  const settings = new Map(leavesOf(run.experiment));
  for (const [key, value] of Object.entries(fieldsOf(run.experiment)))
    if (!settings.has(key) && typeof value !== 'object') settings.set(key, value);
  return settings;
}

function curves(store: Store, runs: readonly RunRecord[], metric: string): SourcedData {
  const series = store.seriesOfRuns(
    runs.map(({ id }) => id),
    { names: [metric] },
  );
  for (const run of runs)
    if (series[run.id]?.[metric] === undefined) {
      const known = store.seriesNames(run.id).map(({ name }) => name);
      throw new InputError(
        `run ${run.id} (${run.name}) has no series "${metric}"; it has ${known.join(', ') || 'none'}`,
      );
    }
  const groups = new Map<string, RunRecord[]>();
  for (const run of runs) groups.set(run.setup, [...(groups.get(run.setup) ?? []), run]);
  const labels = namesOf(
    [...groups.values()].map(([run]) => run),
    false,
  );
  let every = 1;
  const lists = [...groups.values()].map((group) =>
    group.map((run) => {
      const taken = thinnedSeries(series[run.id][metric], mostPoints);
      every = Math.max(every, taken.every);
      return taken.points;
    }),
  );
  return {
    kind: 'curves',
    metric: metricName(metric),
    groups: lists.map((list, k) => ({ label: labels[k], runs: list })),
    notes: every > 1 ? [`every ${every}th value`] : [],
  };
}

/** What runs are called beside each other: by what differs. `seeds`: false if each stands for all seeds of its setup. */
function namesOf(runs: readonly RunRecord[], seeds: boolean): string[] {
  const varied = variedSettings(runs.map((run) => run.experiment));
  return namesByDifference(runs, varied, seeds).map(plainLabel);
}

/** The learning rate at the measurements: the last that the run's series has by then, else the run's first; none of a run that was imported. */
function ratesOf(
  run: RunRecord,
  series: { readonly steps: ArrayLike<number>; readonly values: ArrayLike<number> } | undefined,
  items: readonly StoredMeasurement[],
): { readonly rates: readonly MetricPoint[]; readonly momentum: number } {
  const { optimiser } = run.experiment as { readonly optimiser?: { readonly lr?: number; readonly momentum?: number } };
  const rates = items.flatMap(({ step }) => {
    let value = optimiser?.lr;
    for (let i = 0; series !== undefined && i < series.steps.length && series.steps[i] <= step; i++)
      value = series.values[i];
    return value === undefined ? [] : [{ step, value }];
  });
  return { rates, momentum: optimiser?.momentum ?? 0 };
}

/** At most so many points, by taking every k-th and the last. */
export function thinnedSeries(
  series: { readonly steps: ArrayLike<number>; readonly values: ArrayLike<number> } | undefined,
  most: number,
): { readonly points: MetricPoint[]; readonly every: number } {
  if (series === undefined) return { points: [], every: 1 };
  const count = series.steps.length;
  const every = Math.max(1, Math.ceil(count / most));
  const points: MetricPoint[] = [];
  for (let i = 0; i < count; i += every) points.push({ step: series.steps[i], value: series.values[i] });
  if (every > 1 && (count - 1) % every !== 0)
    points.push({ step: series.steps[count - 1], value: series.values[count - 1] });
  return { points, every };
}

/** What tells panels apart, if anything does: run, layer, step. */
function panelTitles(panels: readonly FigureRecipe[], sourced: readonly Sourced[]): (string | undefined)[] {
  // Panels of different figures are told apart by their axes.
  if (new Set(panels.map(({ figure }) => figure)).size > 1) return panels.map(() => undefined);
  const all = [...new Map(sourced.flatMap(({ runs }) => runs).map((run) => [run.id, run])).values()];
  const names = namesOf(all, true);
  const parts = sourced.map(({ data, runs }) => {
    const item = 'item' in data ? data.item : 'items' in data ? data.items[0] : undefined;
    return {
      run: runs.length === 1 ? names[all.findIndex(({ id }) => id === runs[0].id)] : '',
      layer: item?.summary.parameter ?? '',
      step: item === undefined || data.kind === 'history' ? '' : `step ${item.step}`,
    };
  });
  if (new Set(parts.map((part) => JSON.stringify(part))).size === 1) return panels.map(() => undefined);
  const choices = [['run'], ['layer'], ['step'], ['run', 'layer'], ['run', 'step'], ['layer', 'step']] as const;
  const label = (part: (typeof parts)[number], keys: readonly (keyof typeof part)[]): string =>
    keys.map((key) => (key === 'run' ? part[key] : plainLabel(part[key]))).join(', ');
  const keys =
    choices.find((each) => new Set(parts.map((part) => label(part, each))).size === parts.length) ??
    (['run', 'layer', 'step'] as const);
  return parts.map((part) => label(part, keys));
}

export function provenanceOf(runs: readonly RunRecord[]): FigureProvenance {
  const data: Record<string, string> = {};
  for (const { provenance } of runs) {
    const { dataset } = (provenance ?? {}) as { readonly dataset?: { readonly name: string; readonly hash: string } };
    if (dataset !== undefined) data[dataset.name] = dataset.hash;
  }
  return {
    software: ownSoftware(),
    runs: [...new Map(runs.map(({ id, name }) => [id, { id, name }])).values()],
    data,
    fit: {},
  };
}
