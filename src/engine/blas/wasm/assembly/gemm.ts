/**
 * The matrix product by panels that fit the caches (Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008):
 * a block of B [KC, NC] is packed once, blocks of A [MC, KC] pass by it, tiles of C stay in registers.
 * The sum over the inner index runs in the same order for each element, whatever m and n.
 */
import { packAcross, packAlong, ROWS, storeEdge, tile } from './tile';

/** Bytes of inner length of a panel: KC = 256 doubles or 512 singles, so that a strip of A and one of B fit the first-level cache. */
const INNER_BYTES: i32 = 2048;
/** MC: with KC, 192 KiB of A, less than half of a usual second-level cache. */
const BLOCK_ROWS: i32 = 96;
/** Bytes of a row of the block of B: NC = 1024 doubles or 2048 singles. */
const BLOCK_ROW_BYTES: i32 = 8192;

const EDGE_BYTES: i32 = 256;
const PACKED_A_BYTES: i32 = BLOCK_ROWS * INNER_BYTES;

/** Scratch a product needs, in bytes, 64-byte aligned. */
export function gemmScratchBytes<T>(): i32 {
  return EDGE_BYTES + PACKED_A_BYTES + (INNER_BYTES / sizeof<T>()) * BLOCK_ROW_BYTES;
}

/** C = alpha op(A) op(B) + beta C; leading dimensions in elements; see `Blas.gemm`. */
export function gemmOf<T>(
  transposeA: bool,
  transposeB: bool,
  m: i32,
  n: i32,
  k: i32,
  alpha: T,
  a: usize,
  lda: i32,
  b: usize,
  ldb: i32,
  beta: T,
  c: usize,
  ldc: i32,
  scratch: usize,
): void {
  const rowA = <usize>lda * sizeof<T>();
  const rowB = <usize>ldb * sizeof<T>();
  const rowC = <usize>ldc * sizeof<T>();
  if (k == 0 || alpha == (0 as T)) {
    scale<T>(m, n, beta, c, rowC);
    return;
  }
  const columns = 32 / <i32>sizeof<T>();
  const blockInner = INNER_BYTES / <i32>sizeof<T>();
  const blockColumns = BLOCK_ROW_BYTES / <i32>sizeof<T>();
  const packedA = scratch + EDGE_BYTES;
  const packedB = packedA + PACKED_A_BYTES;
  for (let j0 = 0; j0 < n; j0 += blockColumns) {
    const nb = min(blockColumns, n - j0);
    for (let p0 = 0; p0 < k; p0 += blockInner) {
      const kb = min(blockInner, k - p0);
      const keep = p0 == 0 ? beta : (1 as T);
      const stripB = <usize>kb * 32;
      for (let j = 0, to = packedB; j < nb; j += columns, to += stripB) {
        const count = min(columns, nb - j);
        if (transposeB)
          packAcross<T>(columns, count, kb, b + <usize>(j0 + j) * rowB + <usize>p0 * sizeof<T>(), rowB, to);
        else packAlong<T>(columns, count, kb, b + <usize>p0 * rowB + <usize>(j0 + j) * sizeof<T>(), rowB, to);
      }
      for (let i0 = 0; i0 < m; i0 += BLOCK_ROWS) {
        const mb = min(BLOCK_ROWS, m - i0);
        const stripA = <usize>(kb * ROWS) * sizeof<T>();
        for (let i = 0, to = packedA; i < mb; i += ROWS, to += stripA) {
          const count = min(ROWS, mb - i);
          if (transposeA) packAlong<T>(ROWS, count, kb, a + <usize>p0 * rowA + <usize>(i0 + i) * sizeof<T>(), rowA, to);
          else packAcross<T>(ROWS, count, kb, a + <usize>(i0 + i) * rowA + <usize>p0 * sizeof<T>(), rowA, to);
        }
        block<T>(
          mb,
          nb,
          kb,
          alpha,
          packedA,
          packedB,
          keep,
          c + <usize>i0 * rowC + <usize>j0 * sizeof<T>(),
          rowC,
          scratch,
        );
      }
    }
  }
}

/** One block of A by one of B, both packed. */
function block<T>(
  m: i32,
  n: i32,
  k: i32,
  alpha: T,
  a: usize,
  b: usize,
  beta: T,
  c: usize,
  ldc: usize,
  edge: usize,
): void {
  const columns = 32 / <i32>sizeof<T>();
  const stripA = <usize>(k * ROWS) * sizeof<T>();
  const stripB = <usize>k * 32;
  for (let j = 0; j < n; j += columns, b += stripB) {
    const width = min(columns, n - j);
    let strip = a;
    for (let i = 0; i < m; i += ROWS, strip += stripA) {
      const height = min(ROWS, m - i);
      const to = c + <usize>i * ldc + <usize>j * sizeof<T>();
      if (width == columns && height == ROWS) {
        tile<T>(k, alpha, strip, b, beta, to, ldc);
      } else {
        tile<T>(k, alpha, strip, b, 0 as T, edge, 32);
        storeEdge<T>(height, width, edge, beta, to, ldc);
      }
    }
  }
}

/** C = beta C; C is not read if beta = 0. */
function scale<T>(m: i32, n: i32, beta: T, c: usize, ldc: usize): void {
  for (let i = 0; i < m; i++, c += ldc) {
    for (let j: usize = 0; j < <usize>n * sizeof<T>(); j += sizeof<T>()) {
      store<T>(c + j, beta == (0 as T) ? (0 as T) : beta * load<T>(c + j));
    }
  }
}
