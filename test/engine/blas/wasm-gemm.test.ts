import { beforeAll, describe, expect, it } from 'vitest';
import type { Precision, Real } from '../../../src/engine/blas/types.ts';
import type { WasmBlas } from '../../../src/engine/blas/wasm.ts';
import { bitsOf, openKernels, randomArray } from './wasm-support.ts';

let blas: WasmBlas;
beforeAll(async () => {
  blas = await openKernels();
});

/** Relative rounding of one operation; k of them, on numbers of size 1, must explain any difference. */
const rounding: Record<Precision, number> = { float32: 2 ** -24, float64: 2 ** -53 };
const precisions: readonly Precision[] = ['float64', 'float32'];

/** m, n, k around the tile (6 rows; 4 or 8 columns), the blocks (96 rows, 1024 or 2048 columns, 256 or 512 inner) and what the program multiplies. */
const shapes = [
  [1, 1, 1],
  [1, 7, 3],
  [5, 3, 4],
  [6, 8, 1],
  [7, 9, 2],
  [12, 16, 31],
  [13, 17, 33],
  [10, 50, 50],
  [50, 10, 50],
  [50, 50, 50],
  [50, 50, 784],
  [784, 50, 50],
  [95, 5, 257],
  [97, 12, 513],
  [3, 1030, 5],
  [2, 2060, 3],
  [193, 33, 300],
] as const;

const scalars = [
  [1, 0],
  [1, 1],
  [-0.5, 0.25],
  [0, 2],
  [0, 0],
] as const;

/** op(A) op(B) by a double loop, rounded nowhere but in double precision. */
function plain(
  transposeA: boolean,
  transposeB: boolean,
  m: number,
  n: number,
  k: number,
  a: Real,
  lda: number,
  b: Real,
  ldb: number,
): Float64Array {
  const c = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let p = 0; p < k; p++) {
        sum += (transposeA ? a[p * lda + i] : a[i * lda + p]) * (transposeB ? b[j * ldb + p] : b[p * ldb + j]);
      }
      c[i * n + j] = sum;
    }
  }
  return c;
}

describe.each(precisions)('gemm on WebAssembly, %s', (precision) => {
  describe.each(shapes)('m = %i, n = %i, k = %i', (m, n, k) => {
    it.each([
      [false, false],
      [false, true],
      [true, false],
      [true, true],
    ])('transposes %s, %s', (transposeA, transposeB) => {
      // Leading dimensions beyond the row, arrays that begin off any alignment, and a frame around C that must stay.
      const [lda, ldb, ldc] = [(transposeA ? m : k) + 3, (transposeB ? k : n) + 1, n + 2];
      const a = randomArray(blas, precision, lda * (transposeA ? k : m) + 1, 1).subarray(1);
      const b = randomArray(blas, precision, ldb * (transposeB ? n : k) + 3, 2).subarray(3);
      const all = randomArray(blas, precision, ldc * m + 5, 3);
      const c = all.subarray(5);
      const product = plain(transposeA, transposeB, m, n, k, a, lda, b, ldb);
      for (const [alpha, beta] of scalars) {
        const before = all.slice();
        if (beta === 0) for (let i = 0; i < m; i++) c.fill(NaN, i * ldc, i * ldc + n);
        blas.gemm(transposeA, transposeB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
        let worst = 0;
        for (let i = 0; i < all.length; i++) {
          const row = Math.floor((i - 5) / ldc);
          const column = (i - 5) % ldc;
          const inside = i >= 5 && row < m && column < n;
          if (!inside) {
            expect(all[i]).toBe(before[i]);
          } else {
            const expected = alpha * product[row * n + column] + (beta === 0 ? 0 : beta * before[i]);
            const difference = Math.abs(all[i] - expected);
            if (!(difference <= worst)) worst = difference;
          }
        }
        expect(worst).toBeLessThanOrEqual(2 * (k + 3) * rounding[precision]);
      }
    });
  });

  it('is exact on whole numbers', () => {
    const [m, n, k] = [29, 31, 37];
    const a = blas.allocate(precision, m * k);
    const b = blas.allocate(precision, k * n);
    const c = blas.allocate(precision, m * n);
    for (let i = 0; i < m * k; i++) a[i] = (i % 11) - 5;
    for (let i = 0; i < k * n; i++) b[i] = (i % 7) - 3;
    blas.gemm(false, false, m, n, k, 1, a, k, b, n, 0, c, n);
    expect([...c]).toEqual([...plain(false, false, m, n, k, a, k, b, n)]);
  });

  it('gives the same bits for a row whatever rows and columns are computed with it', async () => {
    const [m, n, k] = [40, 30, 600];
    const a = randomArray(blas, precision, m * k, 4);
    const b = randomArray(blas, precision, k * n, 5);
    const c = blas.allocate(precision, m * n);
    blas.gemm(false, false, m, n, k, 1, a, k, b, n, 0, c, n);
    for (const [row, column] of [
      [0, 0],
      [17, 11],
      [39, 29],
    ] as const) {
      const one = blas.allocate(precision, 1);
      blas.gemm(false, false, 1, 1, k, 1, a.subarray(row * k), k, b.subarray(column), n, 0, one, 1);
      expect(await bitsOf(one)).toBe(await bitsOf(c.subarray(row * n + column, row * n + column + 1)));
    }
  });

  it('scales C where k = 0, and does nothing where m or n is 0', () => {
    const a = blas.allocate(precision, 4);
    const c = blas.allocate(precision, 4);
    c.fill(3);
    blas.gemm(false, false, 2, 2, 0, 1, a, 1, a, 2, 2, c, 2);
    expect([...c]).toEqual([6, 6, 6, 6]);
    blas.gemm(false, false, 0, 2, 2, 1, a, 2, a, 2, 0, c, 2);
    blas.gemm(false, false, 2, 0, 2, 1, a, 2, a, 1, 0, c, 1);
    expect([...c]).toEqual([6, 6, 6, 6]);
  });

  it('propagates NaN and infinities of A and B', () => {
    const a = blas.allocate(precision, 4);
    a.set([NaN, 1, Infinity, 1]);
    const b = blas.allocate(precision, 4);
    b.fill(1);
    const c = blas.allocate(precision, 4);
    blas.gemm(false, false, 2, 2, 2, 1, a, 2, b, 2, 0, c, 2);
    expect([...c]).toEqual([NaN, NaN, Infinity, Infinity]);
  });
});

describe.each(precisions)('gemv on WebAssembly, %s', (precision) => {
  it.each([
    [1, 1],
    [3, 5],
    [4, 4],
    [5, 3],
    [17, 33],
    [64, 64],
    [50, 784],
    [301, 7],
  ])('m = %i, n = %i', (m, n) => {
    const lda = n + 3;
    const a = randomArray(blas, precision, m * lda + 1, 1).subarray(1);
    for (const transpose of [false, true]) {
      const [inner, outer] = transpose ? [m, n] : [n, m];
      const x = randomArray(blas, precision, inner + 1, 2).subarray(1);
      for (const [alpha, beta] of scalars) {
        const all = randomArray(blas, precision, outer + 2, 3);
        const before = all.slice();
        if (beta === 0) all.fill(NaN, 1, outer + 1);
        blas.gemv(transpose, m, n, alpha, a, lda, x, beta, all.subarray(1));
        expect([all[0], all[outer + 1]]).toEqual([before[0], before[outer + 1]]);
        for (let i = 0; i < outer; i++) {
          let sum = 0;
          for (let p = 0; p < inner; p++) sum += (transpose ? a[p * lda + i] : a[i * lda + p]) * x[p];
          const expected = alpha * sum + (beta === 0 ? 0 : beta * before[i + 1]);
          expect(Math.abs(all[i + 1] - expected)).toBeLessThanOrEqual(2 * (inner + 3) * rounding[precision]);
        }
      }
    }
  });
});

describe('arguments of products on WebAssembly', () => {
  it.each([
    ['A too short', [false, false, 3, 3, 3], 8, 9, 9, 3, /A has 8 elements, 9 needed/],
    ['B too short', [false, true, 2, 3, 3], 9, 8, 9, 3, /B has 8 elements, 9 needed/],
    ['C too short', [true, false, 3, 3, 3], 9, 9, 8, 3, /C has 8 elements, 9 needed/],
    ['a leading dimension too small', [false, false, 3, 3, 3], 9, 9, 9, 2, /leading dimension 2/],
    ['a negative size', [false, false, -1, 3, 3], 9, 9, 9, 3, /shape \[-1, 3\]/],
    ['NaN as a size', [false, false, 3, NaN, 3], 9, 9, 9, 3, /shape \[3, NaN\]/],
  ] as const)('refuses %s', (_, [transposeA, transposeB, m, n, k], lengthA, lengthB, lengthC, ld, message) => {
    const [a, b, c] = [lengthA, lengthB, lengthC].map((length) => blas.allocate('float64', length));
    expect(() => {
      blas.gemm(transposeA, transposeB, m, n, k, 1, a, ld, b, ld, 0, c, ld);
    }).toThrow(message);
  });

  it('refuses mixed precisions and arrays from elsewhere', () => {
    const a = blas.allocate('float64', 4);
    const b = blas.allocate('float32', 4);
    expect(() => {
      blas.gemm(false, false, 2, 2, 2, 1, a, 2, b, 2, 0, a, 2);
    }).toThrow(/mixed/);
    expect(() => {
      blas.gemv(false, 2, 2, 1, a, 2, new Float64Array(2), 0, a);
    }).toThrow(/x does not lie in the shared WebAssembly memory/);
  });
});
