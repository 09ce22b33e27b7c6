/**
 * What the module exports. AssemblyScript (not TypeScript: compiled by `asc` through scripts/build-wasm.mjs). All threads run this code on
 * ONE shared memory, so it keeps no state: no static data, no stack in memory, no allocation. Pointers, scratch included, come from the
 * caller (../heap.ts); addresses are bytes, lengths and leading dimensions are elements.
 *
 * Multiply-adds are `relaxed_madd`: fused on every processor that can (x86-64 since 2013, all of ARM64), where they are twice as fast as
 * a product and a sum and give the same bits on all such machines. A processor without them rounds twice; `fused` tells which it is.
 */
import { gemmOf, gemmScratchBytes } from './gemm';
import { gemvOf } from './gemv';
import { symvUpper } from './symv';

export { convolution, pad } from './convolution';
export { convolutionWeights } from './convolution-weights';
export { add, blend, gatherRows, multiply, relu, reluBackward, repeatRow, scale, subtract } from './elementwise';
export { activate32, activateBackward32, causalSoftmax32, crossEntropy32, softmax32 } from './functions';
export {
  addRow,
  columnDots,
  columnSums,
  combineRows,
  copyRows,
  multiplyRow,
  rowDots,
  scaleRows,
  scaleShift,
  softmaxJacobian,
  standardise,
  standardiseJacobian,
  swapAxes,
} from './rows';
export { batchGemm } from './small';
export { gatherPatches, maxPool, scatterPatches, spreadPlaces } from './windows';

/** Bytes of scratch that `gemm` writes to; one region a thread, 64-byte aligned. */
export function scratchBytes(): i32 {
  return max(gemmScratchBytes<f32>(), gemmScratchBytes<f64>());
}

/** 1 where a multiply-add rounds once: with e = 2^-27, (1 + e)(1 - e) - 1 is -e^2 when fused and 0 when the product is rounded first. */
export function fused(one: f64): i32 {
  const e = 1.0 / 134217728.0;
  const r = f64x2.relaxed_madd(f64x2.splat(one + e), f64x2.splat(one - e), f64x2.splat(-one));
  return f64x2.extract_lane(r, 0) != 0.0 ? 1 : 0;
}

/** `Blas.gemm`, of f64 where `double`, else f32. */
export function gemm(
  double: bool,
  transposeA: bool,
  transposeB: bool,
  m: i32,
  n: i32,
  k: i32,
  alpha: f64,
  a: usize,
  lda: i32,
  b: usize,
  ldb: i32,
  beta: f64,
  c: usize,
  ldc: i32,
  scratch: usize,
): void {
  if (double) gemmOf<f64>(transposeA, transposeB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, scratch);
  else gemmOf<f32>(transposeA, transposeB, m, n, k, <f32>alpha, a, lda, b, ldb, <f32>beta, c, ldc, scratch);
}

/** `Blas.gemv`, likewise. */
export function gemv(
  double: bool,
  transpose: bool,
  m: i32,
  n: i32,
  alpha: f64,
  a: usize,
  lda: i32,
  x: usize,
  beta: f64,
  y: usize,
): void {
  if (double) gemvOf<f64>(transpose, m, n, alpha, a, lda, x, beta, y);
  else gemvOf<f32>(transpose, m, n, <f32>alpha, a, lda, x, <f32>beta, y);
}

/** y = A x for the symmetric matrix A [n, n] in double precision, of which only the upper triangle is read. */
export function symv64(n: i32, a: usize, lda: i32, x: usize, y: usize): void {
  symvUpper(n, a, (<usize>lda) << 3, x, y);
}
