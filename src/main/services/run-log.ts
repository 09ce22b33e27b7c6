/**
 * A run that PyTorch trains, taken into the store: what is in its file so far, or, followed, whatever comes until it ends. Taking the same file again adds what is new:
 * batches carry numbers, so none is stored twice.
 */
import { rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { definedOf } from '../../shared/defined.ts';
import { RunLogReader } from '../../data/run-log.ts';
import type { RunLogHead, RunLogPart } from '../../data/run-log.ts';
import { InputError } from '../../shared/errors.ts';
import type { RecordedBatch, Json, RunStatus, Store } from '../store/index.ts';
import type { CheckedModel } from './model-check.ts';
import { recordOf } from './model-file.ts';
import { modelFileName } from './own-files.ts';

export interface RunLogOptions {
  readonly provenance: Json;
  readonly project?: string | null;
  /** Checks a model file; raises InputError if it departs from PyTorch. */
  readonly check: (file: string) => Promise<CheckedModel>;
  /** Called with the run once it exists, and after every change is stored. */
  readonly onRun?: (id: string) => void;
  readonly onBatch?: (id: string, batch: RecordedBatch) => void;
  readonly onChange?: (id: string) => void;
  /** Told once everything that was in the file is taken. */
  readonly onCaughtUp?: (taken: TakenLog) => void;
}

export interface TakenLog {
  readonly id: string;
  readonly name: string;
  /** False: the run was here before. */
  readonly added: boolean;
  /** Whether it has ended. */
  readonly ended: boolean;
  readonly check: CheckedModel | null;
}

/** What is done with each part of a file, in the order of the file. */
class RunLogImport {
  readonly #store: Store;
  readonly #options: RunLogOptions;
  id: string | null = null;
  name = '';
  added = false;
  ended = false;
  head: RunLogHead | null = null;
  check: CheckedModel | null = null;

  constructor(store: Store, options: RunLogOptions) {
    this.#store = store;
    this.#options = options;
  }

  async take(part: RunLogPart, file: string): Promise<void> {
    if (part.kind === 'head') {
      this.#begin(part.head, file);
      return;
    }
    const { id } = this;
    if (id === null) throw new InputError(`${file}: not a run file of Covature (it does not begin with its head)`);
    switch (part.kind) {
      case 'model':
        await this.#model(id, part.read);
        break;
      case 'batch':
        this.#batch(id, part);
        break;
      case 'checkpoint':
        await this.#checkpoint(id, part.step, part.read);
        break;
      case 'end':
        this.ended = true;
        this.#end(id, part.status, part.error);
        break;
      default:
        part satisfies never;
        throw new Error('unknown part of a run file');
    }
    this.#options.onChange?.(id);
  }

  #begin(head: RunLogHead, file: string): void {
    const store = this.#store;
    this.head = head;
    this.name = head.name;
    this.id = head.id;
    const known = store.getRun(head.id);
    this.added = known === undefined;
    if (known === undefined) {
      const { config } = head;
      store.createRun({
        id: head.id,
        name: head.name,
        experiment: { name: head.name, ...settingsIn(config) },
        seed: typeof config['seed'] === 'number' && Number.isSafeInteger(config['seed']) ? config['seed'] : null,
        status: 'running',
        project: this.#options.project ?? null,
        relation: 'import',
        created: head.created,
        fields: { ...fieldsOf(config), base_folder: store.folder },
        provenance: {
          ...(this.#options.provenance as Record<string, Json>),
          imported: { log: file, torch: head.torch, python: head.python, host: head.host, config: config as Json },
        },
      });
    } else if (known.status === 'interrupted') store.setRunStatus(head.id, 'running');
    this.#options.onRun?.(head.id);
  }

  async #model(id: string, read: () => Promise<Uint8Array>): Promise<void> {
    const store = this.#store;
    const before = store.artifacts(id).find((each) => each.kind === 'file' && each.name === modelFileName);
    if (before?.state === 'present') return;
    const staged = `${store.stagingPath('model')}.covature-model`;
    try {
      await writeFile(staged, await read());
      this.check = await this.#options.check(staged);
      const { experiment, fields, imported } = recordOf(this.check, this.name);
      const run = store.getRun(id);
      if (run === undefined) throw new InputError(`the run ${this.name} was removed while its file was read`);
      const provenance = run.provenance as Record<string, Json>;
      store.transaction(() => {
        store.setExperiment(id, {
          ...(run.experiment as Record<string, Json>),
          ...(experiment as Record<string, Json>),
          name: this.name,
        });
        store.setSummary(id, fields);
        store.updateRun(id, {
          provenance: {
            ...provenance,
            imported: { ...(provenance['imported'] as Record<string, Json>), model: imported },
            dataset: (this.check?.dataset ?? null) as unknown as Json,
          },
        });
        store.addFile(id, modelFileName, { file: staged });
      });
    } finally {
      await rm(staged, { force: true });
    }
  }

  #batch(id: string, { number, step, metrics, log }: Extract<RunLogPart, { kind: 'batch' }>): void {
    const store = this.#store;
    const batch: RecordedBatch = { number, step, metrics, log: log.length > 0 ? log : undefined };
    if (!store.appendBatch(id, batch)) return;
    const last = Object.entries(metrics).flatMap(([name, { values }]) => {
      const value = values.at(-1);
      return value === undefined || !Number.isFinite(value) ? [] : [[name, value] as const];
    });
    store.setSummary(id, Object.fromEntries(last));
    this.#options.onBatch?.(id, batch);
  }

  async #checkpoint(id: string, step: number, read: () => Promise<Uint8Array>): Promise<void> {
    const store = this.#store;
    if (store.checkpoints(id).some((each) => each.step === step)) return;
    const staged = store.stagingPath('checkpoint');
    try {
      await writeFile(staged, await read());
      store.addCheckpoint(id, { step, epoch: null, file: { file: staged } });
    } finally {
      await rm(staged, { force: true });
    }
  }

  #end(id: string, status: RunStatus, error: string | null): void {
    if (this.#store.setRunStatus(id, status, { error, from: ['running', 'interrupted', 'queued', 'paused'] }))
      this.#store.packSeries(id);
  }

  /** Nothing more will come, and the file does not say that the run ended. */
  interrupt(id: string, error: string): void {
    this.#store.setRunStatus(id, 'interrupted', { error, from: ['running'] });
    this.#options.onChange?.(id);
  }

  /** Whether the process that writes the file is at work on this machine; null: it runs on another. */
  isWriting(): boolean | null {
    const { head } = this;
    if (head === null || head.host !== hostname()) return null;
    try {
      process.kill(head.pid, 0);
      return true;
    } catch (error) {
      // A process of someone else is one.
      return error instanceof Error && 'code' in error && error.code === 'EPERM';
    }
  }
}

/** Takes what is in the file now. A run that has not ended is left as "interrupted", to go on with by taking the file again. Raises InputError. */
export async function takeRunLog(store: Store, file: string, options: RunLogOptions): Promise<TakenLog> {
  await using reader = await RunLogReader.open(file);
  const taken = new RunLogImport(store, options);
  for await (const part of reader.read()) await taken.take(part, file);
  const result = resultOf(taken, file);
  if (!taken.ended)
    taken.interrupt(
      result.id,
      taken.isWriting() === true
        ? 'the training goes on; import the file again for what has come since'
        : 'the training process ended without finish(); what it had written is here',
    );
  return result;
}

/**
 * Takes what is in the file and what comes, until the run ends, its process is gone, or `signal` says to stop; then the run is "interrupted" if it has not
 * ended. Raises InputError.
 * @param every milliseconds between two looks
 */
export async function followRunLog(
  store: Store,
  file: string,
  options: RunLogOptions,
  signal: AbortSignal,
  every = 500,
): Promise<TakenLog> {
  await using reader = await RunLogReader.open(file);
  const taken = new RunLogImport(store, options);
  let hasCaughtUp = false;
  for (;;) {
    const writing = taken.isWriting();
    let parts = 0;
    for await (const part of reader.read()) {
      await taken.take(part, file);
      parts++;
    }
    const result = resultOf(taken, file);
    if (!hasCaughtUp) options.onCaughtUp?.(result);
    hasCaughtUp = true;
    if (taken.ended) return result;
    if (writing === false && parts === 0) {
      taken.interrupt(result.id, 'the training process ended without finish(); what it had written is here');
      return result;
    }
    try {
      await pause(every, undefined, { signal });
    } catch {
      taken.interrupt(result.id, 'no longer followed; import the file again for what has come since');
      return result;
    }
  }
}

function resultOf({ id, name, added, ended, check }: RunLogImport, file: string): TakenLog {
  if (id === null) throw new InputError(`${file}: not a run file of Covature (it is empty)`);
  return { id, name, added, ended, check };
}

/** Translates a configuration into the fields of an experiment. */
function settingsIn(config: Readonly<Record<string, unknown>>): Record<string, Json> {
  const number = (key: string, fits: (x: number) => boolean): number | undefined => {
    const value = config[key];
    return typeof value === 'number' && fits(value) ? value : undefined;
  };
  const lr = number('lr', (x) => x > 0) ?? number('learning_rate', (x) => x > 0);
  const momentum = number('momentum', (x) => x >= 0 && x < 1);
  const decay = number('weight_decay', (x) => x >= 0);
  const batch = number('batch_size', (x) => Number.isSafeInteger(x) && x >= 1);
  const epochs = number('epochs', (x) => x >= 0);
  const seed = number('seed', (x) => Number.isSafeInteger(x) && x >= 0);
  const optimiser = lr === undefined ? undefined : definedOf({ lr, momentum, weight_decay: decay });
  return definedOf({ optimiser, batch_size: batch, epochs, seed });
}

/** The numbers and texts of a configuration, as columns. */
function fieldsOf(config: Readonly<Record<string, unknown>>): Record<string, number | string | boolean> {
  const simple = Object.entries(config).flatMap(([key, value]) =>
    (typeof value === 'number' && Number.isFinite(value)) ||
    typeof value === 'boolean' ||
    (typeof value === 'string' && value.length <= 200)
      ? [[`config.${key}`.slice(0, 100), value] as const]
      : [],
  );
  return Object.fromEntries(simple.slice(0, 100));
}
