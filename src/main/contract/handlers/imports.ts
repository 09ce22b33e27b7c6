import { rm, stat } from 'node:fs/promises';
import * as path from 'node:path';
import { definedOf } from '../../../shared/defined.ts';
import { makeFolders } from '../../../data/folders.ts';
import { proposeModel } from '../../../data/propose-model.ts';
import { readShapes } from '../../../data/weights.ts';
import { FaultError } from '../../../shared/contract/index.ts';
import type { Handlers } from '../../../shared/contract/index.ts';
import type { imports } from '../../../shared/contract/methods/imports.ts';
import { parseDataset } from '../../../shared/dataset.ts';
import { describeModel, parseModel } from '../../../shared/model.ts';
import { isRunLog } from '../../../data/run-log.ts';
import { InputError, messageOf } from '../../../shared/errors.ts';
import { bridgeCopy, ownCommand } from '../../bridge.ts';
import { drawingEngine } from '../../bundle/manifest.ts';
import { writeBundle } from '../../bundle/write.ts';
import { FileNames } from '../../figures/batch.ts';
import type { DrawnPlan } from '../../figures/drawing.ts';
import type { FigureFormat } from '../../figures/export.ts';
import { plansOf, type FigurePlan } from '../../figures/plans.ts';
import { sourceFigure } from '../../figures/sources.ts';
import { importModelFile } from '../../services/model-file.ts';
import { datasetName } from '../../../shared/varied.ts';
import { importUnpacked, runFileExtension, writeRunFile } from '../../services/run-file.ts';
import { dataFolderOf } from '../../services/runs.ts';
import type { Json } from '../../store/index.ts';
import type { WeightsChoice } from '../helper/model-import.ts';
import type { Workbench } from '../workbench.ts';

export const importHandlers: Pick<Handlers<Workbench>, keyof typeof imports> = {
  'runs.export': async ({ id, to }, workbench) => {
    const run = workbench.run(id);
    const write = async (target: string): Promise<number> => {
      const task = workbench.queue.task(`Export ${run.name}`, ({ signal, progress }) =>
        writeRunFile(
          workbench.store.exportRun(id),
          target,
          (share) => {
            progress('writing', share);
          },
          signal,
        ),
      );
      await task.done;
      return (await stat(target)).size;
    };
    return deliverFile(workbench, to, run.name, runFileExtension, write);
  },

  'runs.bundle': async ({ ids, to }, workbench) => {
    const { store } = workbench;
    const runs = ids.map((id) => store.findRun(workbench.run(id).id));
    const title = runs.length === 1 ? runs[0].name : `${runs.length} runs`;
    const omitted: string[] = [];
    const write = async (target: string): Promise<number> => {
      const written = await workbench.long(`Supplement ${title}`, ({ signal, onProgress = () => undefined }) =>
        writeBundle(store, runs, plansOf(store, 'all', runs, {}, {}, false), target, {
          formats: ['pdf', 'svg'],
          draw: (plans, formats) => drawnElsewhere(workbench, plans, formats, signal),
          onProgress,
          signal,
        }),
      );
      for (const { name, reason, kind } of written.omitted) if (kind !== 'empty') omitted.push(`${name}: ${reason}`);
      return written.bytes;
    };
    return { ...(await deliverFile(workbench, to, `${title}, supplement`, '.zip', write)), omitted };
  },

  'runs.import': async ({ from, project }, workbench) => {
    const { store, helper, changes, bus } = workbench;
    if (project !== undefined && project !== null) workbench.project(project);
    const file = workbench.placeOf(from);
    if (await isRunLog(file)) {
      const { id, added, following } = await workbench.growing.follow(file, {
        store,
        queue: workbench.queue,
        bus,
        changes,
        project: project ?? null,
        provenance: workbench.provenance() as unknown as Json,
        check: (model) => helper.ask('checkModel', { engine: workbench.engine(), file: model }),
      });
      return { id, name: workbench.run(id).name, added, following };
    }
    const folder = store.stagingPath('import');
    makeFolders(folder);
    try {
      const unpacked = await workbench.long(`Import ${path.basename(file)}`, (options) =>
        helper.ask('unpackRun', { file, folder }, options),
      );
      const { id, added } = importUnpacked(store, unpacked, project ?? null);
      changes.note([id]);
      bus.emit('store.changed', { what: 'projects' });
      return { id, name: workbench.run(id).name, added, following: false };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },

  'models.importFile': async ({ from, name, project }, workbench) => {
    const { store, helper, changes } = workbench;
    if (project !== undefined && project !== null) workbench.project(project);
    const file = workbench.placeOf(from);
    const weights = store.stagingPath('weights');
    const argument = { engine: workbench.engine(), file, weights };
    const checked = await workbench.long(`Check ${path.basename(file)} against PyTorch`, (options) =>
      helper.ask('checkModel', argument, options),
    );
    const { id, ...read } = await importModelFile(store, checked, weights, {
      ...definedOf({ name }),
      project: project ?? null,
      provenance: workbench.provenance() as unknown as Json,
    });
    changes.note([id]);
    return { run: id, ...read };
  },

  'models.bridge': () => ({ name: 'covature.py', text: bridgeCopy(ownCommand()) }),

  'models.propose': async ({ weights }, workbench) => {
    const { model, ...rest } = proposeModel(await readShapes(workbench.placeOf(weights)));
    return { model: model as Json, ...rest };
  },

  'models.preview': ({ model, ...given }, workbench) =>
    workbench.helper.ask('previewModel', { engine: workbench.engine(), ...choiceOf(workbench, model, given) }),

  'models.import': async ({ name, model, dataset, training, measurement, project, ...given }, workbench) => {
    const { store, helper, changes, options } = workbench;
    if (project !== undefined && project !== null) workbench.project(project);
    const choice = choiceOf(workbench, model, given);
    const { lr, ...known } = training ?? {};
    // Unknown facts about the training are left out: the model is measured, not trained.
    const asked = {
      name,
      dataset: parseDataset(dataset),
      model: choice.model,
      ...(lr !== undefined && { optimiser: { lr } }),
      ...known,
    };
    const staged = store.stagingPath('weights');
    const folders = { baseFolder: options.baseFolder, dataFolder: dataFolderOf(store) };
    const argument = { engine: workbench.engine(), choice, dataset: asked.dataset, target: staged, ...folders };
    const read = await workbench.long(`Import ${name}`, (options) => helper.ask('readModel', argument, options));
    const experiment = { ...asked, dataset: read.spec };
    const id = store.transaction(() => {
      const made = store.createRun({
        name,
        experiment: experiment as unknown as Json,
        status: 'done',
        project: project ?? null,
        relation: 'import',
        fields: {
          dataset: datasetName(experiment.dataset) ?? experiment.dataset.source,
          model: describeModel(experiment.model),
          base_folder: options.baseFolder,
          parameters: read.parameters,
          loss: read.train.loss,
          ...definedOf({
            accuracy: read.train.accuracy ?? undefined,
            test_loss: read.test?.loss,
            test_accuracy: read.test?.accuracy ?? undefined,
          }),
        },
        provenance: {
          ...(workbench.provenance() as unknown as Record<string, Json>),
          imported: { weights: path.basename(choice.file), sha256: read.sha256, layout: read.layout },
          dataset: read.dataset as unknown as Json,
        },
      });
      store.addCheckpoint(made, { step: 0, epoch, file: { file: staged } });
      return made;
    });
    changes.note([id]);
    const job = measurement === undefined ? null : workbench.queue.measure(workbench.run(id), measurement, 0, 10);
    return {
      run: id,
      loss: read.train.loss,
      accuracy: read.train.accuracy,
      testLoss: read.test?.loss ?? null,
      testAccuracy: read.test?.accuracy ?? null,
      job,
    };
  },
};

/** The epoch of the weights is not known. */
const epoch = null;

function choiceOf(
  workbench: Workbench,
  model: unknown,
  {
    weights,
    layout,
    names,
  }: Pick<Parameters<(typeof importHandlers)['models.preview']>[0], 'weights' | 'layout' | 'names'>,
): WeightsChoice {
  return {
    model: parseModel(model),
    file: workbench.placeOf(weights),
    layout: layout ?? null,
    names: names ?? {},
  };
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

/** Writes a file where it was asked for; in the browser, without a place, to be fetched by a token. */
async function deliverFile(
  workbench: Workbench,
  to: { readonly path: string } | { readonly token: string } | undefined,
  title: string,
  extension: string,
  write: (target: string) => Promise<number>,
): Promise<{ readonly name: string; readonly bytes: number; readonly token: string | null }> {
  if (to === undefined) {
    if (workbench.options.shell !== 'browser')
      throw new FaultError('bad-input', 'to: expected a path or a token; files are fetched in the browser alone');
    const name = `${title.replace(/[/\\:*?"<>|\p{Cc}]+/gu, '-').slice(0, 120)}${extension}`;
    const file = workbench.store.stagingPath('export');
    const bytes = await write(file);
    return { name, bytes, token: workbench.downloads.add({ file, name }) };
  }
  const given = workbench.placeOf(to);
  const target = given.toLowerCase().endsWith(extension) ? given : `${given}${extension}`;
  const folder = path.dirname(target);
  const isFolder = await stat(folder).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  if (!isFolder) throw new FaultError('bad-input', `${folder}: no such folder; make it first, or choose another`);
  // A token comes from a dialog that has asked; a path was written by hand.
  if ('path' in to && (await exists(target)))
    throw new FaultError('conflict', `${path.basename(target)} is there already; choose another name`);
  const bytes = await write(target);
  return { name: path.basename(target), bytes, token: null };
}

/** Figures drawn in the drawing process, while this one keeps answering the windows. */
async function* drawnElsewhere(
  workbench: Workbench,
  plans: readonly FigurePlan[],
  formats: readonly FigureFormat[],
  signal: AbortSignal | undefined,
): AsyncGenerator<DrawnPlan> {
  const names = new FileNames();
  for (const { name, recipe, optional = false } of plans) {
    try {
      const sourced = sourceFigure(workbench.store, recipe);
      const argument = { engine: drawingEngine(workbench.engine()), name: names.next(name), recipe, sourced, formats };
      const figure = await workbench.drawing.ask('drawFiles', argument, signal === undefined ? {} : { signal });
      if (optional && figure.empty !== undefined)
        yield { kind: 'empty', name, reason: `nothing to draw: ${figure.empty}` };
      else yield { kind: 'drawn', figure, recipe };
    } catch (error) {
      yield { kind: error instanceof InputError ? 'input' : 'failed', name, reason: messageOf(error) };
    }
  }
}
