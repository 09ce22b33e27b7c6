/** Opening in a worker thread the library that another thread shares. */
import { openNativeBlas } from './native.ts';
import type { Blas, BlasShare } from './types.ts';
import { openSharedWasmBlas } from './wasm.ts';

export function openSharedBlas(share: BlasShare): Blas {
  return share.kind === 'native' ? openNativeBlas(share.path) : openSharedWasmBlas(share);
}
