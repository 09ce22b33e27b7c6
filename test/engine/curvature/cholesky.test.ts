/** The inverse of a Cholesky factor by blocks. */
import { expect, test } from 'vitest';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import { CholeskyInverse } from '../../../src/engine/curvature/cholesky.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';
import { Random } from '../../../src/shared/random.ts';

const blas = await openWasmBlas(loadKernels());

// Less than a block of 32, exactly one, one and a row, several with and without a rest.
test.each([1, 5, 32, 33, 64, 96, 100])('of %i rows', (n) => {
  const random = new Random(n, 'cholesky');
  const factor = Float64Array.from({ length: n * 2 * n }, () => random.normal());
  const A = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++)
      for (let k = 0; k < 2 * n; k++) A[i * n + j] += factor[i * 2 * n + k] * factor[j * 2 * n + k];
  const overwritten = blas.allocate('float64', n * n);
  const cholesky = new CholeskyInverse(blas, n);
  // Twice: what the first left behind must not matter.
  for (let time = 0; time < 2; time++) {
    overwritten.set(A);
    cholesky.of(overwritten);
  }
  const X = cholesky.inverse;
  const XA = new Float64Array(n * n);
  let largest = 0;
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) expect(X[i * n + j]).toBe(0);
    for (let j = 0; j < n; j++) for (let k = 0; k < n; k++) XA[i * n + j] += X[i * n + k] * A[k * n + j];
  }
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      let sum = i === j ? -1 : 0;
      for (let k = 0; k < n; k++) sum += XA[i * n + k] * X[j * n + k];
      largest = Math.max(largest, Math.abs(sum));
    }
  expect(largest).toBeLessThan(1e-11);
  cholesky.release();
});

test('refuses a matrix that is not positive definite', () => {
  const n = 40;
  const A = blas.allocate('float64', n * n);
  for (let i = 0; i < n; i++) A[i * n + i] = i === 35 ? -1 : 1;
  expect(() => new CholeskyInverse(blas, n).of(A)).toThrow(/not positive definite/);
});
