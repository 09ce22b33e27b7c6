/**
 * Samples of a known exponent, and the cross-fitted measurement of them by the product's own statistics: the population is diagonal, h_p = w_p x_p x_p^T with x_p normal
 * of covariance diag(lambda), and g_p = sqrt(w_p) y_p with y_p normal of covariance diag(lambda^gamma), w_p of mean 1. So H = diag(lambda), C = H^gamma,
 * and nothing but the number of samples stands between the measured and the true exponent.
 *
 * Letters: p sample of P (half A first), i direction of d.
 */
import type { Blas } from '../../engine/blas/types.ts';
import {
  bootstrap,
  chooseDirections,
  emptySums,
  fitByCutoff,
  fitCrossFitted,
  planBlocks,
  withIntervals,
} from '../../engine/statistics/index.ts';
import type { BlockProjections, Diagonals, ProjectedDirections, SampleBlock } from '../../engine/statistics/index.ts';
import type { CutoffRow } from '../../shared/slopes.ts';
import type { Random } from '../../shared/random.ts';

export interface Population {
  readonly gamma: number;
  readonly dimensions: number;
  /** log10 of the largest over the smallest eigenvalue. */
  readonly decades: number;
  readonly samples: number;
  /** Standard deviation of log w_p: 0 for none. */
  readonly tail: number;
  /** Default log-normal; `two sizes`: a tenth of the samples has one size and the rest another, with the mean and the variance that the log-normal ones would have. */
  readonly sizes?: 'log-normal' | 'two sizes';
}

export interface DrawnSamples {
  readonly blas: Blas;
  readonly population: Population;
  /** [P, d] each. */
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly w: Float64Array;
}

export function drawSamples(blas: Blas, population: Population, random: Random): DrawnSamples {
  const { gamma, dimensions: d, decades, samples: P, tail } = population;
  const x = blas.allocate('float64', P * d) as Float64Array;
  const y = blas.allocate('float64', P * d) as Float64Array;
  const size = population.sizes === 'two sizes' ? twoSizes(tail, random) : logNormal(tail, random);
  const w = Float64Array.from({ length: P }, size);
  const roots = Float64Array.from({ length: d }, (_, i) => 10 ** ((-decades * i) / (2 * (d - 1))));
  const noise = roots.map((root) => root ** gamma);
  for (let p = 0, at = 0; p < P; p++)
    for (let i = 0; i < d; i++, at++) {
      x[at] = roots[i] * random.normal();
      y[at] = Math.sqrt(w[p]) * noise[i] * random.normal();
    }
  return { blas, population, x, y, w };
}

function logNormal(tail: number, random: Random): () => number {
  return () => Math.exp(tail * random.normal() - tail ** 2 / 2);
}

/** A share s of the size 1 + (1 - s) r and the rest of 1 - s r: mean 1 and variance s (1 - s) r^2, here that of the log-normal one, exp(tail^2) - 1. */
function twoSizes(tail: number, random: Random): () => number {
  const s = 0.1;
  const r = Math.sqrt((Math.exp(tail ** 2) - 1) / (s * (1 - s)));
  if (!(s * r < 1)) throw new Error(`two sizes: a tail of ${tail} would take negative sizes`);
  return () => (random.uniform() < s ? 1 + (1 - s) * r : 1 - s * r);
}

export interface CrossFittedSamples {
  readonly halves: readonly [Diagonals, Diagonals];
  /** With intervals if they were asked for. */
  readonly rows: readonly CutoffRow[];
  readonly traceH: number;
}

/** The cross-fitted measurement of the samples first .. first + count - 1. @param resamples 0: without intervals. */
export function crossFitSamples(
  drawn: DrawnSamples,
  first: number,
  count: number,
  options: {
    readonly cutoffs: readonly number[];
    readonly resamples: number;
    readonly seed: number;
    /** Leading directions that the measurement finds, as a projected one does; default all. */
    readonly found?: number;
  },
): CrossFittedSamples {
  const { cutoffs, resamples, seed, found = drawn.population.dimensions } = options;
  const sizes = [Math.floor(count / 2), count - Math.floor(count / 2)] as const;
  const floors = { H: 0, C: 0, Q: 0 };
  const A = [first, first + sizes[0]] as const;
  const B = [first + sizes[0], first + count] as const;
  const blocks = planBlocks(sizes).map((block) => ({ ...block, start: block.start + first, end: block.end + first }));
  const spectra = [eigenvectors(drawn, A, found), eigenvectors(drawn, B, found)] as const;
  const inB = blocks.filter(({ quarter }) => quarter >= 2);
  const inA = blocks.filter(({ quarter }) => quarter < 2);
  const crossed = [project(drawn, spectra[0], inB), project(drawn, spectra[1], inA)] as const;
  const halves = [
    diagonals(spectra[0].values, crossed[0], inB),
    diagonals(spectra[1].values, crossed[1], inA),
  ] as const;
  const fits = fitCrossFitted(halves, floors, cutoffs, { theilSen: false });
  const traceH = (spectra[0].trace + spectra[1].trace) / 2;
  if (resamples === 0) return { halves, rows: fits, traceH };
  const whole = eigenvectors(drawn, [first, first + count], found);
  const all = project(drawn, whole, blocks);
  const projections: BlockProjections = { blocks, training_set: all, cross_fitted: crossed };
  const result = bootstrap(projections, { seed, resamples, cutoffs, floors });
  const training = fitByCutoff(diagonals(whole.values, all, blocks), floors, cutoffs, { theilSen: false });
  const { gamma } = withIntervals({ training_set: training, cross_fitted: fits }, result, projections);
  return { halves, rows: gamma.cross_fitted, traceH };
}

interface Basis {
  /** Rows, in decreasing order of the values; all of them. */
  readonly vectors: Float64Array;
  /** The leading ones. */
  readonly values: Float64Array;
  /** Sum of all. */
  readonly trace: number;
}

/** Of H over the samples [from, to). */
function eigenvectors(
  { blas, population, x, w }: DrawnSamples,
  [from, to]: readonly [number, number],
  found: number,
): Basis {
  const { dimensions: d } = population;
  const n = to - from;
  const scaled = blas.allocate('float64', n * d) as Float64Array;
  for (let p = 0; p < n; p++)
    for (let i = 0; i < d; i++) scaled[p * d + i] = Math.sqrt(w[from + p] / n) * x[(from + p) * d + i];
  const matrix = blas.allocate('float64', d * d) as Float64Array;
  const ascending = blas.allocate('float64', d) as Float64Array;
  blas.gemm(true, false, d, d, n, 1, scaled, d, scaled, d, 0, matrix, d);
  blas.eigh(d, matrix, ascending);
  const vectors = blas.allocate('float64', d * d) as Float64Array;
  for (let i = 0; i < d; i++) vectors.set(matrix.subarray((d - 1 - i) * d, (d - i) * d), i * d);
  const values = Float64Array.from(ascending).reverse();
  for (const array of [scaled, matrix, ascending]) blas.release(array);
  return { vectors, values: values.slice(0, found), trace: values.reduce((sum, value) => sum + value, 0) };
}

/** Sums over blocks along all directions of a basis. */
function project(
  { blas, population, x, y, w }: DrawnSamples,
  { vectors, values }: Basis,
  blocks: readonly SampleBlock[],
): ProjectedDirections {
  const { dimensions: d } = population;
  const directions = chooseDirections(values, { count: Math.max(d, 3), lowestCutoff: 0 });
  const k = directions.indices.length;
  const sums = emptySums(blocks.length, k);
  for (const [b, { start, end }] of blocks.entries()) {
    const n = end - start;
    const [alongX, alongY] = [x, y].map((rows) => {
      const along = blas.allocate('float64', n * d) as Float64Array;
      blas.gemm(false, true, n, d, d, 1, rows.subarray(start * d), d, vectors, d, 0, along, d);
      return along;
    });
    for (let p = 0; p < n; p++) {
      const weight = w[start + p];
      let norm = 0;
      for (let i = 0; i < d; i++) norm += x[(start + p) * d + i] ** 2;
      for (let j = 0; j < k; j++) {
        const offset = p * d + directions.indices[j];
        const curvature = weight * alongX[offset] ** 2;
        sums.curvature[b * k + j] += curvature;
        sums.squaredCurvature[b * k + j] += weight * norm * curvature;
        sums.gradient[b * k + j] += alongY[offset];
        sums.squaredGradient[b * k + j] += alongY[offset] ** 2;
      }
    }
    blas.release(alongX);
    blas.release(alongY);
  }
  return { directions, sums };
}

/** Values along the directions from the sums over blocks. */
function diagonals(
  selection: Float64Array,
  { directions, sums }: ProjectedDirections,
  blocks: readonly SampleBlock[],
): Diagonals {
  const k = directions.indices.length;
  const n = blocks.reduce((sum, { start, end }) => sum + end - start, 0);
  const mean = (values: Float64Array, j: number): number => {
    let sum = 0;
    for (let b = 0; b < blocks.length; b++) sum += values[b * k + j];
    return sum / n;
  };
  const along = (of: (j: number) => number): Float64Array => Float64Array.from({ length: k }, (_, j) => of(j));
  return {
    selection: Float64Array.from(directions.indices, (i) => selection[i]),
    H: along((j) => mean(sums.curvature, j)),
    Q: along((j) => mean(sums.squaredCurvature, j)),
    C: along((j) => mean(sums.squaredGradient, j) - mean(sums.gradient, j) ** 2),
  };
}
