/**
 * The activity-weight duality of one kernel (docs/theory.md, "Activity-weight duality"; src/shared/duality.ts says what each number is). Residuals on single pairs are drawn
 * (pairs.ts); means over all P^2 pairs are exact, as sums over p: along all eigendirections through packed d x d sums if H itself is known
 * (sums.ts), else along the found ones (directions.ts). Intervals come from random groups of samples, each measured by itself.
 */
import { UndefinedError } from '../../../shared/errors.ts';
import type { Interval } from '../../../shared/slopes.ts';
import { dualDirectionsTask } from './directions.ts';
import { standardCutoffs } from '../../../shared/estimands.ts';
import type {
  DualityArrays,
  DualitySummary,
  DualMoments,
  DualRow,
  DualSlope,
  PairKind,
} from '../../../shared/duality.ts';
import { studentQuantile } from '../../../shared/distributions.ts';
import type { Real } from '../../blas/types.ts';
import { classAt } from '../../network/loss.ts';
import type { Network } from '../../network/network.ts';
import type { Pool } from '../../parallel/pool.ts';
import { averageClusters, leastSquares, moments as lineMoments, numericalFloor } from '../../statistics/index.ts';
import type { ChosenDirections, Floors } from '../../statistics/index.ts';
import { factorLayout } from '../factors.ts';
import type { FactorLayout } from '../factors.ts';
import { unpackSum } from '../moments.ts';
import { cosines, diagonalOf } from '../spectrum.ts';
import type { Spectrum } from '../spectrum.ts';
import type { DualDirectionSums } from './directions.ts';
import { layerOutputs, outputMoments } from './outputs.ts';
import type { OutputMoments } from './outputs.ts';
import { drawPairs, pairResiduals } from './pairs.ts';
import { dualSums } from './sums.ts';

/** Pairs drawn of each kind. */
const drawnPairs = 2000;
const mostGroups = 16;
/** With fewer samples in a group the spread would be useless. */
const leastOfGroup = 16;
/** Bytes that the moments of classes may take; beyond that, pairs are not distinguished by class. */
const classBytes = 2 ** 28;

export interface DualityTask {
  readonly layout: FactorLayout;
  /** All samples, each once, in random order: groups are consecutive parts of it. */
  readonly order: Uint32Array;
  /** [samples, outputs], and whether they are classes: one-hot rows, or 0 (no) and 1 (yes) of one output. */
  readonly targets: Real;
  readonly outputs: number;
  readonly classes: boolean;
  readonly seed: number;
  /** Eigenvalues of H in decreasing order and C_ii along them, with floors. */
  readonly eigenvalues: Float64Array;
  readonly C: Float64Array;
  readonly floors: Floors;
  readonly traceC: number;
  /** Directions for the intervals (exact) or all that were found (projected): columns as in block-projections.ts. */
  readonly directions: ChosenDirections;
  readonly columns: Real;
  /** H's whole spectrum and C [d, d]; null if they are not known (projected). */
  readonly whole: { readonly spectrum: Spectrum; readonly C: Real } | null;
  readonly signal?: AbortSignal | undefined;
}

export interface MeasuredDuality {
  readonly summary: DualitySummary;
  readonly arrays: DualityArrays;
}

/** The layout, or why there is no duality to measure (in words). */
export function dualityLayout(network: Network, parameter: string): FactorLayout | string {
  const layout = factorLayout(network, parameter);
  if (typeof layout === 'string') return `${layout}; the duality needs one vector a sample`;
  return parameter.endsWith('.bias')
    ? `${parameter} is a bias: the duality is about kernels, with the bias held`
    : layout;
}

/** Diagonals of the four blocks along directions. */
type Blocks = readonly Float64Array[];

/** `openProblem` must have run in every worker. */
export async function measureDuality(pool: Pool, task: DualityTask): Promise<MeasuredDuality> {
  const { layout, order, seed } = task;
  const n = layout.outer;
  const labels = classLabels(task, n);
  const ofOrder = labels === null ? null : Int32Array.from(order, (sample) => labels[sample]);
  const outputs = await layerOutputs(pool, layout, order);
  const momentsOver = (range: readonly [number, number]): OutputMoments =>
    outputMoments(pool.blas, outputs, n, range, ofOrder);
  const everything = momentsOver([0, order.length]);
  const k = task.directions.indices.length;
  const directionSums = (start: number, count: number, moments: OutputMoments): Promise<DualDirectionSums> =>
    pool.run(dualDirectionsTask, {
      layout,
      order,
      start,
      count,
      outputs: pool.reference(outputs),
      classes: ofOrder,
      moments,
      columns: pool.reference(task.columns),
      k,
    });
  const groups = groupsOf(order.length);
  const ranges = Array.from({ length: Math.max(1, groups) }, (_, g) => {
    const start = Math.floor((g * order.length) / Math.max(1, groups));
    return [start, Math.floor(((g + 1) * order.length) / Math.max(1, groups))] as const;
  });
  const over = await Promise.all(ranges.map(([from, to]) => directionSums(from, to - from, everything)));
  task.signal?.throwIfAborted();
  const total = added(over);
  if (total.used === 0)
    throw new UndefinedError(
      `the input of ${layout.parameter} is 0 for every sample, so that no change of weights can stand in for a change of inputs`,
    );
  const apart =
    groups === 0
      ? []
      : await Promise.all(ranges.map(([from, to]) => directionSums(from, to - from, momentsOver([from, to]))));
  task.signal?.throwIfAborted();

  const whole =
    task.whole === null
      ? null
      : await wholeBlocks(pool, task, { outputs, classes: ofOrder, moments: everything }, total.used);
  pool.blas.release(outputs);
  const blocks: Blocks =
    whole?.diagonals ??
    total.blocks.map((sum) =>
      averageClusters(
        task.eigenvalues,
        sum.map((x) => x / total.used),
      ),
    );
  const share = total.withinOthers / total.used;
  const kinds: readonly PairKind[] = labels === null ? ['all'] : ['all', 'within', 'across'];
  const moments: Partial<Record<PairKind, DualMoments>> = {};
  for (const kind of kinds) {
    const part = kind === 'all' ? 1 : kind === 'within' ? share : 1 - total.within / total.used;
    if (!(part > 0)) continue;
    const [dual, spread] = ofKind(kind, blocks, part);
    const values = { H: task.eigenvalues, C: task.C, dual, spread };
    const floors = { ...task.floors, dual: floorOf(dual, order.length), spread: floorOf(spread, order.length) };
    const traces = ofKind(
      kind,
      Array.from(total.traces, (x) => Float64Array.of(x / total.used)),
      part,
    );
    const ofGroups = apart.map((sums) => groupFits(sums, kind, task.directions, labels !== null));
    const rows = standardCutoffs.map((cutoff, c) =>
      fitRow(
        values,
        floors,
        cutoff,
        ofGroups.map((fits) => fits.rows[c]),
      ),
    );
    const ratio = traces[0][0] / task.traceC;
    moments[kind] = {
      share: part,
      trace_ratio: ratio,
      ...intervalOf(
        'trace_ratio_interval',
        ratio,
        ofGroups.map((fits) => fits.traceRatio),
      ),
      cosine_C: kind === 'all' ? whole?.cosine : undefined,
      rows,
    };
  }

  const residuals: Partial<Record<PairKind, DualitySummary['residuals'][PairKind]>> = {};
  for (const kind of labels === null ? (['all'] as const) : (['within', 'across'] as const)) {
    const pairs = drawPairs(kind, order.length, labels, drawnPairs, seed);
    if (pairs !== null) residuals[kind] = await pairResiduals(pool, layout, pairs);
    task.signal?.throwIfAborted();
  }
  return {
    summary: {
      seed,
      samples_without_input: order.length - total.used,
      residuals: residuals as DualitySummary['residuals'],
      moments,
      groups,
    },
    arrays: {
      C_dual_diagonal: blocks[0],
      dual_spread: blocks[1],
      ...(labels !== null &&
        share > 0 && {
          C_dual_within_diagonal: blocks[2].map((x) => x / share),
          dual_within_spread: blocks[3].map((x) => x / share),
        }),
    },
  };
}

/** Class of every sample; null if targets are no classes, or too many for moments of each. */
function classLabels({ targets, outputs, classes, order }: DualityTask, n: number): Int32Array | null {
  if (!classes || outputs * n * n * 8 > classBytes) return null;
  const labels = new Int32Array(order.length);
  for (const sample of order) labels[sample] = classAt(targets, sample * outputs, outputs);
  return labels;
}

/** Random groups behind the intervals; 0: too few samples for any. */
function groupsOf(samples: number): number {
  const groups = Math.min(mostGroups, Math.floor(samples / leastOfGroup));
  return groups >= 4 ? groups : 0;
}

function added(parts: readonly DualDirectionSums[]): DualDirectionSums {
  const [first, ...rest] = parts;
  const sum = (a: Float64Array, b: Float64Array): Float64Array => a.map((x, i) => x + b[i]);
  return rest.reduce(
    (a, b) => ({
      count: a.count + b.count,
      used: a.used + b.used,
      within: a.within + b.within,
      withinOthers: a.withinOthers + b.withinOthers,
      curvature: sum(a.curvature, b.curvature),
      slope: sum(a.slope, b.slope),
      squaredSlope: sum(a.squaredSlope, b.squaredSlope),
      blocks: a.blocks.map((block, i) => sum(block, b.blocks[i])),
      traces: sum(a.traces, b.traces),
      squares: a.squares + b.squares,
      gradient: sum(a.gradient, b.gradient),
    }),
    first,
  );
}

/** Diagonals of the blocks along all eigendirections, and the cosine of C_dual and C. `vectors` of the spectrum stay as they are. */
async function wholeBlocks(
  pool: Pool,
  { layout, order, whole, eigenvalues }: DualityTask,
  inputs: { readonly outputs: Real; readonly classes: Int32Array | null; readonly moments: OutputMoments },
  used: number,
): Promise<{ readonly diagonals: Blocks; readonly cosine: number }> {
  if (whole === null) throw new Error('duality: the spectrum is not known');
  const d = layout.inner * layout.outer;
  const sums = await dualSums(pool, layout, { order, ...inputs });
  const matrix = pool.allocate('float64', d * d);
  const blocks = inputs.moments.classes === null ? 2 : 4;
  const diagonals: Float64Array[] = [];
  let cosineC = 0;
  for (let block = 0; block < blocks; block++) {
    const { inner, outer } = layout;
    await unpackSum(pool, { inner, outer, sums: [sums], block, blocks, factor: 1 / used, mean: null, out: matrix });
    if (block === 0) cosineC = (await cosines(pool, whole.C, matrix, matrix)).CH;
    diagonals.push(averageClusters(eigenvalues, await diagonalOf(pool, whole.spectrum, matrix)));
  }
  pool.blas.release(matrix);
  pool.blas.release(sums);
  return { diagonals, cosine: cosineC };
}

/** Dual and spread of one kind of pair, from means over p of the blocks. `part`: the share of such pairs. */
function ofKind(kind: PairKind, blocks: Blocks, part: number): readonly [Float64Array, Float64Array] {
  const pick = (at: number): Float64Array => {
    if (kind === 'all') return blocks[at];
    if (kind === 'within') return blocks[at + 2].map((x) => x / part);
    return blocks[at].map((x, i) => (x - blocks[at + 2][i]) / part);
  };
  return [pick(0), pick(1)];
}

function floorOf(values: Float64Array, terms: number): number {
  return numericalFloor({ scale: values.reduce((most, x) => Math.max(most, Math.abs(x)), 0), terms });
}

interface Along {
  readonly H: Float64Array;
  readonly C: Float64Array;
  readonly dual: Float64Array;
  readonly spread: Float64Array;
}

/** Slopes of one group at every standard cutoff; NaN if undefined. */
interface GroupFits {
  readonly rows: readonly { readonly isotropy: number; readonly C_dual_on_C: number }[];
  readonly traceRatio: number;
}

function fitRow(
  values: Along,
  floors: Readonly<Record<keyof Along, number>>,
  cutoff: number,
  groups: readonly GroupFits['rows'][number][],
): DualRow {
  const threshold = cutoff * values.H[0];
  const used: number[] = [];
  for (let i = 0; i < values.H.length && values.H[i] > threshold; i++)
    if ((['H', 'C', 'dual', 'spread'] as const).every((key) => values[key][i] > 0 && values[key][i] >= floors[key]))
      used.push(i);
  const logs = (array: Float64Array): Float64Array => Float64Array.from(used, (i) => Math.log(array[i]));
  const [H, C, dual, spread] = [values.H, values.C, values.dual, values.spread].map(logs);
  const fit = (x: Float64Array, y: Float64Array, key: 'isotropy' | 'C_dual_on_C'): DualSlope => {
    if (used.length < 3) return { slope: null, r_squared: null };
    const { slope, rSquared } = leastSquares(lineMoments(x, y));
    return {
      slope: Number.isFinite(slope) ? slope : null,
      r_squared: Number.isFinite(rSquared) ? rSquared : null,
      ...intervalOf(
        'interval',
        slope,
        groups.map((each) => each[key]),
      ),
    };
  };
  const ratios = used.map((i) => values.dual[i] / values.C[i]).sort((a, b) => a - b);
  const middle = ratios.length >>> 1;
  return {
    cutoff,
    n: used.length,
    decades: used.length > 0 ? (H[0] - H[used.length - 1]) / Math.LN10 : 0,
    isotropy: fit(H, spread, 'isotropy'),
    C_dual_on_C: fit(C, dual, 'C_dual_on_C'),
    median_ratio:
      ratios.length === 0 ? null : ratios.length % 2 === 1 ? ratios[middle] : (ratios[middle - 1] + ratios[middle]) / 2,
  };
}

function groupFits(
  sums: DualDirectionSums,
  kind: PairKind,
  directions: ChosenDirections,
  hasClasses: boolean,
): GroupFits {
  const { starts, selection, weights, largest } = directions;
  const count = sums.count;
  const part = kind === 'all' ? 1 : kind === 'within' ? sums.withinOthers / sums.used : 1 - sums.within / sums.used;
  const means = sums.blocks.map((block) => block.map((x) => x / sums.used));
  const [dual, spread] = hasClasses || kind === 'all' ? ofKind(kind, means, part) : [means[0], means[1]];
  const C = sums.squaredSlope.map((x, i) => x / count - (sums.slope[i] / count) ** 2);
  const H = sums.curvature.map((x) => x / count);
  const grouped = (values: Float64Array): Float64Array =>
    Float64Array.from(selection, (_, g) => {
      let sum = 0;
      for (let j = starts[g]; j < starts[g + 1]; j++) sum += values[j];
      return sum / (starts[g + 1] - starts[g]);
    });
  const log = {
    H: grouped(H).map(Math.log),
    C: grouped(C).map(Math.log),
    dual: grouped(dual).map(Math.log),
    spread: grouped(spread).map(Math.log),
  };
  const rows = standardCutoffs.map((cutoff) => {
    const selected = Array.from(selection.keys()).filter(
      (g) => selection[g] > cutoff * largest && Number.isFinite(log.H[g] + log.C[g] + log.dual[g] + log.spread[g]),
    );
    return {
      isotropy: weightedSlope(selected, weights, log.H, log.spread),
      C_dual_on_C: weightedSlope(selected, weights, log.C, log.dual),
    };
  });
  const traceC = sums.squares / count - sums.gradient.reduce((sum, x) => sum + (x / count) ** 2, 0);
  const traces = ofKind(
    kind,
    Array.from(sums.traces, (x) => Float64Array.of(x / sums.used)),
    part,
  );
  return { rows, traceRatio: traces[0][0] / traceC };
}

function weightedSlope(chosen: readonly number[], weights: Float64Array, x: Float64Array, y: Float64Array): number {
  let [w, meanX, meanY] = [0, 0, 0];
  for (const g of chosen) {
    w += weights[g];
    meanX += weights[g] * x[g];
    meanY += weights[g] * y[g];
  }
  meanX /= w;
  meanY /= w;
  let [xx, xy] = [0, 0];
  for (const g of chosen) {
    xx += weights[g] * (x[g] - meanX) ** 2;
    xy += weights[g] * (x[g] - meanX) * (y[g] - meanY);
  }
  return chosen.length >= 3 && xx > 0 ? xy / xx : NaN;
}

/**
 * estimate -+ t sd / sqrt(groups): the spread over disjoint groups, each with its own pairs, holds what both samples of a pair contribute (to first order
 * a mean over all pairs varies like the mean over groups). {} if a group lacks the value.
 */
function intervalOf<K extends string>(
  key: K,
  estimate: number,
  values: readonly number[],
): Partial<Record<K, Interval>> {
  const n = values.length;
  if (n < 4 || !Number.isFinite(estimate) || !values.every(Number.isFinite)) return {};
  const mean = values.reduce((sum, x) => sum + x, 0) / n;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1);
  const half = studentQuantile(0.975, n - 1) * Math.sqrt(variance / n);
  return { [key]: [estimate - half, estimate + half] } as unknown as Partial<Record<K, Interval>>;
}
