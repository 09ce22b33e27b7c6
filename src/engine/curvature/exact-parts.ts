/** Parts of the exact measurement (exact.ts): directions and projections for intervals, the duality along the spectrum, numerical floors. */
import type { ResultArrays, SplitArrays } from '../../shared/results.ts';
import type { MeasurementInput } from './measurement-input.ts';
import type { Real } from '../blas/types.ts';
import type { Pool } from '../parallel/pool.ts';
import { chooseDirections, numericalFloor } from '../statistics/index.ts';
import type { BlockProjections, Diagonals, Floors, Triple } from '../statistics/index.ts';
import { blockMeans, blockProjections, directionMatrix } from './block-projections.ts';
import type { DirectionMatrix } from './block-projections.ts';
import { deviceBlockProjections } from './device/projections.ts';
import type { DeviceSession } from './device/session.ts';
import { measureDuality } from './duality/measure.ts';
import type { MeasuredDuality } from './duality/measure.ts';
import type { FactorLayout } from './factors.ts';
import type { MomentSums } from './moments.ts';
import type { Crossed } from './cross-fit.ts';
import { decreasing, traceOf } from './spectrum.ts';
import type { Spectrum } from './spectrum.ts';

/** Directions of the duality, at most. */
const dualDirections = 200;

export type ThreeDirections = readonly [DirectionMatrix, DirectionMatrix, DirectionMatrix];

/** The directions for the intervals: over all samples, of H_A, of H_B; null if none are wanted. */
export function directionsOf(
  chosen: DirectionMatrix | null,
  [a, b]: readonly [Crossed, Crossed],
): ThreeDirections | null {
  return chosen === null || a.directions === null || b.directions === null
    ? null
    : [chosen, a.directions, b.directions];
}

/** Projections over blocks of samples along the chosen directions; undefined if no intervals are wanted. */
export async function project(
  pool: Pool,
  { order, sizes }: MomentSums,
  layout: FactorLayout,
  meanGradient: Float64Array,
  directions: ThreeDirections | null,
  device: DeviceSession | undefined,
): Promise<BlockProjections | undefined> {
  if (directions === null) return undefined;
  const [trainingSet, a, b] = directions;
  const task = { layout, order, sizes, meanGradient, trainingSet, halves: [a, b] } as const;
  return device === undefined ? await blockProjections(pool, task) : await deviceBlockProjections(device, task);
}

/** The duality along the whole spectrum. */
export async function dualityAlong(
  pool: Pool,
  input: MeasurementInput,
  task: {
    readonly layout: FactorLayout;
    readonly moments: MomentSums;
    readonly spectrum: Spectrum;
    readonly C: Real;
    readonly C_diagonal: Float64Array;
    readonly floors: Floors;
    readonly outputs: number;
    readonly options: { readonly seed: number; readonly signal?: AbortSignal | undefined };
  },
): Promise<MeasuredDuality> {
  const { layout, spectrum, C, floors, options } = task;
  const eigenvalues = decreasing(spectrum);
  const selected = chooseDirections(eigenvalues, { count: dualDirections, floor: floors.H });
  const { directions, columns } = directionMatrix(pool.blas, layout, spectrum, selected);
  try {
    return await measureDuality(pool, {
      layout,
      order: task.moments.order,
      targets: input.targets,
      outputs: task.outputs,
      classes: input.classes,
      seed: options.seed,
      eigenvalues,
      C: task.C_diagonal,
      floors,
      traceC: traceOf(C, spectrum.d),
      directions,
      columns,
      whole: { spectrum, C },
      signal: options.signal,
    });
  } finally {
    pool.blas.release(columns);
  }
}

/**
 * Values of smaller size along a direction are zero as far as double precision can tell (statistics/floor.ts): for H from the residuals, and for all three
 * from two orders of summation, the matrices' and that over blocks of samples, if the latter was taken.
 */
export function numericalFloors(
  samples: number,
  residual: number,
  values: Triple,
  isSingle: boolean,
  projections?: BlockProjections,
): Floors {
  const other = projections && blockMeans(projections.training_set, samples);
  const floor = (key: keyof Triple, residuals: readonly number[]): number =>
    numericalFloor({
      residuals,
      differences: other === undefined ? [] : other[key].map((value, k) => value - values[key][other.indices[k]]),
      scale: values[key].reduce((most, x) => Math.max(most, Math.abs(x)), 0),
      // A device adds a few hundred terms at most in single precision, the host adds these sums in float64.
      roundoff: isSingle ? 2 ** -24 : 2 ** -53,
      terms: isSingle ? 1 : samples,
    });
  return { H: floor('H', [residual]), C: floor('C', []), Q: floor('Q', []) };
}

/** The cross-fitted arrays as they are stored: both sets of directions of the first split. */
export function crossFittedArrays(
  rows: readonly Diagonals[],
): Pick<
  ResultArrays,
  'cross_fitted_selection' | 'cross_fitted_H_diagonal' | 'cross_fitted_C_diagonal' | 'cross_fitted_Q_diagonal'
> {
  return {
    cross_fitted_selection: joinedDiagonals(rows, 'selection'),
    cross_fitted_H_diagonal: joinedDiagonals(rows, 'H'),
    cross_fitted_C_diagonal: joinedDiagonals(rows, 'C'),
    cross_fitted_Q_diagonal: joinedDiagonals(rows, 'Q'),
  };
}

/** The arrays of further random splits; none if there are none. */
export function splitArrays(splits: readonly (readonly [Diagonals, Diagonals])[]): Partial<SplitArrays> {
  const rows = splits.flat();
  return rows.length === 0
    ? {}
    : {
        split_selection: joinedDiagonals(rows, 'selection'),
        split_H_diagonal: joinedDiagonals(rows, 'H'),
        split_C_diagonal: joinedDiagonals(rows, 'C'),
        split_Q_diagonal: joinedDiagonals(rows, 'Q'),
      };
}

/** The values of several sets of directions, one set after the other. */
function joinedDiagonals(rows: readonly Diagonals[], key: 'selection' | 'H' | 'C' | 'Q'): Float64Array {
  const values = new Float64Array(rows.reduce((total, { selection }) => total + selection.length, 0));
  let start = 0;
  for (const row of rows) {
    values.set(row[key], start);
    start += row[key].length;
  }
  return values;
}
