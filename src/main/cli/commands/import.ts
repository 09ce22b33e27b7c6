/** covature import, and the folder that `covature export --format run` writes for it. */
import { copyFileSync, existsSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import * as path from 'node:path';
import * as v from 'valibot';
import { definedOf } from '../../../shared/defined.ts';
import { writeFileAtomic } from '../../../data/files.ts';
import { isModelFile } from '../../../data/model-file.ts';
import { isRunLog } from '../../../data/run-log.ts';
import { InputError } from '../../../shared/errors.ts';
import { agreementText } from '../../../shared/model-file.ts';
import { openEngine } from '../../jobs/engine.ts';
import { gatherProvenance } from '../../provenance.ts';
import { checkModelFile, writeModelWeights } from '../../services/model-check.ts';
import type { CheckedModel } from '../../services/model-check.ts';
import { importModelFile } from '../../services/model-file.ts';
import { followRunLog, takeRunLog } from '../../services/run-log.ts';
import type { RunLogOptions } from '../../services/run-log.ts';
import type { Imported, Json, RunRecord, Store } from '../../store/index.ts';
import { importRunFile, runFileExtension } from '../../services/run-file.ts';
import { lookalikeAt } from '../../../data/lookalikes.ts';
import { engineFlags, engineOf, makeFolder, openStoreFor, printJson, storeFlags } from '../command.ts';
import type { Command } from '../command.ts';
import { flagsHelp, parse, toggle } from '../flags.ts';
import type { Flags } from '../flags.ts';
import { readJsonFile } from '../files.ts';
import { onInterrupt } from '../signals.ts';

const flags = {
  follow: {
    schema: toggle,
    help: 'for one growing run: keep importing what is added until it ends (Ctrl+C stops following)',
  },
  name: {
    schema: v.string(),
    value: 'NAME',
    help: 'for one model: the name of the run',
    otherwise: "the file's name",
  },
  ...engineFlags,
  ...storeFlags,
} as const satisfies Flags;

const help = `Usage: covature import PLACE [PLACE ...] [options]

Adds what comes from elsewhere as runs:
  FILE.covature-model  a PyTorch model that covature.export wrote ("covature python"): its check against PyTorch is computed again, and a file that
                    departs from it is refused, with the layer where it first does
  FILE.covature     a run that covature.Run wrote, finished or still growing (again: what has come since), or one that was exported here or on
                    another machine ("--format covature", or "Export" in the workbench)
  FOLDER            a run that "covature export RUN --format run" wrote
Files are checked against their checksums; the same run twice is added once.

${flagsHelp(flags)}

Example: covature import net.covature-model`;

export const documentName = 'run.json';

interface Result {
  readonly id: string;
  readonly added: boolean;
  readonly file?: string;
  readonly folder?: string;
  /** For a model: how well it agrees with PyTorch. */
  readonly check?: CheckedModel['check'] | undefined;
  readonly loss?: number;
  readonly accuracy?: number | null;
  readonly notes?: readonly string[] | undefined;
  /** For a run of covature.Run. */
  readonly ended?: boolean;
}

export const importCommand: Command = {
  help,
  flags,
  run: async (argv) => {
    const { values, positionals } = parse(argv, flags, [1, Infinity]);
    if (positionals.length > 1 && (values.follow || values.name !== undefined))
      throw new InputError('--follow and --name work with one file at a time');
    using store = openStoreFor(values, false);
    const check = checker(engineOf(values));
    const results: Result[] = [];
    for (const given of positionals) {
      const place = path.resolve(given);
      const result = await importPlace(store, place, check, values.name, values.follow);
      results.push(result);
      if (!values.json) process.stdout.write(`${textOf(result, place)}\n`);
    }
    if (values.json) printJson(results);
    return 0;
  },
};

/** Opens the engine at the first file that needs it. */
function checker(engine: ReturnType<typeof engineOf>): (file: string) => Promise<CheckedModel> {
  let opened: ReturnType<typeof openEngine> | undefined;
  return async (file) => checkModelFile((await (opened ??= openEngine(engine))).blas, file);
}

async function importPlace(
  store: Store,
  place: string,
  check: (file: string) => Promise<CheckedModel>,
  name: string | undefined,
  follows: boolean,
): Promise<Result> {
  const provenance = gatherProvenance() as unknown as Json;
  if (isModelFile(place)) {
    const checked = await check(place);
    const weights = store.stagingPath('weights');
    await writeModelWeights(place, weights);
    const read = await importModelFile(store, checked, weights, { ...definedOf({ name }), provenance });
    return {
      file: place,
      id: read.id,
      added: true,
      check: read.check,
      loss: read.loss,
      accuracy: read.accuracy,
      notes: read.notes,
    };
  }
  if (name !== undefined) throw new InputError('--name is for a .covature-model file; a run has a name of its own');
  if (await isRunLog(place)) {
    const taking: RunLogOptions = { provenance, check };
    const taken = follows ? await follow(store, place, taking) : await takeRunLog(store, place, taking);
    return {
      file: place,
      id: taken.id,
      added: taken.added,
      ended: taken.ended,
      check: taken.check?.check,
      notes: taken.check?.file.notes,
    };
  }
  if (follows) throw new InputError(`${place}: not a growing run of covature.Run; there is nothing to follow`);
  const lookalike = await lookalikeAt(place);
  if (lookalike !== null) throw new InputError(`${place}: this is ${lookalike}`);
  const isFile = await isRunFile(place);
  if (isFile && !(await isArchive(place)))
    throw new InputError(
      `${place}: expected a run that Covature exported ("covature export RUN --format covature", or covature.Run), which is an archive; this is not an archive`,
    );
  const { id, added } = isFile ? await importRunFile(store, place) : await importRunFolder(store, place);
  return { ...(isFile ? { file: place } : { folder: place }), id, added };
}

async function follow(
  store: Store,
  place: string,
  taking: RunLogOptions,
): Promise<Awaited<ReturnType<typeof followRunLog>>> {
  const abort = new AbortController();
  const stop = onInterrupt(() => {
    abort.abort();
  });
  try {
    const onBatch = (
      _id: string,
      {
        step,
        metrics,
      }: {
        readonly step?: number;
        readonly metrics?: Readonly<Record<string, { readonly values: ArrayLike<number> }>>;
      },
    ): void => {
      const last = Object.entries(metrics ?? {}).map(
        ([name, { values }]) => `${name} ${Array.from(values).at(-1)?.toPrecision(4) ?? ''}`,
      );
      process.stderr.write(`step ${step ?? 0}: ${last.join(', ')}\n`);
    };
    return await followRunLog(store, place, { ...taking, onBatch }, abort.signal);
  } finally {
    stop();
  }
}

function textOf({ id, added, check, loss, accuracy, notes, ended }: Result, place: string): string {
  const lines = [
    `${id}${added ? '' : ended === undefined ? ' (already there)' : ' (already there; what is new was added)'}  ${place}`,
  ];
  if (check !== undefined) lines.push(`  ${agreementText(check)}`);
  if (loss !== undefined)
    lines.push(
      `  loss over its data ${loss.toPrecision(6)}${accuracy === null || accuracy === undefined ? '' : `, accuracy ${(100 * accuracy).toFixed(1)} %`}`,
    );
  for (const note of notes ?? []) lines.push(`  ${note}`);
  if (ended === false)
    lines.push('  the run has not ended; import the file again for what has come since, or use --follow');
  return lines.join('\n');
}

/** Anything that is not a folder counts as a file; a name that does not exist is judged by its ending. */
async function isRunFile(place: string): Promise<boolean> {
  return stat(place).then(
    (found) => !found.isDirectory(),
    () => place.toLowerCase().endsWith(runFileExtension),
  );
}

/** Zip archives begin with "PK"; run files are such. */
async function isArchive(file: string): Promise<boolean> {
  await using handle = await open(file, 'r');
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
  return bytesRead === 2 && buffer.toString('latin1') === 'PK';
}

async function importRunFolder(store: Store, folder: string): Promise<Imported> {
  const document = await readJsonFile(path.join(folder, documentName));
  return store.importRun(document, { locate: (name) => inside(folder, name) });
}

/** A file named by an imported document; never one outside its folder. */
function inside(folder: string, name: string): string {
  const file = path.resolve(folder, name);
  if (!file.startsWith(folder + path.sep)) throw new InputError(`${name}: lies outside ${folder}`);
  return file;
}

/** Writes a run as a folder: run.json and the files it names. Returns their paths. */
export async function writeRunFolder(store: Store, run: RunRecord, folder: string): Promise<string[]> {
  const target = path.join(folder, run.id);
  if (existsSync(path.join(target, documentName))) throw new InputError(`${target} already holds a run`);
  const { document, files } = store.exportRun(run.id);
  for (const file of files) {
    const place = inside(target, file.name);
    makeFolder(path.dirname(place));
    copyFileSync(file.path, place);
  }
  makeFolder(target);
  await writeFileAtomic(path.join(target, documentName), `${JSON.stringify(document)}\n`);
  return [path.join(target, documentName), ...files.map((file) => path.join(target, file.name))];
}
