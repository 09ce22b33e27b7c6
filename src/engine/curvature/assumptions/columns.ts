/** Builds the table of src/shared/assumptions.ts from diagonals: slopes of C on every matrix with their intervals, equal columns merged. */
import { definedOf } from '../../../shared/defined.ts';
import type { CutoffRow, RotationBaseline } from '../../../shared/slopes.ts';
import { replicateTask } from '../../statistics/replicate-task.ts';
import { standardCutoffs, type Estimand } from '../../../shared/estimands.ts';
import { comparedMatrices } from '../../../shared/assumptions.ts';
import type {
  AssumptionColumn,
  AssumptionRow,
  AssumptionsSummary,
  ComparedMatrix,
  MatrixIdentity,
} from '../../../shared/assumptions.ts';
import type { Precision } from '../../blas/types.ts';
import type { Pool } from '../../parallel/pool.ts';
import { fitByCutoff, fitCrossFitted, numericalFloor, planBootstrap, withIntervals } from '../../statistics/index.ts';
import type { BlockProjections, Diagonals, Floors, ProjectedDirections, Relation } from '../../statistics/index.ts';

/** Relative difference up to which two matrices are called equal, by the precision in which the samples passed. */
const equalityTolerances: Readonly<Record<Precision, number>> = { float64: 1e-10, float32: 1e-5 };

/** One matrix M against C. */
export interface Compared {
  readonly name: ComparedMatrix;
  readonly cosine: number;
  readonly ratio: number;
  readonly baseline: RotationBaseline;
  /** v_i . M v_i along the eigendirections of H. */
  readonly diagonal: Float64Array;
  /** The same of each half's M along the eigendirections of the other half's H. */
  readonly crossed: readonly [Float64Array, Float64Array];
  /** sum_p v_i . M_p v_i over blocks of samples, for the intervals; absent: none. */
  readonly sums?: MatrixSums | undefined;
}

/** In the shapes of `BlockProjections`. */
export interface MatrixSums {
  readonly training_set: Float64Array;
  readonly cross_fitted: readonly [Float64Array, Float64Array];
}

export interface ColumnsInput {
  /** In the order of `comparedMatrices`; of matrices that are equal the first alone (`leadersOf`). */
  readonly compared: readonly Compared[];
  readonly identities: readonly MatrixIdentity[];
  readonly within: AssumptionsSummary['within'];
  /** In which the samples passed. */
  readonly precision: Precision;
  /** The place of Q in these is filled by each matrix in turn. */
  readonly trainingSet: Diagonals;
  readonly crossFitted: readonly [Diagonals, Diagonals];
  readonly floors: Floors;
  readonly samples: number;
  readonly seed: number;
  readonly projections?: BlockProjections | undefined;
}

/** For every matrix the one that stands for it: of matrices that are equal, the first. */
export function leadersOf(identities: readonly MatrixIdentity[]): ReadonlyMap<ComparedMatrix, ComparedMatrix> {
  const leader = new Map<ComparedMatrix, ComparedMatrix>();
  for (const name of comparedMatrices) leader.set(name, name);
  for (const { matrices, equal } of [...identities].reverse()) {
    const [a, b] = matrices;
    if (!equal) continue;
    const [from, to] = [leader.get(a) ?? a, leader.get(b) ?? b];
    for (const [name, each] of leader) if (each === from) leader.set(name, to);
  }
  return leader;
}

export async function assumptionColumns(pool: Pool, input: ColumnsInput): Promise<AssumptionsSummary> {
  const { compared, identities } = input;
  const leader = leadersOf(identities);
  const columns: AssumptionColumn[] = [];
  for (const each of compared) {
    columns.push({
      matrices: comparedMatrices.filter((name) => leader.get(name) === each.name),
      cosine: each.cosine,
      commutator_ratio: each.ratio,
      commutator_baseline: each.baseline,
      rows: await rowsOf(pool, each, input, columns),
    });
  }
  const summary = { columns, identities, within: input.within };
  return input.precision === 'float32' ? { ...summary, precision: input.precision } : summary;
}

async function rowsOf(
  pool: Pool,
  each: Compared,
  input: ColumnsInput,
  before: readonly AssumptionColumn[],
): Promise<Readonly<Record<Estimand, readonly AssumptionRow[]>>> {
  const { trainingSet, crossFitted, floors, samples, seed, projections } = input;
  const scale = each.diagonal.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const matrixFloors: Floors = { ...floors, Q: numericalFloor({ scale, terms: samples }) };
  const fitted = {
    training_set: fitByCutoff({ ...trainingSet, Q: each.diagonal }, matrixFloors, standardCutoffs, { theilSen: false }),
    cross_fitted: fitCrossFitted(
      [
        { ...crossFitted[0], Q: each.crossed[0] },
        { ...crossFitted[1], Q: each.crossed[1] },
      ],
      matrixFloors,
      standardCutoffs,
      { theilSen: false },
    ),
  };
  if (projections === undefined || each.sums === undefined) {
    const plain = { training_set: rows(fitted.training_set), cross_fitted: rows(fitted.cross_fitted) };
    return each.name === 'H2' ? { ...plain, training_set: halved(plain.training_set, before) } : plain;
  }
  const replaced = withMatrix(projections, each.sums);
  const plan = planBootstrap(replaced, { seed, floors: matrixFloors, wanted: 'C_on_Q' });
  const replicates = await Promise.all(plan.sets.map((set) => pool.run(replicateTask, set)));
  const { gamma } = withIntervals(fitted, plan.finish(replicates), replaced);
  return { training_set: rows(gamma.training_set), cross_fitted: rows(gamma.cross_fitted) };
}

/** Along H's own eigenvectors H2_ii is H_ii squared, so the interval is half that of the slope on H. */
function halved(own: readonly AssumptionRow[], before: readonly AssumptionColumn[]): AssumptionRow[] {
  const ofH = before.find(({ matrices }) => matrices.includes('H'))?.rows.training_set;
  return own.map((row, i) => {
    const interval = ofH?.[i].interval;
    return interval === undefined || row.n !== ofH?.[i].n
      ? row
      : { ...row, interval: [interval[0] / 2, interval[1] / 2] };
  });
}

function rows(fitted: readonly CutoffRow[], relation: Relation = 'C_on_Q'): AssumptionRow[] {
  return fitted.map((row) => {
    const interval = row[relation].interval?.ols;
    return {
      cutoff: row.cutoff,
      n: row.n,
      decades: row.decades,
      slope: row[relation].ols,
      r_squared: row[relation].r_squared,
      ...definedOf({ interval }),
    };
  });
}

/** The projections with a matrix in the place of Q. */
function withMatrix(projections: BlockProjections, sums: MatrixSums): BlockProjections {
  const place = (projected: ProjectedDirections, squaredCurvature: Float64Array): ProjectedDirections => ({
    ...projected,
    sums: { ...projected.sums, squaredCurvature },
  });
  return {
    ...projections,
    training_set: place(projections.training_set, sums.training_set),
    cross_fitted: [
      place(projections.cross_fitted[0], sums.cross_fitted[0]),
      place(projections.cross_fitted[1], sums.cross_fitted[1]),
    ],
  };
}

/** The sums of E = C + g g^T from those of slopes about a centre: g_p . v = (g_p - r) . v + r . v. `centres`: r . v of every direction. */
export function empiricalFisherSums(
  { directions, sums }: ProjectedDirections,
  centres: Float64Array,
  sizes: readonly number[],
): Float64Array {
  const k = directions.indices.length;
  return Float64Array.from(sums.gradient, (slope, at) => {
    const centre = centres[at % k];
    return sums.squaredGradient[at] + 2 * centre * slope + sizes[Math.floor(at / k)] * centre * centre;
  });
}

/** Samples of the blocks behind the rows of the three sets of directions. */
export function blockSizes({ blocks }: BlockProjections): readonly [number[], number[], number[]] {
  const size = ({ start, end }: { readonly start: number; readonly end: number }): number => end - start;
  return [
    blocks.map(size),
    blocks.filter(({ quarter }) => quarter >= 2).map(size),
    blocks.filter(({ quarter }) => quarter < 2).map(size),
  ];
}

/** max |A - B| / max |B|. */
export function relativeDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [difference, largest] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference = Math.max(difference, Math.abs(a[i] - b[i]));
    largest = Math.max(largest, Math.abs(b[i]));
  }
  return largest > 0 ? difference / largest : difference > 0 ? Infinity : 0;
}

export function identity(
  matrices: MatrixIdentity['matrices'],
  difference: number,
  expected: boolean,
  precision: Precision,
): MatrixIdentity {
  return { matrices, difference, equal: difference <= equalityTolerances[precision], expected };
}
