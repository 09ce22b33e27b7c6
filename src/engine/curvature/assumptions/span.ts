/**
 * C against H, G, F, E, Q and H^2 along the directions v_i that the projected method found: slopes from diagonals over all samples, cosines and commutators within
 * their span (k x k).
 */
import type { RotationBaseline } from '../../../shared/slopes.ts';
import type { AssumptionArrays, AssumptionsSummary, ComparedMatrix } from '../../../shared/assumptions.ts';
import { dataOf } from '../../backend/cpu.ts';
import type { ArrayReference, Real } from '../../blas/types.ts';
import type { Pool } from '../../parallel/pool.ts';
import { defineTask, type TaskContext } from '../../parallel/task.ts';
import { averageClusters } from '../../statistics/index.ts';
import type { BlockProjections, Diagonals, Floors, SampleBlock } from '../../statistics/index.ts';
import type { Half } from '../moments.ts';
import { onChunk, projectedState } from '../projected/linearised.ts';
import { chunksOf } from '../projected/plan.ts';
import type { SamplePlan } from '../projected/plan.ts';
import type { SampleProjections } from '../projected/projections.ts';
import { meansOf } from '../projected/projections.ts';
import { directionOf } from '../projected/space.ts';
import { leadingValues, rotationBaselines } from '../rotations.ts';
import type { LeadingValues } from '../rotations.ts';
import { cosines, measureCommutator } from '../spectrum.ts';
import {
  assumptionColumns,
  blockSizes,
  empiricalFisherSums,
  identity,
  leadersOf,
  relativeDifference,
} from './columns.ts';
import type { Compared, MatrixSums } from './columns.ts';
import { addForms, lossAt } from './forms.ts';

export interface SpanFormsArgument {
  readonly lane: number;
  /** Rows v_i [k, d]. */
  readonly directions: ArrayReference;
  readonly k: number;
  /** Whether the k x k matrices are wanted too. */
  readonly whole: boolean;
}

/** Sums over the samples of blocks. */
export interface SpanForms {
  /** v_i . M_p v_i [blocks, k]. */
  readonly G: Float64Array;
  readonly F: Float64Array;
  /** [k, k] over all of them; null unless asked for. */
  readonly matrices: { readonly G: Float64Array; readonly F: Float64Array } | null;
}

/** The sums of a lane's blocks. */
export const spanFormsTask = defineTask('spanForms', (context: TaskContext, argument: SpanFormsArgument): SpanForms => {
  const state = projectedState(context);
  const { space, plan } = state;
  const { blas } = context;
  const { k, whole } = argument;
  const vectors = blas.open(argument.directions);
  const lane = plan.lanes[argument.lane];
  const zeros = (): Float64Array => new Float64Array((lane.endBlock - lane.firstBlock) * k);
  const matrices = whole ? { G: blas.allocate('float64', k * k), F: blas.allocate('float64', k * k) } : null;
  const sums = { G: zeros(), F: zeros(), matrices };
  for (let b = lane.firstBlock; b < lane.endBlock; b++) {
    for (const [start, count] of chunksOf(plan.blocks[b].start, plan.blocks[b].end, plan.chunk)) {
      onChunk(state, start, count, false, ({ network, backend }) => {
        const K = network.outputSize;
        const loss = lossAt(network, backend, network.output);
        const [moved, scores, curved] = [0, 1, 2].map(() => backend.take(count, k * K).data);
        for (let i = 0; i < k; i++) {
          backend.scope(() => {
            const v = vectors.subarray(i * space.d, (i + 1) * space.d);
            const yDot = network.outputTangent({ weights: directionOf(space, backend, v) });
            const values = yDot === null ? null : dataOf(yDot);
            for (let p = 0; p < count; p++)
              for (let c = 0; c < K; c++) moved[(p * k + i) * K + c] = values === null ? 0 : values[p * K + c];
          });
        }
        addForms(blas, sums, loss, moved, { scores, curved }, count, k, () => b - lane.firstBlock);
      });
    }
  }
  const copies = matrices && { G: Float64Array.from(matrices.G), F: Float64Array.from(matrices.F) };
  if (matrices !== null) for (const array of [matrices.G, matrices.F]) blas.release(array);
  return { G: sums.G, F: sums.F, matrices: copies };
});

async function spanForms(
  pool: Pool,
  plan: SamplePlan,
  { k, blocks }: SampleProjections,
  vectors: Real,
  halves: readonly Half[],
  whole: boolean,
  device: DeviceForms | null,
): Promise<SpanForms> {
  const samples = halves.reduce((sum, half) => sum + plan.sizes[half], 0);
  const forms =
    device === null
      ? await formsByLanes(pool, plan, { k, blocks }, vectors, halves, whole)
      : await device({ blocks: blocks.map((block) => plan.blocks[block]), vectors, k, whole });
  const { matrices } = forms;
  if (matrices === null) return forms;
  return { ...forms, matrices: { G: matrices.G.map((x) => x / samples), F: matrices.F.map((x) => x / samples) } };
}

async function formsByLanes(
  pool: Pool,
  plan: SamplePlan,
  { k, blocks }: Pick<SampleProjections, 'k' | 'blocks'>,
  vectors: Real,
  halves: readonly Half[],
  whole: boolean,
): Promise<SpanForms> {
  const lanes = plan.lanes.flatMap((lane, l) => (halves.includes(lane.half) ? [l] : []));
  const directions = pool.reference(vectors);
  const results = await Promise.all(lanes.map((lane) => pool.run(spanFormsTask, { lane, directions, k, whole })));
  const forms = { G: new Float64Array(blocks.length * k), F: new Float64Array(blocks.length * k) };
  const matrices = whole ? { G: new Float64Array(k * k), F: new Float64Array(k * k) } : null;
  for (const [i, result] of results.entries()) {
    const offset = (plan.lanes[lanes[i]].firstBlock - blocks[0]) * k;
    for (const key of ['G', 'F'] as const) {
      forms[key].set(result[key], offset);
      const part = result.matrices?.[key];
      if (matrices !== null && part !== undefined) for (let j = 0; j < k * k; j++) matrices[key][j] += part[j];
    }
  }
  return { ...forms, matrices };
}

/** One set of directions with what was projected on them. */
export interface SpanSet {
  readonly projections: SampleProjections;
  readonly eigenvalues: Float64Array;
  /** Rows v_i [k, d] in the pool's memory. */
  readonly vectors: Real;
  /** What slopes were taken about: g [d]. */
  readonly centre: Float64Array;
  readonly halves: readonly Half[];
}

export interface SpanInput {
  readonly all: SpanSet;
  /** Directions of H_A with values of B, and the other way round. */
  readonly crossed: readonly [SpanSet, SpanSet];
  /** [k, k]: C, and Q (over the samples behind its off-diagonal entries). */
  readonly covariance: Float64Array;
  readonly secondMoment: Float64Array;
  readonly cosines: { readonly CH: number; readonly CQ: number };
  readonly ratio: number;
  readonly baseline: RotationBaseline;
  readonly trainingSet: Diagonals;
  readonly crossFitted: readonly [Diagonals, Diagonals];
  readonly floors: Floors;
  readonly seed: number;
  /** H v over the samples of some halves. */
  readonly apply: (v: Real, out: Real, halves: readonly Half[]) => Promise<void>;
  /** Sums along the chosen directions of a set with a matrix's in the place of Q's; undefined: no intervals. */
  readonly intervals:
    | {
        readonly projections: BlockProjections;
        readonly choose: (set: SpanSet, sums: Float64Array) => Float64Array;
      }
    | undefined;
  readonly piecewiseLinear: boolean;
  /** null: the worker threads make the passes, in float64. */
  readonly device: DeviceForms | null;
}

/** The sums along directions, over consecutive blocks of samples, from a device. */
export type DeviceForms = (task: {
  readonly blocks: readonly SampleBlock[];
  /** Rows v_i [k, d]. */
  readonly vectors: Real;
  readonly k: number;
  readonly whole: boolean;
}) => Promise<SpanForms>;

/** `openProjected` must have run in every worker. */
export async function spanAssumptions(
  pool: Pool,
  plan: SamplePlan,
  input: SpanInput,
): Promise<{ readonly summary: AssumptionsSummary; readonly arrays: AssumptionArrays }> {
  const { all, crossed, covariance, trainingSet, crossFitted, floors, seed, device } = input;
  const precision = device === null ? 'float64' : 'float32';
  const k = all.eigenvalues.length;
  const sets = [all, ...crossed] as const;
  const forms = [
    await spanForms(pool, plan, all.projections, all.vectors, all.halves, true, device),
    await spanForms(pool, plan, crossed[0].projections, crossed[0].vectors, crossed[0].halves, false, device),
    await spanForms(pool, plan, crossed[1].projections, crossed[1].vectors, crossed[1].halves, false, device),
  ] as const;
  const centres = sets.map(({ vectors, centre }) =>
    Float64Array.from({ length: vectors.length / centre.length }, (_, i) => {
      let sum = 0;
      for (let j = 0; j < centre.length; j++) sum += vectors[i * centre.length + j] * centre[j];
      return sum;
    }),
  );
  const meanSlopes = sets.map(({ projections }, s) => {
    const { slopes } = meansOf(projections, plan, projections.blocks);
    return slopes.map((x, i) => x + centres[s][i]);
  });
  const diagonalOf = (set: 0 | 1 | 2, name: 'G' | 'F' | 'E'): Float64Array => {
    const { projections, eigenvalues } = sets[set];
    const C = meansOf(projections, plan, projections.blocks).C;
    const values =
      name === 'E' ? C.map((x, i) => x + meanSlopes[set][i] ** 2) : meanOver(forms[set][name], projections, plan);
    return averageClusters(eigenvalues, values);
  };
  const H2 = [
    all.eigenvalues.map((x) => x * x),
    await squares(pool, crossed[0], input.apply),
    await squares(pool, crossed[1], input.apply),
  ] as const;

  const G = forms[0].matrices?.G ?? new Float64Array();
  const F = forms[0].matrices?.F ?? new Float64Array();
  const H = diagonalMatrix(all.eigenvalues);
  const E = covariance.map((x, at) => x + meanSlopes[0][Math.floor(at / k)] * meanSlopes[0][at % k]);
  const matrices: readonly (readonly [ComparedMatrix, Float64Array])[] = [
    ['H', H],
    ['G', G],
    ['F', F],
    ['E', E],
    ['Q', input.secondMoment],
    ['H2', diagonalMatrix(H2[0])],
  ];
  const identities = [
    identity(['F', 'G'], relativeDifference(F, G), true, precision),
    identity(['G', 'H'], relativeDifference(G, H), input.piecewiseLinear, precision),
  ];
  const leaders = leadersOf(identities);
  const sums = input.intervals === undefined ? {} : blockSums(input.intervals, sets, forms, centres);
  const standing = matrices.filter(([name]) => leaders.get(name) === name);
  const others = standing.filter(([name]) => name !== 'H');
  const found = await compareWithin(
    pool,
    covariance,
    others.map(([, matrix]) => matrix),
    k,
    seed,
  );
  const withinOf = new Map(others.map(([name], i) => [name, found[i]] as const));
  const compared = standing.map(([name]): Compared => {
    const matrixSums = sums[name];
    const known = name === 'H' || name === 'Q';
    const within = withinOf.get(name);
    const cosine = known ? input.cosines[`C${name}`] : (within?.cosine ?? 0);
    const crossedOf = (half: 0 | 1): Float64Array => {
      if (name === 'H' || name === 'Q') return crossFitted[half][name];
      return name === 'H2' ? H2[half === 0 ? 1 : 2] : diagonalOf(half === 0 ? 1 : 2, name);
    };
    return {
      name,
      cosine,
      ratio: within?.ratio ?? input.ratio,
      baseline: within?.baseline ?? input.baseline,
      diagonal: known ? trainingSet[name] : name === 'H2' ? H2[0] : diagonalOf(0, name),
      crossed: [crossedOf(0), crossedOf(1)],
      sums: matrixSums,
    };
  });
  const summary = await assumptionColumns(pool, {
    compared,
    identities,
    within: 'span',
    precision,
    trainingSet,
    crossFitted,
    floors,
    samples: plan.order.length,
    seed,
    projections: input.intervals?.projections,
  });
  return {
    summary,
    arrays: { G_diagonal: diagonalOf(0, 'G'), F_diagonal: diagonalOf(0, 'F'), E_diagonal: diagonalOf(0, 'E') },
  };
}

function blockSums(
  { projections, choose }: NonNullable<SpanInput['intervals']>,
  sets: readonly [SpanSet, SpanSet, SpanSet],
  forms: readonly [SpanForms, SpanForms, SpanForms],
  centres: readonly Float64Array[],
): Partial<Record<ComparedMatrix, MatrixSums>> {
  const projectedSets = [projections.training_set, ...projections.cross_fitted] as const;
  const sizes = blockSizes(projections);
  const three = (make: (set: 0 | 1 | 2) => Float64Array): MatrixSums => ({
    training_set: make(0),
    cross_fitted: [make(1), make(2)],
  });
  const along = (set: 0 | 1 | 2): Float64Array =>
    Float64Array.from(projectedSets[set].directions.indices, (index) => centres[set][index]);
  return {
    H: three((set) => projectedSets[set].sums.curvature),
    Q: three((set) => projectedSets[set].sums.squaredCurvature),
    G: three((set) => choose(sets[set], forms[set].G)),
    F: three((set) => choose(sets[set], forms[set].F)),
    E: three((set) => empiricalFisherSums(projectedSets[set], along(set), sizes[set])),
  };
}

/** Means over the samples behind the blocks of [blocks, k] sums. */
function meanOver(sums: Float64Array, { k, blocks }: SampleProjections, plan: SamplePlan): Float64Array {
  const out = new Float64Array(k);
  let samples = 0;
  for (const [row, block] of blocks.entries()) {
    samples += plan.blocks[block].end - plan.blocks[block].start;
    for (let i = 0; i < k; i++) out[i] += sums[row * k + i];
  }
  return out.map((x) => x / samples);
}

/** |H v_i|^2 over the set's own samples. */
async function squares(pool: Pool, set: SpanSet, apply: SpanInput['apply']): Promise<Float64Array> {
  const d = set.centre.length;
  const out = pool.allocate('float64', d);
  const values = new Float64Array(set.eigenvalues.length);
  for (let i = 0; i < values.length; i++) {
    await apply(set.vectors.subarray(i * d, (i + 1) * d), out, set.halves);
    for (let j = 0; j < d; j++) values[i] += out[j] * out[j];
  }
  pool.blas.release(out);
  return averageClusters(set.eigenvalues, values);
}

function diagonalMatrix(values: Float64Array): Float64Array {
  const k = values.length;
  const matrix = new Float64Array(k * k);
  for (let i = 0; i < k; i++) matrix[i * k + i] = values[i];
  return matrix;
}

interface ComparedWithin {
  readonly cosine: number;
  readonly ratio: number;
  readonly baseline: RotationBaseline;
}

/** C against matrices [k, k], with the same rotations of C for all of them. */
async function compareWithin(
  pool: Pool,
  covariance: Float64Array,
  matrices: readonly Float64Array[],
  k: number,
  seed: number,
): Promise<ComparedWithin[]> {
  const [C, M, start] = [0, 1, 2].map(() => pool.allocate('float64', k * k));
  C.set(covariance);
  // Rows of a unit matrix, the leading directions last.
  for (let i = 0; i < k; i++) start[i * k + (k - 1 - i)] = 1;
  const found: { leading: LeadingValues; cosine: number; ratio: number }[] = [];
  for (const matrix of matrices) {
    M.set(matrix);
    const leading = await leadingValues(pool, { d: k, matrix: M, start });
    const { CH: cosine } = await cosines(pool, C, M, M);
    found.push({ leading, cosine, ratio: await measureCommutator(pool, k, C, M) });
  }
  const baselines = await rotationBaselines(pool, {
    d: k,
    C: await leadingValues(pool, { d: k, matrix: C, start }),
    others: found.map(({ leading }) => leading),
    seed,
  });
  for (const array of [C, M, start]) pool.blas.release(array);
  return found.map(({ cosine, ratio }, i) => ({ cosine, ratio, baseline: baselines[i] }));
}
