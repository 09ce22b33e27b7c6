import { beforeAll, describe, expect, it } from 'vitest';
import type { WasmBlas } from '../../../src/engine/blas/wasm.ts';
import { cases, largeCase } from './wasm-matrices.ts';
import { decompose, openKernels, orthogonality, residual } from './wasm-support.ts';

let blas: WasmBlas;
beforeAll(async () => {
  blas = await openKernels();
});

describe('eigh on WebAssembly', () => {
  it.each([...cases, largeCase])('$name, n = $n', ({ n, build, eigenvalues }) => {
    const matrix = build();
    const result = decompose(blas, n, matrix);
    const w = result.eigenvalues;
    for (let i = 1; i < n; i++) expect(w[i]).toBeGreaterThanOrEqual(w[i - 1]);
    const norm = Math.max(Math.abs(w[0]), Math.abs(w[n - 1]));
    // A subnormal entry has only an absolute precision, of 2^-1074.
    const grain = norm > 0 ? (n * 2 ** -1074) / norm : 0;
    expect(residual(n, matrix, result)).toBeLessThan(1e-13 + grain);
    expect(orthogonality(n, result)).toBeLessThan(1e-13);
    if (eigenvalues) {
      const expected = eigenvalues();
      for (let i = 0; i < n; i++) expect(Math.abs(w[i] - expected[i])).toBeLessThanOrEqual(1e-13 * norm);
    }
  });

  it.each([
    ['NaN', NaN, 3, 5],
    ['NaN below the diagonal', NaN, 8, 2],
    ['an infinity', Infinity, 0, 0],
    ['minus infinity', -Infinity, 9, 9],
  ])('raises an error on %s, naming the entry, and leaves nothing allocated', (_, value, i, j) => {
    const a = blas.allocate('float64', 100);
    const w = blas.allocate('float64', 10);
    a[i * 10 + j] = value;
    expect(() => {
      blas.eigh(10, a as Float64Array, w as Float64Array);
    }).toThrow(`entry [${i}, ${j}] of the 10 x 10 matrix is ${value}`);
    blas.release(a);
    blas.release(w);
  });

  it('raises an error where an eigenvalue exceeds the range', () => {
    expect(() => decompose(blas, 20, new Float64Array(400).fill(1.7e308))).toThrow(/exceeds the range/);
  });

  it('does nothing for n = 0 and refuses arrays that are too short, of single precision or from elsewhere', () => {
    const a = blas.allocate('float64', 9) as Float64Array;
    const w = blas.allocate('float64', 2) as Float64Array;
    blas.eigh(0, a, w);
    expect(() => {
      blas.eigh(4, a, w);
    }).toThrow(/A has 9 elements, 16 needed/);
    expect(() => {
      blas.eigh(3, a, w);
    }).toThrow(/eigenvalues has 2 elements, 3 needed/);
    expect(() => {
      blas.eigh(2, blas.allocate('float32', 4) as unknown as Float64Array, w);
    }).toThrow(/double precision/);
    expect(() => {
      blas.eigh(2, new Float64Array(4), w);
    }).toThrow(/shared WebAssembly memory/);
  });

  it('writes to nothing but its arguments', () => {
    const n = 40;
    const all = blas.allocate('float64', n * n + 20) as Float64Array;
    all.fill(7);
    const w = blas.allocate('float64', n + 2) as Float64Array;
    w.fill(7);
    const a = all.subarray(10, 10 + n * n);
    a.set(
      cases[2].build().length > 0 ? new Float64Array(n * n).map((_, i) => 1 / (1 + Math.floor(i / n) + (i % n))) : [],
    );
    blas.eigh(n, a, w.subarray(1, n + 1));
    expect([...all.subarray(0, 10), ...all.subarray(10 + n * n), w[0], w[n + 1]]).toEqual(Array(22).fill(7));
  });
});
