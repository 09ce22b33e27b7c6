import { setImmediate } from 'node:timers/promises';
import { definedOf } from '../../../shared/defined.ts';
import { FaultError } from '../../../shared/contract/index.ts';
import type {
  BulkOutcome,
  ColumnInfo,
  Handlers,
  RunAction,
  RunDetail,
  RunStatus,
} from '../../../shared/contract/index.ts';
import type { runs } from '../../../shared/contract/methods/runs.ts';
import { InputError, messageOf } from '../../../shared/errors.ts';
import type { DatasetSummary } from '../../../shared/dataset.ts';
import type { Experiment } from '../../../shared/experiment.ts';
import { recordWithOwnFiles } from '../../services/own-files.ts';
import { describeModel } from '../../../shared/model.ts';
import { parseSweep } from '../../../shared/sweep.ts';
import { datasetName, differencesOf, namesByDifference, variedSettings } from '../../../shared/varied.ts';
import { resumable, retriable } from '../../queue/job.ts';
import { checkFit } from '../../jobs/data.ts';
import { checkShapes } from '../../services/fitting.ts';
import { dataFolderOf } from '../../services/runs.ts';
import type { Json, RunRecord } from '../../store/index.ts';
import type { Workbench } from '../workbench.ts';
import { checkpointInfo } from './results.ts';

/** Fields that every run has; see src/main/store/filter/fields.ts for what each means. */
const fields: readonly ColumnInfo[] = [
  ...['name', 'status', 'project', 'id', 'setup', 'notes', 'error', 'parent', 'relation', 'host', 'tags'].map(
    (key) => ({ key, source: 'field', numbers: false, texts: true }) as const,
  ),
  ...['seed', 'step', 'steps', 'seconds', 'priority', 'colour', 'created', 'started', 'ended', 'updated'].map(
    (key) => ({ key, source: 'field', numbers: true, texts: false }) as const,
  ),
];

export const runHandlers: Pick<Handlers<Workbench>, keyof typeof runs> = {
  'runs.list': (query, { store, changes }) => ({ ...store.listRuns(query), revision: changes.revision }),
  'runs.ids': (query, { store }) => store.listRunIds(query),
  'runs.counts': (query, { store }) => store.countRuns(query),
  'runs.groups': (query, { store, changes }) => ({ ...store.groupRuns(query), revision: changes.revision }),
  'runs.values': ({ field }, { store }) => store.fieldValues(field),
  'runs.columns': (_, { store }) => [
    ...fields,
    ...store.summaryKeyList().map((info) => ({ ...info, source: 'value' as const })),
  ],

  'runs.rows': ({ ids, columns }, { store }) => store.rowsOf(ids, columns),

  'runs.get': ({ id }, workbench): RunDetail => {
    const { pid: _pid, nextBatch: _n, revision: _r, ...run } = workbench.run(id);
    return {
      ...run,
      experiment: recordWithOwnFiles(workbench.store, id, run.experiment),
      series: workbench.store.seriesNames(id),
      checkpoints: workbench.store.checkpoints(id).map(checkpointInfo),
      progress: workbench.queue.progressOf(id),
      can: actionsOf(run.status, run.deleted !== null),
    };
  },

  'runs.differences': ({ ids, all }, { store }) =>
    Object.fromEntries(
      [...differencesOf(store.experimentsOf(ids), all)].map(([key, values]) => [
        key,
        values.map((value) => value ?? null),
      ]),
    ),

  'runs.varied': ({ ids }, { store }) => variedSettings(store.experimentsOf(ids)),

  'runs.update': async ({ ids, addTags, removeTags, ...changes }, workbench) => {
    const { store, changes: noted, queue } = workbench;
    // Checked first, so that a wrong id or project changes nothing though the work is done a slice at a time.
    for (const id of ids) workbench.run(id);
    if (typeof changes.project === 'string') workbench.project(changes.project);
    await inSlices(ids, (slice) => {
      store.transaction(() => {
        if (Object.keys(changes).length > 0) for (const id of slice) store.updateRun(id, changes);
        if (addTags !== undefined || removeTags !== undefined) {
          store.tagRuns(slice, definedOf({ add: addTags, remove: removeTags }));
        }
      });
    });
    noted.note(ids);
    if (changes.priority !== undefined) queue.pump();
    return null;
  },

  'runs.delete': async ({ ids }, workbench) => {
    const outcome: { done: string[]; refused: { id: string; message: string }[] } = { done: [], refused: [] };
    await inSlices(ids, (slice) => {
      // One transaction per slice: writing each of thousands of runs to disk separately would take minutes.
      const { done, refused } = workbench.store.transaction(() =>
        eachOf(workbench, slice, ({ id }) => {
          workbench.store.deleteRuns([id]);
        }),
      );
      outcome.done.push(...done);
      outcome.refused.push(...refused);
    });
    if (outcome.done.length > 0) workbench.changes.note(outcome.done);
    return outcome;
  },

  'runs.restore': async ({ ids }, { store, changes }) => {
    await inSlices(ids, (slice) => {
      store.restoreRuns(slice);
    });
    changes.note(ids);
    return null;
  },

  'bin.empty': (_, { store, changes, bus }) => {
    const purged = store.emptyBin();
    changes.note(null);
    bus.emit('store.changed', { what: 'projects' });
    return purged;
  },

  'runs.start': ({ experiment, ...filing }, workbench) => start(workbench, experiment, filing, null),

  'runs.clone': ({ id, experiment, ...filing }, workbench) => {
    const run = workbench.run(id);
    const record = recordWithOwnFiles(workbench.store, id, run.experiment) as Record<string, Json>;
    const copied = experiment ?? { ...record, seed: (run.seed ?? 0) + 1 };
    return start(workbench, copied, { ...filing, project: filing.project ?? run.project }, run);
  },

  'runs.cancel': ({ ids }, workbench) =>
    bulk(workbench, ids, (run) => {
      workbench.queue.cancelRun(run);
    }),
  'runs.pause': ({ ids }, workbench) =>
    bulk(workbench, ids, (run) => {
      workbench.queue.pauseRun(run);
    }),
  'runs.resume': ({ ids }, workbench) =>
    bulk(workbench, ids, (run) => {
      refuseDeleted(run);
      workbench.queue.resumeRun(run);
    }),
  'runs.retry': ({ ids }, workbench) =>
    bulk(workbench, ids, (run) => {
      refuseDeleted(run);
      workbench.queue.retryRun(run);
    }),
};

/** What may be done with a run in a state. */
function actionsOf(status: RunStatus, deleted: boolean): Record<RunAction, boolean> {
  const isIn = (states: readonly RunStatus[]): boolean => !deleted && states.includes(status);
  return {
    cancel: isIn(['queued', 'running', 'paused']),
    pause: isIn(['queued', 'running']),
    resume: isIn(resumable),
    retry: isIn(retriable),
  };
}

function refuseDeleted(run: RunRecord): void {
  if (run.deleted !== null) throw new FaultError('conflict', `${run.name} is in the bin; restore it first`);
}

/** Acts on each one separately: a refusal for one does not affect the others. Faults of the machine end it. */
function eachOf(workbench: Workbench, ids: readonly string[], act: (run: RunRecord) => void) {
  const done: string[] = [];
  const refused: { id: string; message: string }[] = [];
  for (const id of ids) {
    try {
      act(workbench.run(id));
      done.push(id);
    } catch (error) {
      if (!(error instanceof FaultError || error instanceof InputError)) throw error;
      refused.push({ id, message: messageOf(error) });
    }
  }
  return { done, refused };
}

function bulk(workbench: Workbench, ids: readonly string[], act: (run: RunRecord) => void): BulkOutcome {
  const outcome = eachOf(workbench, ids, act);
  if (outcome.done.length > 0) workbench.changes.note(outcome.done);
  workbench.queue.pump();
  return outcome;
}

/** Runs changed before other requests get their turn. */
const changed = 200;

async function inSlices(ids: readonly string[], work: (slice: readonly string[]) => void): Promise<void> {
  for (let from = 0; from < ids.length; from += changed) {
    if (from > 0) await setImmediate();
    work(ids.slice(from, from + changed));
  }
}

interface Filing {
  readonly project: string | null;
  readonly tags: readonly string[];
  readonly notes: string;
  readonly priority: number;
}

/** Runs expanded before the window gets its turn. */
const slice = 50;

/**
 * Raises InputError if an experiment's shapes do not fit. Data in files are read for it, once each, unless the store has what they hold.
 */
async function checkEach(workbench: Workbench, experiments: readonly Experiment[], baseFolder: string): Promise<void> {
  const { store, helper } = workbench;
  const read = new Map<string, DatasetSummary>(
    store
      .listDatasets()
      .flatMap(({ spec, counts }) =>
        counts === null ? [] : [[JSON.stringify(spec), counts as unknown as DatasetSummary]],
      ),
  );
  const checked = new Set<string>();
  for (const experiment of experiments) {
    const { model, dataset, measurements, name } = experiment;
    const key = JSON.stringify([model, dataset, measurements]);
    if (checked.has(key)) continue;
    checked.add(key);
    await checkShapes(experiment, async (spec, model, wanted) => {
      const text = JSON.stringify(spec);
      const folders = { baseFolder, dataFolder: dataFolderOf(store) };
      const data =
        read.get(text) ??
        (await workbench.long(`Read the data of ${name}`, (options) =>
          helper.ask('summarise', { spec, ...folders }, options),
        ));
      read.set(text, data);
      // If there are as many classes as outputs they fit; otherwise the targets themselves decide.
      if (data.targets === 'classes' && wanted.positions === 1 && data.outputs === wanted.width) {
        checkFit(data, model, wanted);
        return;
      }
      await workbench.long(`Check the data of ${name}`, (options) =>
        helper.ask('fitData', { spec, model, wanted, ...folders }, options),
      );
    });
    if (checked.size % slice === 0) await setImmediate();
  }
}

async function start(workbench: Workbench, input: unknown, filing: Filing, parent: RunRecord | null) {
  const { store } = workbench;
  if (filing.project !== null) workbench.project(filing.project);
  const sweep = parseSweep(input);
  const experiments: Experiment[] = [];
  for (let i = 0; i < sweep.count; i++) {
    experiments.push(sweep.at(i).experiment);
    if (i % slice === slice - 1) await setImmediate();
  }
  const baseFolder = parent?.values['base_folder']?.text ?? workbench.options.baseFolder;
  await checkEach(workbench, experiments, baseFolder);
  const provenance = workbench.provenance() as unknown as Json;
  const names = namesOfSweep(experiments);
  const runs = store.transaction(() =>
    experiments.map((experiment, k) =>
      store.createRun({
        name: names[k],
        experiment: experiment as unknown as Json,
        status: 'queued',
        project: filing.project,
        tags: filing.tags,
        notes: filing.notes,
        priority: filing.priority,
        provenance,
        fields: {
          dataset: datasetName(experiment.dataset) ?? experiment.dataset.source,
          model: describeModel(experiment.model),
          base_folder: baseFolder,
        },
        parent: parent?.id,
        relation: parent === null ? undefined : 'clone',
      }),
    ),
  );
  workbench.changes.note(runs);
  workbench.queue.pump();
  return { runs };
}

/** Runs of a sweep are named by what they have in common and then what differs: "mnist, learning rate 0.1, batch 50, seed 2". */
function namesOfSweep(experiments: readonly Experiment[]): string[] {
  if (experiments.length === 1) return [experiments[0].name];
  const told = namesByDifference(experiments, variedSettings(experiments));
  return experiments.map(({ name }, k) => (told[k].startsWith(name) ? told[k] : `${name}, ${told[k]}`).slice(0, 200));
}
