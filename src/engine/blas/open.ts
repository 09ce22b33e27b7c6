/** Opening in a worker thread the library that another thread shares. */
import { openNativeBlas } from './native.ts';
import type { ArrayReference, Blas, BlasShare, Precision, Real } from './types.ts';
import { openSharedWasmBlas } from './wasm.ts';

/**
 * @param arena memory for what this thread allocates itself, or null where the library can allocate in any thread. Arrays from an arena
 *   live as long as the thread.
 */
export function openSharedBlas(share: BlasShare, arena: ArrayReference | null): Blas {
  const blas = share.kind === 'native' ? openNativeBlas(share.path) : openSharedWasmBlas(share);
  return arena === null ? blas : withArena(blas, blas.open(arena));
}

/** The same library, allocating from a fixed piece of its memory: threads need no lock on the free list of another. */
function withArena(blas: Blas, arena: Real): Blas {
  let used = 0;
  return {
    ...blas,
    allocate: (precision: Precision, length: number): Real => {
      const bytes = length * (precision === 'float64' ? 8 : 4);
      const start = arena.byteOffset + used;
      used += Math.ceil(bytes / 64) * 64;
      if (used > arena.byteLength) {
        throw new Error(
          `a worker thread's memory of ${arena.byteLength} bytes is used up (${bytes} more were asked for)`,
        );
      }
      return precision === 'float64'
        ? new Float64Array(arena.buffer, start, length).fill(0)
        : new Float32Array(arena.buffer, start, length).fill(0);
    },
    release: () => undefined,
  };
}
