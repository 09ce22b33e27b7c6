/** Every BLAS that a numeric suite runs on. WebAssembly is always there; a native library runs where the machine has one. */
import { findNativeBlas } from '../../src/engine/blas/find.ts';
import type { Blas } from '../../src/engine/blas/types.ts';
import { openInMemory } from '../../src/engine/blas/in-memory.ts';
import { openWasmBlas } from '../../src/engine/blas/wasm.ts';
import { loadKernels } from '../../src/main/blas-module.ts';

export interface Engine {
  readonly title: string;
  /** true, or why the suite is skipped on it. */
  readonly available: true | string;
  readonly open: () => Blas | Promise<Blas>;
}

const native = findNativeBlas(process.platform, process.env['COVATURE_BLAS']);

export const engines: readonly Engine[] = [
  {
    title: 'native BLAS',
    available: native.blas !== undefined ? true : 'no native BLAS on this machine (OpenBLAS, MKL or Accelerate)',
    open: () => {
      if (native.blas === undefined) throw new Error('no native BLAS');
      return native.blas;
    },
  },
  { title: 'WebAssembly', available: true, open: () => openWasmBlas(loadKernels()) },
];

/** With the way in which training uses a native library: on a memory that the SIMD loops share. */
export const trainingEngines: readonly Engine[] = [
  ...engines,
  {
    ...engines[0],
    title: 'native BLAS beside SIMD loops',
    open: async () => openInMemory(await engines[0].open(), loadKernels()),
  },
];
