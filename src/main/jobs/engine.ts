/** Opening the BLAS that a job computes with, and what it may use of the machine. */
import { availableParallelism, cpus } from 'node:os';
import { findNativeBlas, installHint } from '../../engine/blas/find.ts';
import type { LibraryAttempt } from '../../engine/blas/find.ts';
import { openInMemory } from '../../engine/blas/in-memory.ts';
import type { Blas } from '../../engine/blas/types.ts';
import { backendChoices } from '../../shared/devices.ts';
import type { BackendChoice } from '../../shared/devices.ts';
import { InputError } from '../../shared/errors.ts';
import { openWasmBlas } from '../../engine/blas/wasm.ts';
import { loadKernels } from '../blas-module.ts';
import { availableMemory } from './memory.ts';
import type { EngineOptions, EngineReport } from './protocol.ts';

export interface OpenedEngine {
  readonly blas: Blas;
  /** The same library for training: on a memory that the SIMD loops work on too (what does not fit into 4 GiB lies outside). Opened once. */
  readonly trainingBlas: () => Blas;
  /** Native libraries that could not be opened. */
  readonly attempts: readonly LibraryAttempt[];
  readonly report: EngineReport;
  readonly memoryLimit: number;
}

/** The engine's settings from the environment (COVATURE_BLAS, COVATURE_THREADS) and what the user chose on top. */
export function engineOptions(
  chosen: { blas?: string | undefined; threads?: number | undefined; backend?: BackendChoice | undefined } = {},
): EngineOptions {
  const threads = chosen.threads ?? Number(process.env['COVATURE_THREADS'] ?? 0);
  return {
    blas: chosen.blas ?? (process.env['COVATURE_BLAS'] || 'auto'),
    threads: Number.isSafeInteger(threads) && threads > 0 ? threads : 0,
    memoryLimit: 0,
    backend: chosen.backend ?? backendFromEnvironment(),
  };
}

/** COVATURE_BACKEND, else auto. Raises InputError for an unknown name. */
function backendFromEnvironment(): BackendChoice {
  const name = process.env['COVATURE_BACKEND'] ?? '';
  if (name === '') return 'auto';
  const backend = backendChoices.find((each) => each === name);
  if (backend === undefined)
    throw new InputError(`COVATURE_BACKEND: expected one of ${backendChoices.join(', ')}; found "${name}"`);
  return backend;
}

/** Threads that a library divides an eigendecomposition among unless a run says otherwise: more threads gain little. */
const mostLibraryThreads = 8;

/** Threads of the library in a large eigendecomposition. */
export function libraryThreadsOf(report: EngineReport): number {
  return report.libraryThreads ?? Math.min(mostLibraryThreads, report.threads);
}

/** Raises an Error if a library was asked for by path and does not open. */
export async function openEngine(options: EngineOptions): Promise<OpenedEngine> {
  let attempts: readonly LibraryAttempt[] = [];
  let blas: Blas | undefined;
  if (options.blas !== 'wasm') {
    const library = findNativeBlas(process.platform, options.blas === 'auto' ? undefined : options.blas);
    blas = library.blas;
    attempts = library.attempts;
  }
  blas ??= await openWasmBlas(loadKernels());
  const cores = availableParallelism();
  const threads = options.threads > 0 ? options.threads : cores;
  const { libraryThreads = 0 } = options;
  const report: EngineReport = {
    blas: blas.name,
    path: blas.path,
    kind: blas.kind,
    threads,
    libraryThreads: libraryThreads > 0 ? libraryThreads : Math.min(mostLibraryThreads, threads),
    cores,
    processor: cpus()[0]?.model.trim() ?? process.arch,
  };
  const opened = blas;
  let training: Blas | null = opened.kind === 'native' ? null : opened;
  return {
    blas,
    trainingBlas: () => (training ??= openInMemory(opened, loadKernels())),
    attempts,
    report,
    memoryLimit: memoryLimit(options, blas),
  };
}

/** WebAssembly's linear memory ends at 4 GiB, 0.5 of which are left to training and the workers. */
const wasmLimit = 3.5 * 2 ** 30;

function memoryLimit(options: EngineOptions, blas: Blas): number {
  const free = options.memoryLimit > 0 ? options.memoryLimit : 0.9 * availableMemory();
  return blas.kind === 'wasm' ? Math.min(free, wasmLimit) : free;
}

/** What to tell a user who has no native library. The gain is that of `covature bench` on two virtual cores of a Xeon (README). */
export function blasHint(): string {
  return (
    'a native BLAS measures about 2.1 times and trains about 1.8 times as fast (two virtual cores with AVX-512): ' +
    installHint(process.platform)
  );
}
