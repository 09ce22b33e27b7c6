/**
 * Residuals of the duality on single pairs (p, q), each by changing the weights themselves: W + Delta_pq is set, sample p passes through the network again, and
 * the result is compared with the theory. Delta = a_p u^T / |a_p|^2, u = W^T (a_q - a_p); h_p Delta = a_p (S_p u)^T.
 */
import { quantileOf } from '../../../shared/group-statistics.ts';
import { UndefinedError } from '../../../shared/errors.ts';
import type { PairResiduals, RelativeResidual } from '../../../shared/duality.ts';
import { Random } from '../../../shared/random.ts';
import type { Real } from '../../blas/types.ts';
import { dataOf } from '../../backend/cpu.ts';
import type { AffineLayer } from '../../network/affine.ts';
import type { Pool } from '../../parallel/pool.ts';
import { defineTask, type TaskContext } from '../../parallel/task.ts';
import { openedProblem, passBatch } from '../factors.ts';
import type { FactorLayout } from '../factors.ts';
import { outputHessian } from '../output-hessian.ts';
import { dot, sumOfSquares } from '../vectors.ts';

const batchSize = 32;
const pieceSize = 128;

export interface DualPairsArgument {
  readonly layout: FactorLayout;
  /** Sample numbers of the pairs; this task does pairs [start, start + count). */
  readonly p: Uint32Array;
  readonly q: Uint32Array;
  readonly start: number;
  readonly count: number;
}

/** One entry a pair; NaN throughout if a_p = 0, NaN in a residual whose x is 0. */
export interface DualPairsResult {
  readonly exactness: Float64Array;
  readonly firstOrder: Float64Array;
  readonly gradientDifference: Float64Array;
}

export const dualPairsTask = defineTask(
  'dualPairs',
  (context: TaskContext, argument: DualPairsArgument): DualPairsResult => {
    const problem = openedProblem(context);
    const { network, backend } = problem;
    const { layout, count } = argument;
    const { inner, outer } = layout;
    const layer = network.layerOf(network.parameter(layout.parameter)) as AffineLayer;
    const kernel = dataOf(network.weights.get(layer.kernel.name)!);
    const original = Float64Array.from(kernel);
    const nans = (): Float64Array => new Float64Array(count).fill(NaN);
    const result = { exactness: nans(), firstOrder: nans(), gradientDifference: nans() };
    for (let done = 0; done < count; done += batchSize) {
      const size = Math.min(batchSize, count - done);
      const position = argument.start + done;
      backend.scope(() => {
        const ofP = passBatch(problem, layout, argument.p, position, size);
        const hessians = outputHessian(network, backend, layer, false).data;
        const ofQ = passBatch(problem, layout, argument.q, position, size);
        const [zP, zQ] = [ofP, ofQ].map(({ input }) => {
          const z = backend.take(size, outer).data;
          context.blas.gemm(false, false, size, outer, inner, 1, input, inner, kernel, outer, 0, z, outer);
          return z;
        });
        for (let i = 0; i < size; i++) {
          const part = (values: Real, width: number): Real => values.subarray(i * width, (i + 1) * width);
          const [a, b] = [part(ofP.input, inner), part(ofQ.input, inner)];
          const [deltaP, deltaQ] = [part(ofP.delta, outer), part(ofQ.delta, outer)];
          const z = part(zQ, outer);
          const norm = sumOfSquares(a, 0, inner);
          if (!(norm > 0)) continue;
          const u = difference(z, part(zP, outer));
          const hessian = part(hessians, outer * outer);
          const predicted = u.map((_, k) => dot(hessian.subarray(k * outer, (k + 1) * outer), u));
          try {
            for (let m = 0; m < inner; m++)
              for (let k = 0; k < outer; k++) kernel[m * outer + k] += (a[m] * u[k]) / norm;
            const moved = new Float64Array(outer);
            for (let m = 0; m < inner; m++) for (let k = 0; k < outer; k++) moved[k] += kernel[m * outer + k] * a[m];
            result.exactness[done + i] = ratio(difference(moved, z), z);
            const deltaMoved = backend.scope(() => {
              const inputs = backend.rowsOf(
                backend.table(problem.inputs, network.inputSize, false),
                argument.p,
                position + i,
                1,
              );
              const targets = backend.rowsOf(
                backend.table(problem.targets, network.targetSize, false),
                argument.p,
                position + i,
                1,
              );
              network.forward(inputs);
              network.backward(network.lossGradient(targets), null, layer);
              return Float64Array.from(dataOf(layer.delta));
            });
            // Gradients share the factor a_p, whose size cancels.
            const change = difference(deltaMoved, deltaP);
            result.firstOrder[done + i] = ratio(difference(predicted, change), change);
          } finally {
            kernel.set(original);
          }
          result.gradientDifference[done + i] = outerResidual(a, predicted, deltaP, b, deltaQ);
        }
      });
    }
    return result;
  },
);

/** |a (x) v - (b (x) e - a (x) d)| / |b (x) e - a (x) d|; NaN if the latter is 0. */
function outerResidual(a: Real, v: Real, d: Real, b: Real, e: Real): number {
  let above = 0;
  let below = 0;
  for (let m = 0; m < a.length; m++) {
    for (let k = 0; k < d.length; k++) {
      const x = b[m] * e[k] - a[m] * d[k];
      above += (a[m] * v[k] - x) ** 2;
      below += x * x;
    }
  }
  return below > 0 ? Math.sqrt(above / below) : NaN;
}

function difference(x: Real, y: Real): Float64Array {
  return Float64Array.from(x, (value, k) => value - y[k]);
}

/** |x| / |y|; NaN if y = 0. */
function ratio(x: Real, y: Real): number {
  const below = dot(y, y);
  return below > 0 ? Math.sqrt(dot(x, x) / below) : NaN;
}

export interface DrawnPairs {
  readonly p: Uint32Array;
  readonly q: Uint32Array;
}

/**
 * `count` ordered pairs of different samples, drawn independently and evenly from all, from those of one class, or from those of two classes. null: there
 * are none of that kind.
 */
export function drawPairs(
  kind: 'all' | 'within' | 'across',
  samples: number,
  classes: Int32Array | null,
  count: number,
  seed: number,
): DrawnPairs | null {
  const random = new Random(seed, `duality ${kind}`);
  const [p, q] = [new Uint32Array(count), new Uint32Array(count)];
  if (kind === 'all' || classes === null) {
    if (kind !== 'all') throw new Error(`pairs ${kind} classes need classes`);
    if (samples < 2) return null;
    for (let i = 0; i < count; i++) {
      p[i] = random.below(samples);
      q[i] = (p[i] + 1 + random.below(samples - 1)) % samples;
    }
    return { p, q };
  }
  // Members of a class with its number of partners: a first sample is drawn in proportion to the partners it has.
  const members: number[][] = [];
  for (let sample = 0; sample < samples; sample++) (members[classes[sample]] ??= []).push(sample);
  const partners = (sample: number): number => {
    const size = members[classes[sample]].length;
    return kind === 'within' ? size - 1 : samples - size;
  };
  const running = new Float64Array(samples);
  for (let sample = 0; sample < samples; sample++)
    running[sample] = (sample > 0 ? running[sample - 1] : 0) + partners(sample);
  const total = running[samples - 1];
  if (!(total > 0)) return null;
  for (let i = 0; i < count; i++) {
    const drawn = random.uniform() * total;
    let [low, high] = [0, samples - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (running[middle] > drawn) high = middle;
      else low = middle + 1;
    }
    p[i] = low;
    const ofSameClass = members[classes[low]];
    do q[i] = kind === 'within' ? ofSameClass[random.below(ofSameClass.length)] : random.below(samples);
    while (q[i] === low || (kind === 'across' && classes[q[i]] === classes[low]));
  }
  return { p, q };
}

/** Measures pairs in the worker threads. */
export async function pairResiduals(pool: Pool, layout: FactorLayout, { p, q }: DrawnPairs): Promise<PairResiduals> {
  const tasks: Promise<DualPairsResult>[] = [];
  for (let start = 0; start < p.length; start += pieceSize)
    tasks.push(pool.run(dualPairsTask, { layout, p, q, start, count: Math.min(pieceSize, p.length - start) }));
  const results = await Promise.all(tasks);
  const joined = (key: keyof DualPairsResult): number[] => results.flatMap((each) => [...each[key]]);
  const exactness = joined('exactness');
  const [firstOrder, differences] = [joined('firstOrder'), joined('gradientDifference')];
  const used = exactness.flatMap((_, i) =>
    Number.isFinite(firstOrder[i]) && Number.isFinite(differences[i]) ? [i] : [],
  );
  const skipped = differences.reduce(
    (sum, _, i) => sum + (isSkipped(exactness, firstOrder, differences, i) ? 1 : 0),
    0,
  );
  if (used.length === 0)
    throw new UndefinedError(
      `in none of ${p.length} pairs of samples drawn does the gradient of ${layout.parameter} differ, so that there is no change to compare the duality with`,
    );
  return {
    pairs: used.length,
    skipped,
    undefined: p.length - used.length - skipped,
    exactness: used.reduce((most, i) => Math.max(most, Number.isFinite(exactness[i]) ? exactness[i] : 0), 0),
    first_order: relativeResidual(used.map((i) => firstOrder[i])),
    gradient_difference: relativeResidual(used.map((i) => differences[i])),
  };
}

/** If a_p = 0, nothing was computed. */
function isSkipped(exactness: number[], firstOrder: number[], differences: number[], i: number): boolean {
  return Number.isNaN(exactness[i]) && Number.isNaN(firstOrder[i]) && Number.isNaN(differences[i]);
}

/**
 * Quantiles, and the interval of the median from order statistics: the ranks between which a binomial of n draws with probability 1/2 falls in 95 % of cases
 * (normal approximation). Pairs are drawn independently, so it covers the median over all pairs.
 */
export function relativeResidual(values: readonly number[]): RelativeResidual {
  const sorted = Float64Array.from(values).sort();
  const n = sorted.length;
  const half = (1.959964 * Math.sqrt(n)) / 2;
  const low = Math.max(0, Math.floor(n / 2 - half) - 1);
  const high = Math.min(n - 1, Math.ceil(n / 2 + half));
  return {
    median: quantileOf(sorted, 0.5),
    median_interval: [sorted[low], sorted[high]],
    quantile_25: quantileOf(sorted, 0.25),
    quantile_75: quantileOf(sorted, 0.75),
  };
}
