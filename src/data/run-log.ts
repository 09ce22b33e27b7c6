/**
 * A run that a training loop elsewhere writes (covature.Run in resources/python/covature.py), read as it grows: head.json, model.covature-model if it has one,
 * log/0.json, log/1.json, ..., checkpoints/STEP.safetensors, end.json. Batches are numbered as the store numbers them.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as v from 'valibot';
import { InputError } from '../shared/errors.ts';
import { integer, parseJson, parseWith } from '../shared/validation.ts';
import { inputErrorOf } from './files.ts';
import { readGrowing } from './formats/growing-zip.ts';
import type { GrowingEntry } from './formats/growing-zip.ts';

const head = v.looseObject({
  format: v.literal('covature-log'),
  version: v.literal(1, 'expected version 1; the file is of another covature.py'),
  id: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
  name: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(200)),
  config: v.record(v.string(), v.unknown()),
  created: integer(0),
  pid: integer(0),
  host: v.string(),
  python: v.string(),
  torch: v.string(),
});
export type RunLogHead = v.InferOutput<typeof head>;

/** JSON has no NaN and no infinities; a diverging loss has. */
const point = v.union([v.number(), v.picklist(['NaN', 'Infinity', '-Infinity'])]);
const batch = v.strictObject({
  number: integer(0),
  step: integer(0),
  metrics: v.record(
    v.pipe(v.string(), v.minLength(1), v.maxLength(200)),
    v.strictObject({ steps: v.array(integer(0)), values: v.array(point) }),
  ),
  log: v.array(v.tuple([integer(0), v.picklist(['debug', 'info', 'warning', 'error']), v.string()])),
});
const end = v.strictObject({
  status: v.picklist(['done', 'failed']),
  error: v.nullable(v.string()),
  step: integer(0),
  ended: integer(0),
});

export type RunLogPart =
  | { readonly kind: 'head'; readonly head: RunLogHead }
  /** A `.covature-model` file. */
  | { readonly kind: 'model'; readonly read: GrowingEntry['read'] }
  | {
      readonly kind: 'batch';
      readonly number: number;
      readonly step: number;
      readonly metrics: Readonly<Record<string, { readonly steps: number[]; readonly values: number[] }>>;
      readonly log: readonly {
        readonly time: number;
        readonly level: 'debug' | 'info' | 'warning' | 'error';
        readonly text: string;
      }[];
    }
  | { readonly kind: 'checkpoint'; readonly step: number; readonly read: GrowingEntry['read'] }
  | ({ readonly kind: 'end' } & v.InferOutput<typeof end>);

const headName = 'head.json';

/** Whether a file is a run that covature.Run writes, finished or not; false too if it cannot be read. */
export async function isRunLog(file: string): Promise<boolean> {
  let handle: fs.FileHandle | undefined;
  try {
    handle = await fs.open(file, 'r');
    const bytes = Buffer.alloc(30 + headName.length);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
    return (
      bytesRead === bytes.length && bytes.readUInt32LE(0) === 0x04034b50 && bytes.toString('latin1', 30) === headName
    );
  } catch {
    // Opening it will report what is wrong.
    return false;
  } finally {
    await handle?.close();
  }
}

/** Reads what is new each time. `close` it. */
export class RunLogReader implements AsyncDisposable {
  readonly file: string;
  readonly #handle: fs.FileHandle;
  #next = 0;

  private constructor(file: string, handle: fs.FileHandle) {
    this.file = file;
    this.#handle = handle;
  }

  /** Raises InputError if the file cannot be opened. */
  static async open(file: string): Promise<RunLogReader> {
    try {
      return new RunLogReader(file, await fs.open(file, 'r'));
    } catch (error) {
      throw inputErrorOf(error, file);
    }
  }

  /** Raises InputError naming what is wrong, where. */
  async *read(): AsyncGenerator<RunLogPart> {
    const { entries, next } = await readGrowing(this.#handle, this.#next, this.file);
    this.#next = next;
    for (const entry of entries) yield await this.#part(entry);
  }

  async #part(entry: GrowingEntry): Promise<RunLogPart> {
    const { name } = entry;
    const place = `${path.basename(this.file)}: ${name}`;
    const json = async (): Promise<unknown> => parseJson(new TextDecoder().decode(await entry.read()), place);
    if (name === headName) return { kind: 'head', head: parseWith(head, await json(), place) };
    if (name === 'model.covature-model') return { kind: 'model', read: entry.read };
    if (name === 'end.json') return { kind: 'end', ...parseWith(end, await json(), place) };
    const step = /^checkpoints\/(\d{1,15})\.safetensors$/.exec(name)?.[1];
    if (step !== undefined) return { kind: 'checkpoint', step: Number(step), read: entry.read };
    if (/^log\/\d+\.json$/.test(name)) {
      const { metrics, log, ...rest } = parseWith(batch, await json(), place);
      const points = Object.entries(metrics).map(([key, { steps, values }]) => {
        if (steps.length !== values.length)
          throw new InputError(`${place}: ${key}: ${steps.length} steps and ${values.length} values`);
        return [key, { steps, values: values.map(Number) }] as const;
      });
      return {
        kind: 'batch',
        ...rest,
        metrics: Object.fromEntries(points),
        log: log.map(([time, level, text]) => ({ time, level, text })),
      };
    }
    throw new InputError(`${place}: not a part of a run file; it may come from a newer covature.py`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}
