/** The exact measurement beside its limits, which are taken on the same matrices with the same library in the same run. */
import type { MeasurementInput } from '../../engine/curvature/measurement-input.ts';
import { measureExact, timeSpectrum } from '../../engine/curvature/exact.ts';
import { decompose } from '../../engine/curvature/spectrum.ts';
import type { Real } from '../../engine/blas/types.ts';
import type { Pool } from '../../engine/parallel/pool.ts';
import { pooledGemmRate } from './bench.ts';
import { peakBytes, resetPeak } from './memory.ts';

export interface MeasurementBench {
  /** By stage, and `total`. */
  readonly seconds: Readonly<Record<string, number>>;
  /** What its limit is for (`coreStages`): what the measurement adds along the directions has stages of its own. */
  readonly core: number;
  readonly coreLimit: number;
  /** Both halves' eigendecompositions and products; and their limit. */
  readonly crossFitting: number;
  readonly crossFittingLimit: number;
  /** Intervals with all fits. */
  readonly intervals: number;
  readonly peakBytes: number;
  readonly d: number;
}

/** C, H and Q, the spectrum of H, C_ii and Q_ii, the commutator with its rotations. */
const coreStages = ['factors', 'products', 'unpacking', 'eigendecomposition', 'diagonals', 'commutator', 'cosines'];

/** The core and its limit are taken in turn as often, and the least of each counts: what else runs on the machine only adds to a time. */
const rounds = 3;

/** Above this d an eigendecomposition for the limit would take as long as the measurement: it is scaled from this size by d^3, and there is one round. */
const largestTried = 4000;

/**
 * The middle layer of 784-n-n-10 measured exactly.
 * @param memoryLimit bytes; more is refused before the measurement starts (InputError).
 */
export async function measurementBench(
  pool: Pool,
  width: number,
  input: MeasurementInput,
  task: { readonly samples: number; readonly libraryThreads: number; readonly memoryLimit: number },
): Promise<MeasurementBench> {
  const { samples, libraryThreads, memoryLimit } = task;
  const d = width * width;
  const options = { parameter: 'fc2.kernel', samples, seed: 1, libraryThreads, memoryLimit };
  const sum = (seconds: Readonly<Record<string, number>>, ...names: string[]): number =>
    names.reduce((total, name) => total + (seconds[name] ?? 0), 0);
  let rate = await pooledGemmRate(pool);
  resetPeak();
  const result = await measureExact(pool, input, options);
  const { seconds } = result.summary;
  const peak = peakBytes();
  const n = Math.min(d, largestTried);
  const least = { core: sum(seconds, ...coreStages), alone: Infinity, pair: Infinity };
  for (let round = 0; round < (d > largestTried ? 1 : rounds); round++) {
    if (round > 0) least.core = Math.min(least.core, sum(await timeSpectrum(pool, input, options), ...coreStages));
    const { alone, pair } = await eighSeconds(pool, result.arrays.H, d, n, libraryThreads);
    least.alone = Math.min(least.alone, alone);
    least.pair = Math.min(least.pair, pair);
    rate = Math.max(rate, await pooledGemmRate(pool));
  }
  result.release();
  const scale = (d / n) ** 3;
  const product = (2 * d ** 3) / rate;
  const packed = (width * (width + 1)) / 2;
  const crossFitting = sum(seconds, 'cross_fitting_eigendecompositions', 'cross_fitting_products');
  const intervals = sum(seconds, 'intervals', 'statistics');
  return {
    seconds,
    core: least.core,
    coreLimit: (2 * samples * packed * 3 * packed) / rate + scale * least.alone + 2 * product,
    crossFitting,
    crossFittingLimit: scale * least.pair + 6 * product,
    intervals,
    peakBytes: peak,
    d,
  };
}

/** Seconds of the eigendecomposition of the leading n x n corner of H with the library's threads, and of two at once with one thread each. */
async function eighSeconds(
  pool: Pool,
  H: Real,
  d: number,
  n: number,
  threads: number,
): Promise<{ readonly alone: number; readonly pair: number }> {
  const { blas } = pool;
  const corner = (): Real => {
    const matrix = blas.allocate('float64', n * n);
    for (let i = 0; i < n; i++) matrix.set(H.subarray(i * d, i * d + n), i * n);
    return matrix;
  };
  const seconds: number[] = [];
  for (const jobs of [[threads], [1, 1]]) {
    const corners = jobs.map(corner);
    const begun = performance.now();
    const spectra = await Promise.all(jobs.map((count, i) => decompose(pool, n, corners[i], count)));
    seconds.push((performance.now() - begun) / 1000);
    for (const { vectors, eigenvalues } of spectra) {
      blas.release(vectors);
      blas.release(eigenvalues);
    }
  }
  return { alone: seconds[0], pair: seconds[1] };
}
