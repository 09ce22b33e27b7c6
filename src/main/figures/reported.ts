/** Stored runs as reports take them. */
import { definedOf } from '../../shared/defined.ts';
import type { ReportedRun } from '../../shared/figures/report/types.ts';
import { metricName } from '../../shared/figures/names.ts';
import type { FigureProvenance } from '../../shared/figures/types.ts';
import type { MetricPoint } from '../../shared/results.ts';
import { settingName, settingValue } from '../../shared/settings.ts';
import { leavesOf } from '../../shared/varied.ts';
import { seedOf } from '../store/experiments.ts';
import { softwareText, type CodeVersion } from '../provenance.ts';
import type { RunRecord, Store } from '../store/index.ts';
import type { FigureLoader } from './loader.ts';
import { allMeasurements, type StoredMeasurement } from './run-measurements.ts';
import { provenanceOf, thinnedSeries } from './sources.ts';

export interface ReportSelection {
  /** Only this layer. */
  readonly parameter?: string;
  /** Only measurements at this step; the last of each run by default, the others show in the figures over training. */
  readonly step?: number;
}

/** Metrics whose curves a report shows, if a run has them. */
const shown = ['loss', 'test_loss', 'accuracy', 'test_accuracy'] as const;
const mostPoints = 1000;

/** A run of a report before its arrays are read: plain values. */
export interface SourcedReport {
  readonly run: Omit<ReportedRun, 'measurements'>;
  readonly items: readonly StoredMeasurement[];
}

/** Raises InputError for a layer or step that a run does not have. */
export function sourceReport(
  store: Store,
  runs: readonly RunRecord[],
  selection: ReportSelection = {},
): { readonly runs: readonly SourcedReport[]; readonly provenance: FigureProvenance } {
  const names = distinctNames(runs);
  const sourced = runs.map((run, k): SourcedReport => {
    const layer = selection.parameter === undefined ? {} : { parameter: selection.parameter };
    const all = allMeasurements(store, run, layer);
    const step = selection.step ?? all.at(-1)?.step;
    // With a step this raises the error that says which there are.
    const items = step === undefined ? [] : allMeasurements(store, run, { ...layer, step });
    const series = store.series(run.id, { names: [...shown] });
    const curves: Record<string, readonly MetricPoint[]> = {};
    for (const name of shown)
      if (series[name] !== undefined) curves[metricName(name)] = thinnedSeries(series[name], mostPoints).points;
    const configuration = configurationOf(run);
    const history = historyOf(all, curves[metricName('loss')]);
    return { run: { id: run.id, name: names[k], setup: run.setup, configuration, curves, ...history }, items };
  });
  return { runs: sourced, provenance: provenanceOf(runs) };
}

/** With the diagonals of its measurements: what `reportOf` takes. */
export function loadReported(runs: readonly SourcedReport[], loader: FigureLoader): Promise<ReportedRun[]> {
  return Promise.all(
    runs.map(async ({ run, items }) => ({
      ...run,
      measurements: await Promise.all(items.map((item) => loader.measurement(item))),
    })),
  );
}

/** The names of the runs; those that several share with their seeds, and with their ids if these are the same too. */
function distinctNames(runs: readonly RunRecord[]): string[] {
  const shared = (names: readonly string[], k: number): boolean => names.filter((name) => name === names[k]).length > 1;
  const names = runs.map(({ name }) => name);
  const seeded = runs.map((run, k) =>
    shared(names, k) ? `${run.name}, seed ${seedOf(run.experiment) ?? 'none'}` : run.name,
  );
  return runs.map((run, k) => (shared(seeded, k) ? `${seeded[k]} (${run.id})` : seeded[k]));
}

/** The layer that was measured most often, over training. */
function historyOf(
  all: readonly StoredMeasurement[],
  loss: readonly MetricPoint[] | undefined,
): Pick<ReportedRun, 'history'> {
  const layers = Map.groupBy(all, ({ summary }) => summary.parameter);
  const [longest = []] = [...layers.values()].sort((a, b) => b.length - a.length);
  if (longest.length < 2) return {};
  return {
    history: {
      measurements: longest.map(({ step, summary }) => ({ step, summary })),
      ...definedOf({ loss }),
    },
  };
}

/** Every setting of the experiment by its name, then when and where it ran. */
function configurationOf(run: RunRecord): Record<string, string> {
  const configuration: Record<string, string> = {};
  const model = run.values['model']?.text;
  if (model !== undefined && model !== null) configuration['model'] = model;
  for (const [path, value] of leavesOf(run.experiment)) {
    // The list of layers is said in one line by the model above.
    if (path === 'name' || (configuration['model'] !== undefined && path.startsWith('model.layers'))) continue;
    configuration[settingName(path)] = settingValue(path, value);
  }
  configuration['run'] = run.id;
  configuration['state'] = run.status;
  if (run.started !== null)
    configuration['started'] = new Date(run.started).toISOString().slice(0, 16).replace('T', ' ');
  const { code } = (run.provenance ?? {}) as { readonly code?: Partial<CodeVersion> };
  if (code?.version !== undefined) configuration['software'] = softwareText({ ...code, version: code.version });
  return configuration;
}
