/** The form of a command, and the flags that many commands share. */
import * as path from 'node:path';
import * as v from 'valibot';
import { makeFolders } from '../../data/folders.ts';
import type { Optional } from '../../shared/defined.ts';
import { backendChoices } from '../../shared/devices.ts';
import { InputError, messageOf } from '../../shared/errors.ts';
import { integer } from '../../shared/validation.ts';
import { engineOptions } from '../jobs/engine.ts';
import type { EngineOptions } from '../jobs/protocol.ts';
import { defaultStoreFolder, openStore } from '../store/index.ts';
import type { Store } from '../store/index.ts';
import { toggle } from './flags.ts';
import type { Flag, Flags, FlagValues } from './flags.ts';

export interface Command {
  /** Usage, options, an example. */
  readonly help: string;
  /** Every flag that `run` knows. */
  readonly flags: Flags;
  /** Returns the exit status. Raises InputError or UsageError for status 2. */
  readonly run: (argv: readonly string[]) => Promise<number> | number;
}

/** A run was paused by a signal and can be resumed (exit status 75); the message says how. */
export class PausedError extends Error {
  override readonly name = 'PausedError';
}

export const jsonFlag = { schema: toggle, help: 'one JSON document on standard output' } as const satisfies Flag;

/** Flags of every command that reads or writes the store. */
export const storeFlags = {
  store: {
    schema: v.string(),
    value: 'DIR',
    help: 'the folder of runs',
    otherwise: "$COVATURE_HOME, else the system's folder for application data",
  },
  json: jsonFlag,
} as const satisfies Flags;

/** Flags of every command that computes. */
export const engineFlags = {
  backend: {
    schema: v.picklist(backendChoices),
    value: 'NAME',
    help: 'the backend that trains and measures (devices compute in float32, and the precision reached is measured)',
    otherwise: '$COVATURE_BACKEND, else auto',
  },
  blas: {
    schema: v.string(),
    value: 'NAME',
    help: '"auto", "wasm", or the path of a BLAS library',
    otherwise: '$COVATURE_BLAS, else auto',
  },
  threads: {
    schema: integer(1),
    value: 'N',
    help: 'worker threads of a measurement (default: one a core), and of the library in a large eigendecomposition (at most 8), whose last digits depend on it: the number is recorded, and a rerun uses it',
  },
} as const satisfies Flags;

/** A number above 0 and below 1. */
export const shareSchema = v.pipe(
  v.number('expected a number between 0 and 1'),
  v.check((x) => x > 0 && x < 1, 'expected a number between 0 and 1'),
);

export function engineOf(values: Optional<FlagValues<typeof engineFlags>>): EngineOptions {
  return engineOptions({ blas: values.blas, threads: values.threads, backend: values.backend });
}

export function openStoreFor(values: { readonly store?: string | undefined }, readOnly: boolean): Store {
  const store = openStore(path.resolve(values.store ?? defaultStoreFolder()), { readOnly });
  // Before any work: a warning about what can go wrong there.
  if (!readOnly) for (const warning of store.report.warnings) process.stderr.write(`warning: ${warning}\n`);
  return store;
}

/** A folder to write into, created if it is missing. Raises InputError if it cannot be created. */
export function makeFolder(folder: string): void {
  try {
    makeFolders(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST')
      throw new InputError(`--out: ${folder} is no folder`);
    throw new InputError(`--out: ${folder} cannot be created: ${messageOf(error)}`);
  }
}

export function printJson(document: unknown): void {
  process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}
