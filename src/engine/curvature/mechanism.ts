/**
 * Spectra of single samples' Hessians of a dense layer, and how their curvatures align with the eigenvectors of H (shared/mechanism.ts). h_p = a_p a_p^T (x) S_p has the eigenvalues
 * |a_p|^2 s_pk, s_pk those of S_p, and eigenvectors a_p / |a_p| (x) e_pk. Exact; over the first samples of a random order, as many as memory allows.
 *
 * Letters: p sample, k eigenpair of S_p (rank of them), i direction; V_i the direction as [in, out].
 */
import type { ArrayReference } from '../blas/types.ts';
import { dataOf } from '../backend/cpu.ts';
import { classAt } from '../network/loss.ts';
import { Random } from '../../shared/random.ts';
import { leastSquares, moments } from '../../shared/fits.ts';
import { standardCutoffs } from '../../shared/estimands.ts';
import type { MechanismSummary, Quantiles, SampleSpectra } from '../../shared/mechanism.ts';
import { defineTask, type TaskContext } from '../parallel/task.ts';
import { openedProblem, passBatch } from './factors.ts';
import type { FactorLayout } from './factors.ts';
import { factorWidth, outputFactor, outputHessian } from './output-hessian.ts';
import { sumOfSquares } from './vectors.ts';

/** Directions, spread over the spectrum in its logarithm, that the samples' curvatures are compared with. */
export const mechanismDirections = 96;
/** Samples at the most, and numbers kept of their alignments (directions x eigenpairs x samples). */
const mostSamples = 10_000;
const mostNumbers = 1.2e7;
const permutations = 20;
const pieceSize = 128;

export interface MechanismArgument {
  readonly layout: FactorLayout;
  readonly order: Uint32Array;
  readonly seed: number;
  /** Whether targets are classes: one-hot rows, or 0 (no) and 1 (yes) of one output. */
  readonly classes: boolean;
  /** Directions as block-projections.ts has them [in, count * out], and their eigenvalues, decreasing. */
  readonly columns: ArrayReference;
  readonly eigenvalues: Float64Array;
  /** The largest eigenvalue of H, which cutoffs are shares of. */
  readonly largest: number;
}

export const mechanismTask = defineTask(
  'mechanism',
  (context: TaskContext, argument: MechanismArgument): MechanismSummary => {
    const problem = openedProblem(context);
    const { network, backend } = problem;
    const { blas } = context;
    const { layout, order, seed, classes, eigenvalues } = argument;
    const { inner, outer } = layout;
    const count = eigenvalues.length;
    const width = factorWidth(network, network.layerOf(network.parameter(layout.parameter)) as never);
    const rank = width === 0 ? outer : width;
    const n = Math.min(order.length, mostSamples, Math.max(16, Math.floor(mostNumbers / (count * rank))));
    const lambda = new Float64Array(n * rank);
    const weights = new Float32Array(n * count * rank);
    const labels = new Int32Array(n);
    const columns = blas.open(argument.columns);
    const gram = blas.allocate('float64', rank * rank) as Float64Array;
    const values = blas.allocate('float64', rank) as Float64Array;
    for (let start = 0; start < n; start += pieceSize) {
      const samples = Math.min(pieceSize, n - start);
      backend.scope(() => {
        const { layer, input, targets } = passBatch(problem, layout, order, start, samples);
        const matrices =
          width === 0 ? outputHessian(network, backend, layer, false).data : outputFactor(network, backend, layer).data;
        const u = backend.take(samples, count * outer).data;
        const wide = count * outer;
        blas.gemm(false, false, samples, wide, inner, 1, input, inner, columns, wide, 0, u, wide);
        const along = backend.take(count, rank).data;
        const turned = backend.take(count, rank).data;
        const given = dataOf(targets);
        for (let p = 0; p < samples; p++) {
          const norm = sumOfSquares(input, p * inner, inner);
          const size = outer * rank;
          const b = matrices.subarray(p * size, (p + 1) * size);
          // Of B_p^T B_p the eigenvalues are those of S_p, and B_p e / sqrt(s) its eigenvectors.
          if (width === 0) gram.set(b);
          else blas.gemm(true, false, rank, rank, outer, 1, b, rank, b, rank, 0, gram, rank);
          for (let i = 0; i < rank; i++) for (let j = 0; j < i; j++) gram[j * rank + i] = gram[i * rank + j];
          blas.eigh(rank, gram, values);
          const rows = u.subarray(p * count * outer, (p + 1) * count * outer);
          if (width === 0) blas.gemm(false, true, count, rank, outer, 1, rows, outer, gram, outer, 0, turned, rank);
          else {
            blas.gemm(false, false, count, rank, outer, 1, rows, outer, b, rank, 0, along, rank);
            blas.gemm(false, true, count, rank, rank, 1, along, rank, gram, rank, 0, turned, rank);
          }
          for (let k = 0; k < rank; k++) {
            lambda[(start + p) * rank + k] = norm * values[k];
            // Directions outside the range of S_p have no curvature, whatever their alignment.
            const scale = width === 0 ? norm : norm * values[k];
            const isSeen = norm > 0 && Math.abs(values[k]) > 1e-13 * Math.abs(values[rank - 1]);
            for (let i = 0; i < count; i++)
              weights[((start + p) * count + i) * rank + k] = isSeen ? turned[i * rank + k] ** 2 / scale : 0;
          }
          if (classes) labels[start + p] = classAt(given, p * network.targetSize, network.targetSize);
        }
      });
    }
    blas.release(gram);
    blas.release(values);
    const along = diagonals(
      lambda,
      weights,
      Uint32Array.from({ length: n }, (_, p) => p),
      n,
      count,
      rank,
    );
    const shuffled = Array.from({ length: permutations }, (_, s) =>
      diagonals(lambda, weights, new Random(seed, `mechanism ${s}`).permutation(n), n, count, rank),
    );
    const unshuffled = slopes(argument, along);
    const permuted = shuffled.map((each) => slopes(argument, each));
    const spectra = [
      spectraOf(
        lambda,
        rank,
        null,
        Array.from({ length: n }, (_, p) => p),
      ),
    ];
    if (classes)
      for (const label of [...new Set(labels)].sort((x, y) => x - y))
        spectra.push(
          spectraOf(
            lambda,
            rank,
            label,
            Array.from(labels.keys()).filter((p) => labels[p] === label),
          ),
        );
    const largestNorm = lambda.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    return {
      seed,
      samples: n,
      directions: count,
      spectra,
      largest_norm: largestNorm,
      positive: lambda.every((x) => x > -1e-12 * largestNorm),
      profile: profileOf(along, shuffled),
      rows: standardCutoffs.map((cutoff, c) => {
        const shuffledSlopes = permuted.flatMap((each) => (each[c] === null ? [] : [each[c]]));
        const mean = shuffledSlopes.reduce((sum, x) => sum + x, 0) / shuffledSlopes.length;
        const variance =
          shuffledSlopes.reduce((sum, x) => sum + (x - mean) ** 2, 0) / Math.max(1, shuffledSlopes.length - 1);
        return {
          cutoff,
          n: eigenvalues.filter((x) => x > cutoff * argument.largest).length,
          slope: unshuffled[c],
          permuted: shuffledSlopes.length === 0 ? null : mean,
          permuted_deviation: shuffledSlopes.length === 0 ? null : Math.sqrt(variance),
        };
      }),
    };
  },
);

/** H_ii and Q_ii with the eigenvalues of sample place(p) along the eigenvectors of sample p. */
function diagonals(
  lambda: Float64Array,
  weights: Float32Array,
  place: ArrayLike<number>,
  n: number,
  count: number,
  rank: number,
): Diagonals {
  const [H, Q] = [new Float64Array(count), new Float64Array(count)];
  for (let p = 0; p < n; p++) {
    const from = place[p] * rank;
    for (let i = 0; i < count; i++) {
      const offset = (p * count + i) * rank;
      for (let k = 0; k < rank; k++) {
        const moved = lambda[from + k] * weights[offset + k];
        H[i] += moved / n;
        Q[i] += (lambda[from + k] * moved) / n;
      }
    }
  }
  return { H, Q };
}

interface Diagonals {
  readonly H: Float64Array;
  readonly Q: Float64Array;
}

/** R_i along the directions of positive curvature, beside its mean and spread under the permutations. */
function profileOf(own: Diagonals, shuffled: readonly Diagonals[]): NonNullable<MechanismSummary['profile']> {
  return Array.from(own.H.keys()).flatMap((i) => {
    if (!(own.H[i] > 0)) return [];
    const ratios = shuffled.map(({ H, Q }) => Q[i] / H[i]);
    const mean = ratios.reduce((sum, x) => sum + x, 0) / ratios.length;
    const squares = ratios.reduce((sum, x) => sum + (x - mean) ** 2, 0);
    return [
      {
        H: own.H[i],
        R: own.Q[i] / own.H[i],
        permuted: mean,
        permuted_deviation: Math.sqrt(squares / (ratios.length - 1)),
      },
    ];
  });
}

/** The slope of log R_i on log H_ii by cutoff. */
function slopes({ eigenvalues, largest }: MechanismArgument, { H, Q }: Diagonals): (number | null)[] {
  return standardCutoffs.map((cutoff) => {
    const used = Array.from(eigenvalues.keys()).filter(
      (i) => eigenvalues[i] > cutoff * largest && H[i] > 0 && Q[i] > 0,
    );
    if (used.length < 3) return null;
    const x = used.map((i) => Math.log(H[i]));
    const y = used.map((i) => Math.log(Q[i] / H[i]));
    const { slope } = leastSquares(moments(x, y));
    return Number.isFinite(slope) ? slope : null;
  });
}

function spectraOf(
  lambda: Float64Array,
  rank: number,
  label: number | null,
  samples: readonly number[],
): SampleSpectra {
  const largest: number[] = [];
  const ranks: number[] = [];
  for (const p of samples) {
    const values = lambda.subarray(p * rank, (p + 1) * rank);
    const trace = values.reduce((sum, x) => sum + x, 0);
    const squares = values.reduce((sum, x) => sum + x * x, 0);
    largest.push(values.reduce((most, x) => Math.max(most, Math.abs(x)), 0));
    ranks.push(squares > 0 ? (trace * trace) / squares : 0);
  }
  return { label, samples: samples.length, largest: quantilesOf(largest), effective_rank: quantilesOf(ranks) };
}

function quantilesOf(values: readonly number[]): Quantiles {
  const sorted = values.toSorted((a, b) => a - b);
  const quantileAt = (share: number): number => sorted[Math.round(share * (sorted.length - 1))];
  return { low: quantileAt(0.05), median: quantileAt(0.5), high: quantileAt(0.95) };
}
