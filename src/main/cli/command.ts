/** What a command is, and the parsing of its arguments. */
import { parseArgs } from 'node:util';
import type { ParseArgsConfig } from 'node:util';
import * as path from 'node:path';
import { makeFolders } from '../../data/folders.ts';
import { backendChoices } from '../../shared/devices.ts';
import { InputError, messageOf } from '../../shared/errors.ts';
import { engineOptions } from '../jobs/engine.ts';
import type { EngineOptions } from '../jobs/protocol.ts';
import { defaultStoreFolder, openStore } from '../store/index.ts';
import type { Store } from '../store/index.ts';

type Options = NonNullable<ParseArgsConfig['options']>;

export interface Command {
  /** Usage, options, an example. */
  readonly help: string;
  /** Every option that `run` knows: what the reference and the check of the documents go by. */
  readonly options: Options;
  /** Answers the exit status. Raises InputError or UsageError for status 2. */
  readonly run: (argv: readonly string[]) => Promise<number> | number;
}

/** Wrong arguments; the message names them. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A run was paused by a signal and can go on (exit status 75); the message says how. */
export class PausedError extends Error {
  override readonly name = 'PausedError';
}

/** Options of every command that reads or writes the store. */
export const storeOptions = { store: { type: 'string' }, json: { type: 'boolean' } } as const satisfies Options;

/** Options of every command that computes. */
export const engineFlags = {
  blas: { type: 'string' },
  threads: { type: 'string' },
  backend: { type: 'string' },
} as const satisfies Options;

export const storeHelp = `  --store DIR      the folder of runs (default: $COVATURE_HOME, else the system's folder for application data)
  --json           one JSON document on standard output`;

export const engineHelp = `  --backend NAME   what trains and measures: auto (default), cpu, cuda, webgpu or tfjs-node ($COVATURE_BACKEND); devices
                   compute in float32 and the precision reached is measured
  --blas NAME      "auto" (default), "wasm", or the path of a BLAS library ($COVATURE_BLAS)
  --threads N      worker threads of a measurement (default: one a core), and of the library in a large eigendecomposition (at most
                   8), whose last digits depend on it: the number is recorded, and a rerun uses it`;

/** Parses strictly: unknown options and surplus arguments raise UsageError. */
export function parse<const O extends Options>(
  argv: readonly string[],
  options: O,
  positionals: readonly [least: number, most: number],
) {
  let parsed;
  try {
    parsed = parseArgs({ args: joined(argv, options), options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(parseFault(error, Object.keys(options)));
  }
  const count = parsed.positionals.length;
  const [least, most] = positionals;
  if (count < least)
    throw new UsageError(
      `expected ${least === most ? '' : 'at least '}${least} argument${least === 1 ? '' : 's'}, found ${count}`,
    );
  if (count > most) throw new UsageError(`unexpected argument "${parsed.positionals[most]}"`);
  return parsed;
}

/** A value may begin with a dash ("--sort -loss"), which Node takes only in the same word as its option; there are no options of one letter but -h. */
function joined(argv: readonly string[], options: Options): string[] {
  const words: string[] = [];
  for (const word of argv) {
    const before = words.at(-1) ?? '';
    const takes = options[before.replace(/^--/, '')]?.type === 'string' && before.startsWith('--');
    if (takes && /^-[A-Za-z]/.test(word) && word !== '-h') words[words.length - 1] = `${before}=${word}`;
    else words.push(word);
  }
  return words;
}

/** Node's own advice on an unknown option is about a rare case; what one wants to see is the options there are. */
function parseFault(error: unknown, known: readonly string[]): string {
  const message = messageOf(error);
  const unknown = /^Unknown option '(-[^']*)'/.exec(message)?.[1];
  if (unknown === undefined) return message;
  const names = [...known, 'help'].sort().map((name) => `--${name}`);
  return `unknown option ${unknown}; expected one of ${names.join(', ')}`;
}

export function integerOption(text: string | undefined, name: string, low: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(Number.isSafeInteger(value) && value >= low))
    throw new UsageError(`--${name}: expected an integer of at least ${low}, received "${text}"`);
  return value;
}

/** A number in a range; undefined where the option was not given. `expected` says the range in words. */
export function numberOption(
  text: string | undefined,
  name: string,
  accepts: (value: number) => boolean,
  expected: string,
): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === '' ? NaN : Number(text);
  if (!(Number.isFinite(value) && accepts(value)))
    throw new UsageError(`--${name}: expected ${expected}, received "${text}"`);
  return value;
}

/** One of a fixed list; undefined where the option was not given. */
export function choice<const T extends string>(
  text: string | undefined,
  name: string,
  allowed: readonly T[],
): T | undefined {
  return text === undefined ? undefined : oneOf(text, name, allowed);
}

/** The member of a fixed list that an option's text is; raises UsageError listing them otherwise. */
export function oneOf<const T extends string>(text: string, name: string, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === text);
  if (found === undefined) {
    throw new UsageError(`--${name}: expected one of ${allowed.join(', ')}; received "${text}"`);
  }
  return found;
}

/** The words of options that may be repeated and hold several with commas. */
export function listed(texts: readonly string[] | undefined): string[] {
  return (texts ?? []).flatMap((text) => text.split(',').map((each) => each.trim())).filter((each) => each !== '');
}

export function engineOf(values: {
  readonly blas?: string | undefined;
  readonly threads?: string | undefined;
  readonly backend?: string | undefined;
}): EngineOptions {
  return engineOptions({
    blas: values.blas,
    threads: integerOption(values.threads, 'threads', 1),
    backend: choice(values.backend, 'backend', backendChoices),
  });
}

export function openStoreFor(values: { readonly store?: string | undefined }, readOnly: boolean): Store {
  const store = openStore(path.resolve(values.store ?? defaultStoreFolder()), { readOnly });
  // Before any work: what can go wrong there.
  if (!readOnly) for (const warning of store.report.warnings) process.stderr.write(`warning: ${warning}\n`);
  return store;
}

/** A folder to write into, made where it is missing. Raises InputError where it cannot be. */
export function makeFolder(folder: string): void {
  try {
    makeFolders(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST')
      throw new InputError(`--out: ${folder} is no folder`);
    throw new InputError(`--out: ${folder} cannot be made: ${messageOf(error)}`);
  }
}

export function printJson(document: unknown): void {
  process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}
