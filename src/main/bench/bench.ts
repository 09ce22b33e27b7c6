/**
 * What `covature bench` measures: each job beside its limit, both timed in the same run on the same machine, since ratios carry over to other machines and seconds
 * do not. Limits are made of the library's own rates: products at the dgemm rate of all threads, one dsyevd, bare sgemm calls.
 */
import { addProducts } from '../../engine/curvature/moments.ts';
import { Random } from '../../shared/random.ts';
import type { ModelSpec } from '../../shared/model.ts';
import { parseModel } from '../../shared/model.ts';
import type { Blas, Precision, Real } from '../../engine/blas/types.ts';
import { decompose } from '../../engine/curvature/spectrum.ts';
import type { Pool } from '../../engine/parallel/pool.ts';

export interface BenchRow {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** The limit that bounds it, timed in the same run. */
  readonly limit: number | null;
  /** What the limit consists of. */
  readonly limitNote: string;
}

/** 784-n-n-10 without biases, ReLU, cross-entropy. */
export function benchModel(width: number): ModelSpec {
  const relu = { type: 'activation', function: 'relu' };
  const dense = (name: string, units: number): unknown => ({ type: 'dense', name, units, bias: false });
  return parseModel({
    input: [784],
    layers: [dense('fc1', width), relu, dense('fc2', width), relu, dense('fc3', 10)],
    loss: 'cross-entropy',
  });
}

/** Seconds that `body` takes, the least of several runs. */
export function leastSeconds(body: () => void, runs = 3): number {
  let best = Infinity;
  for (let i = 0; i < runs; i++) {
    const begun = performance.now();
    body();
    best = Math.min(best, (performance.now() - begun) / 1000);
  }
  return best;
}

export function filled(blas: Blas, precision: Precision, length: number, seed: number): Real {
  const values = blas.allocate(precision, length);
  const random = new Random(seed, 'bench');
  for (let i = 0; i < length; i++) values[i] = random.normal();
  return values;
}

/** Floating-point operations a second of one square product on this thread. */
export function gemmRate(blas: Blas, precision: Precision, n = 1024): number {
  const [a, b, c] = [1, 2, 3].map((seed) => filled(blas, precision, n * n, seed));
  const seconds = leastSeconds(() => {
    blas.gemm(false, false, n, n, n, 1, a, n, b, n, 0, c, n);
  });
  for (const array of [a, b, c]) blas.release(array);
  return (2 * n ** 3) / seconds;
}

/** The same of all worker threads together, each on its own rows. */
export async function pooledGemmRate(pool: Pool, rows = 1024, left = 1280, right = 2048): Promise<number> {
  const { blas } = pool;
  const a = filled(blas, 'float64', rows * left, 1);
  const b = filled(blas, 'float64', rows * right, 2);
  const sum = blas.allocate('float64', left * right);
  const product = {
    left: pool.reference(a),
    right: pool.reference(b),
    rows,
    leftWidth: left,
    rightWidth: right,
    sum: pool.reference(sum),
  };
  let best = Infinity;
  for (let i = 0; i < 4; i++) {
    const begun = performance.now();
    await addProducts(pool, product);
    best = Math.min(best, (performance.now() - begun) / 1000);
  }
  for (const array of [a, b, sum]) blas.release(array);
  return (2 * rows * left * right) / best;
}

/** Seconds of one eigendecomposition of a random symmetric n x n matrix, in a worker thread. */
export async function eighSeconds(pool: Pool, n: number, threads: number): Promise<number> {
  const { blas } = pool;
  const matrix = filled(blas, 'float64', n * n, 5);
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) matrix[j * n + i] = matrix[i * n + j];
  const begun = performance.now();
  const { eigenvalues } = await decompose(pool, n, matrix, threads);
  const seconds = (performance.now() - begun) / 1000;
  blas.release(matrix);
  blas.release(eigenvalues);
  return seconds;
}
