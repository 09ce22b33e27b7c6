import { readdir, readFile, statfs } from 'node:fs/promises';
import * as path from 'node:path';
import { FaultError } from '../../../shared/contract/index.ts';
import type { DatasetInfo, ExperimentCheck, Forecast, Handlers } from '../../../shared/contract/index.ts';
import type { making } from '../../../shared/contract/methods/making.ts';
import { parseDataset } from '../../../shared/dataset.ts';
import type { DatasetSpec, DatasetSummary } from '../../../shared/dataset.ts';
import { parseRecorded } from '../../../shared/experiment.ts';
import type { Experiment } from '../../../shared/experiment.ts';
import { parseModel } from '../../../shared/model.ts';
import { InputError } from '../../../shared/errors.ts';
import { plausibility } from '../../../shared/plausible.ts';
import type { FieldRemark, Plausibility } from '../../../shared/plausible.ts';
import { parseSweep } from '../../../shared/sweep.ts';
import type { Sweep } from '../../../shared/sweep.ts';
import { parseJson } from '../../../shared/validation.ts';
import { publishedDatasets } from '../../../data/downloads/catalogue.ts';
import type { PublishedDataset } from '../../../data/downloads/catalogue.ts';
import { downloadPublished } from '../../../data/downloads/published.ts';
import { forgetLocation, locationOf, publishedPlace, setLocation } from '../../../data/location.ts';
import { formatBytes } from '../../../engine/curvature/forecast.ts';
import { datasetFromPath } from '../../cli/files.ts';
import { checkLayers } from '../../services/fitting.ts';
import { dataFolderOf } from '../../services/runs.ts';
import type { DatasetEntry, Json } from '../../store/index.ts';
import type { RunForecast } from '../helper/forecast.ts';
import type { Workbench } from '../workbench.ts';

const generators = [
  ['glyphs', 'Glyphs: drawn digits, 28 × 28'],
  ['gaussian-mixture', 'Gaussian mixture'],
  ['teacher-student', 'Teacher and student'],
  ['known-gamma', 'Known gamma'],
] as const;

const examples = new URL('../../../../resources/examples/', import.meta.url);

export const makingHandlers: Pick<Handlers<Workbench>, keyof typeof making> = {
  'datasets.list': async (_, workbench) => {
    const { store } = workbench;
    const generated = generators.map(([source, name]): DatasetInfo => {
      const spec = (source === 'known-gamma' ? { source, gamma: 2 } : { source }) as Json;
      return { name, spec, kind: 'generated', available: true, summary: null, own: false, folder: null };
    });
    const published = await Promise.all(
      publishedDatasets.map((dataset) => publishedInfo(dataset, dataFolderOf(store))),
    );
    return [...generated, ...published, ...store.listDatasets().map(entryInfo)];
  },

  'datasets.preview': ({ spec, token, ...wanted }, workbench) =>
    workbench.followed.follow(token, (options) =>
      workbench.helper.ask('preview', { spec: parseDataset(spec), ...wanted, ...folders(workbench) }, options),
    ),

  'datasets.add': async (named, workbench) => {
    const place = workbench.placeOf(named);
    const { spec } = await datasetFromPath(place);
    const name = path.basename(place) || place;
    const summary = await workbench.long(`Read ${name}`, (options) =>
      workbench.helper.ask('summarise', { spec, ...folders(workbench) }, options),
    );
    const { store } = workbench;
    const dataset = publishedDatasets.find(({ key }) => key === spec.source);
    if (dataset !== undefined && 'path' in spec && spec.path !== undefined) {
      const dataFolder = dataFolderOf(store);
      await setLocation(dataFolder, dataset.key, { folder: path.resolve(spec.path), summary });
      workbench.bus.emit('store.changed', { what: 'datasets' });
      return publishedInfo(dataset, dataFolder);
    }
    const taken = new Set<string>([
      ...publishedDatasets.map(({ title }) => title),
      ...generators.map(([, title]) => title),
    ]);
    const entry = taken.has(name) ? `${name} (file)` : name;
    store.saveDataset({
      name: entry,
      spec: spec as unknown as Json,
      sha256: summary.hash,
      counts: summary as unknown as Json,
    });
    workbench.bus.emit('store.changed', { what: 'datasets' });
    return ownInfo(entry, spec, summary);
  },

  'datasets.save': async ({ name, spec }, workbench) => {
    const parsed = parseDataset(spec);
    const summary = await workbench.long(`Read ${name}`, (options) =>
      workbench.helper.ask('summarise', { spec: parsed, ...folders(workbench) }, options),
    );
    workbench.store.saveDataset({
      name,
      spec: parsed as unknown as Json,
      sha256: summary.hash,
      counts: summary as unknown as Json,
    });
    workbench.bus.emit('store.changed', { what: 'datasets' });
    return ownInfo(name, parsed, summary);
  },

  'datasets.remove': async ({ name }, workbench) => {
    const published = publishedDatasets.find(({ title }) => title === name);
    if (published !== undefined && (await forgetLocation(dataFolderOf(workbench.store), published.key))) {
      workbench.bus.emit('store.changed', { what: 'datasets' });
      return null;
    }
    if (workbench.store.getDataset(name) === undefined)
      throw new FaultError('not-found', `no dataset is named ${name}`);
    workbench.store.deleteDataset(name);
    workbench.bus.emit('store.changed', { what: 'datasets' });
    return null;
  },

  'datasets.download': ({ source }, workbench) => {
    const dataset = publishedDatasets.find(({ key }) => key === source);
    if (dataset === undefined) {
      const known = publishedDatasets.map(({ key }) => key).join(', ');
      throw new FaultError('bad-input', `source: expected one of ${known}; received ${JSON.stringify(source)}`);
    }
    const folder = path.join(dataFolderOf(workbench.store), dataset.key);
    const task = workbench.queue.task(`Download ${dataset.title}`, async ({ signal, progress }) => {
      await downloadPublished(dataset, folder, {
        signal,
        progress: ({ stage, file, received, total }) => {
          progress(`${stage} ${file}`, total > 0 ? received / total : 0);
        },
      });
      workbench.bus.emit('store.changed', { what: 'datasets' });
    });
    return { job: task.id };
  },

  'datasets.identify': async (named, workbench) => {
    return (await datasetFromPath(workbench.placeOf(named))).spec as unknown as Json;
  },

  'models.verify': (asked, workbench) => {
    const model =
      'run' in asked
        ? parseRecorded(workbench.run(asked.run).experiment, `experiment of run ${asked.run}`).model
        : parseModel(asked.model);
    return workbench.followed.follow(asked.token, (options) =>
      workbench.computing.ask('verify', { engine: workbench.engine(), model, seed: asked.seed }, options),
    );
  },

  'experiments.examples': async () => {
    const names = (await readdir(examples)).filter((name) => name.endsWith('.json')).sort();
    const listed = await Promise.all(
      names.map(async (name) => {
        const experiment = parseJson(await readFile(new URL(name, examples), 'utf8'), name) as Json;
        const title = (experiment as { readonly name?: string }).name ?? name;
        return { id: name.slice(0, -'.json'.length), name: title, experiment };
      }),
    );
    return listed.sort((a, b) => costOf(a.experiment) - costOf(b.experiment));
  },

  'experiments.check': ({ token, ...asked }, workbench) =>
    workbench.followed.follow(token, ({ signal }) => checkExperiment(asked, workbench, signal)),
};

async function checkExperiment(
  { experiment, timed }: { readonly experiment: unknown; readonly timed: boolean },
  workbench: Workbench,
  signal: AbortSignal | undefined,
): Promise<ExperimentCheck> {
  try {
    const sweep = parseSweep(experiment);
    const first = sweep.at(0).experiment;
    checkLayers(first);
    const { store } = workbench;
    const known = { entries: store.listDatasets(), located: await locatedCounts(dataFolderOf(store)) };
    const untimed = remarksOf(sweep, known, null);
    if (untimed.problems.length > 0)
      throw new InputError(untimed.problems.map(({ path, text }) => `experiment.${path}: ${text}`).join('\n'));
    const forecastOf = (each: Experiment): Promise<RunForecast> => {
      const isTimed = timed && process.env['COVATURE_FORECAST'] !== 'off';
      const samples = trainCount(each.dataset, known);
      const argument = { engine: workbench.engine(), experiment: each, samples, timed: isTimed };
      return isTimed
        ? workbench.forecasts.ask(store, argument, signal)
        : workbench.helper.ask('forecast', { ...argument, known: {} });
    };
    const one = await forecastOf(first);
    let each: number[] | null = null;
    if (one.seconds !== null && sweep.count > 1 && sweep.count <= mostTimed) {
      each = [one.seconds];
      for (let k = 1; k < sweep.count; k++)
        each.push((await forecastOf(sweep.at(k).experiment)).seconds ?? one.seconds);
    }
    const disk = await statfs(workbench.store.folder);
    const available = disk.bavail * disk.bsize;
    const needed = sweep.count * one.disk;
    const warnings = [...one.warnings];
    if (needed > available) {
      warnings.push(`the results take ${formatBytes(needed)}; the disk of the store has ${formatBytes(available)}`);
    }
    const forecast: Forecast = {
      runs: sweep.count,
      axes: sweep.axes.map(({ path, values }) => ({ path, values: values.length })),
      parameters: one.parameters,
      weights: one.weights,
      outputShape: one.outputShape,
      memory: { training: one.trainingMemory, measuring: one.measuringMemory, available: one.availableMemory },
      disk: { needed, available },
      steps: one.steps,
      seconds:
        each !== null
          ? each.reduce((sum, seconds) => sum + seconds, 0)
          : one.seconds === null
            ? null
            : sweep.count * one.seconds,
      secondsEach: each,
      warnings,
    };
    const { warnings: remarks } = remarksOf(sweep, known, one.seconds);
    return { experiment: first as unknown as Json, problems: [], remarks, forecast };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { experiment: null, problems: error.message.split('\n'), remarks: [], forecast: null };
  }
}

/** Orders examples: generated data before data that have to be downloaded, dense layers before others. */
function costOf(experiment: Json): number {
  const { dataset, model } = experiment as {
    readonly dataset: { readonly source: string };
    readonly model: { readonly layers: readonly { readonly type: string }[] };
  };
  const isMade = generators.some(([source]) => source === dataset.source);
  const isPlain = model.layers.every(({ type }) => ['dense', 'activation', 'flatten'].includes(type));
  return (isMade ? 0 : 2) + (isPlain ? 0 : 1);
}

/** Runs of a sweep whose times are worked out one by one. */
const mostTimed = 64;

/** Runs of a sweep that are looked at: its first ones hold every value of all but the first axes. */
const mostLookedAt = 200;

/** Remarks on all runs of a sweep, each once. @param seconds of its first run; null if they are not known */
function remarksOf(sweep: Sweep, known: KnownCounts, seconds: number | null): Plausibility {
  const problems = new Map<string, FieldRemark>();
  const warnings = new Map<string, FieldRemark>();
  for (let k = 0; k < Math.min(sweep.count, mostLookedAt); k++) {
    const { experiment } = sweep.at(k);
    const samples = trainCount(experiment.dataset, known);
    const judged = plausibility(experiment, samples, k === 0 ? seconds : null);
    for (const each of judged.problems) problems.set(`${each.path}: ${each.text}`, each);
    for (const each of judged.warnings) warnings.set(`${each.path}: ${each.text}`, each);
  }
  return { problems: [...problems.values()], warnings: [...warnings.values()] };
}

function folders({ options, store }: Workbench): { baseFolder: string; dataFolder: string } {
  return { baseFolder: options.baseFolder, dataFolder: dataFolderOf(store) };
}

async function publishedInfo(dataset: PublishedDataset, dataFolder: string): Promise<DatasetInfo> {
  const { state, folder, location, bytesToFetch } = await publishedPlace(dataset, dataFolder);
  return {
    name: dataset.title,
    spec: { source: dataset.key },
    kind: 'published',
    available:
      state === 'complete' ||
      (state === 'moved'
        ? `${folder} is no longer there; choose the folder that holds its files now`
        : `not on this machine; choose the folder that holds its files, or download it (${formatBytes(bytesToFetch)})`),
    summary: location?.summary ?? null,
    own: false,
    folder: location?.folder ?? null,
  };
}

function ownInfo(name: string, spec: DatasetSpec, summary: DatasetSummary): DatasetInfo {
  return { name, spec: spec as unknown as Json, kind: kindOf(spec), available: true, summary, own: true, folder: null };
}

function kindOf(spec: DatasetSpec): DatasetInfo['kind'] {
  if (generators.some(([source]) => source === spec.source)) return 'generated';
  return publishedDatasets.some(({ key }) => key === spec.source) ? 'published' : 'file';
}

function entryInfo({ name, spec, counts }: DatasetEntry): DatasetInfo {
  const base = { name, spec, own: true, folder: null, summary: counts as unknown as DatasetSummary | null };
  try {
    return { ...base, kind: kindOf(parseDataset(spec)), available: true };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { ...base, kind: 'file', available: error.message };
  }
}

interface KnownCounts {
  readonly entries: readonly DatasetEntry[];
  /** Training samples of published sets that are read from a folder of the user, by source. */
  readonly located: ReadonlyMap<string, number>;
}

async function locatedCounts(dataFolder: string): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const { key } of publishedDatasets) {
    const location = await locationOf(dataFolder, key);
    if (location !== null) counts.set(key, location.summary.train.count);
  }
  return counts;
}

/** Samples of the training part if they are known without reading anything. */
function trainCount(spec: DatasetSpec, { entries, located }: KnownCounts): number | null {
  const text = JSON.stringify(spec);
  const entry = entries.find((each) => JSON.stringify(each.spec) === text);
  if (entry !== undefined) return (entry.counts as unknown as DatasetSummary | null)?.train.count ?? null;
  const whole = ('path' in spec ? undefined : located.get(spec.source)) ?? wholeCount(spec);
  const trainPart = spec.split === undefined || whole === null ? whole : Math.round(whole * (1 - spec.split.test));
  return spec.subset === undefined ? trainPart : Math.min(spec.subset.count, trainPart ?? Infinity);
}

function wholeCount(spec: DatasetSpec): number | null {
  switch (spec.source) {
    case 'glyphs':
    case 'gaussian-mixture':
    case 'teacher-student':
      return spec.train;
    case 'mnist':
    case 'fashion-mnist':
      return 60_000;
    case 'cifar-10':
      return 50_000;
    default:
      return null;
  }
}
