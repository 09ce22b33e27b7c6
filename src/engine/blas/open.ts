/** Opens, in a worker thread, the library that another thread shares. */
import { onMemory } from './in-memory.ts';
import { openNativeBlas } from './native.ts';
import type { Blas, BlasShare } from './types.ts';
import { openSharedWasmBlas } from './wasm.ts';

export function openSharedBlas(share: BlasShare): Blas {
  if (share.kind === 'wasm') return openSharedWasmBlas(share);
  const native = openNativeBlas(share.path);
  return share.memory === undefined ? native : onMemory(native, share.memory.module, share.memory.memory);
}
