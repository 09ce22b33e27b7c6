/**
 * A native library whose arrays lie in a WebAssembly memory: its products and the SIMD loops of the kernels work on the same numbers, so the work
 * between the products of a training step need not be a JavaScript loop (a third to a tenth of the speed). Arrays that do not fit into the memory
 * (4 GiB) are allocated outside it and processed by plain loops.
 */
import type { ArrayReference, Blas, BlasShare, Precision, Real } from './types.ts';
import { openSharedWasmBlas } from './wasm.ts';
import type { WasmBlas } from './wasm.ts';
import { createMemory } from './wasm/heap.ts';

/** The library on a fresh memory. Raises an Error if `native` is not a native library. */
export function openInMemory(native: Blas, module: WebAssembly.Module): Blas {
  return onMemory(native, module, createMemory());
}

/** The same in another thread, on the memory of the thread that made the share. */
export function onMemory(native: Blas, module: WebAssembly.Module, memory: WebAssembly.Memory): Blas {
  if (native.kind !== 'native') throw new Error(`${native.name} has a memory of its own`);
  const wasm: WasmBlas = openSharedWasmBlas({ module, memory });
  const holds = (array: Real): boolean => wasm.loops.offset(array) >= 0;
  return {
    ...native,
    loops: wasm.loops,
    allocate: (precision: Precision, length: number): Real => {
      try {
        return wasm.allocate(precision, length);
      } catch {
        return native.allocate(precision, length);
      }
    },
    release: (array) => {
      if (holds(array)) wasm.release(array);
    },
    share: (): BlasShare => ({ kind: 'native', path: native.path, memory: { module, memory } }),
    reference: (array): ArrayReference => (holds(array) ? wasm.reference(array) : native.reference(array)),
    open: (reference) => (reference.kind === 'wasm' ? wasm.open(reference) : native.open(reference)),
  };
}
