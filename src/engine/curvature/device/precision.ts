/**
 * The precision that a device reached, measured and not assumed: the same sums over a random part of the samples from the device and from the cpu in
 * float64.
 */
import type { DevicePrecision } from '../../../shared/results.ts';
import type { Real } from '../../blas/types.ts';
import type { Pool } from '../../parallel/pool.ts';
import type { BlockProjections } from '../../statistics/index.ts';
import { blockProjections } from '../block-projections.ts';
import type { BlockProjectionOptions } from '../block-projections.ts';
import type { FactorLayout } from '../factors.ts';
import { momentSums, splitHalves } from '../moments.ts';
import { deviceMomentSums } from './moments.ts';
import { deviceBlockProjections } from './projections.ts';
import type { DeviceSession } from './session.ts';

/** Samples compared. */
const comparedSamples = 256;
/** Directions with H_ii above this part of H_11 are compared one by one. */
const cutoff = 1e-4;

export async function measurePrecision(
  session: DeviceSession,
  pool: Pool,
  targets: Real,
  layout: FactorLayout,
  task: {
    readonly samples: number;
    readonly seed: number;
    /** H_11 of the measurement. */
    readonly largest: number;
    /** The directions of the intervals; null: sums alone are compared. */
    readonly directions: Pick<BlockProjectionOptions, 'meanGradient' | 'trainingSet' | 'halves'> | null;
    /** Eigenvalues, decreasing, to which the directions' numbers refer. */
    readonly eigenvalues: Float64Array;
  },
): Promise<DevicePrecision> {
  const samples = Math.min(task.samples, comparedSamples);
  const options = { samples, seed: task.seed, seconds: { factors: 0, products: 0 } };
  const exact = await momentSums(pool, layout, options);
  const reached = await deviceMomentSums(session, pool, targets, layout, options);
  const rightWidth = layout.blocks * layout.blockWidth;
  const blockError = (block: number): number => {
    let [difference, scale] = [0, 0];
    for (let row = 0; row < layout.leftWidth; row++) {
      const from = row * rightWidth + block * layout.blockWidth;
      for (let i = from; i < from + layout.blockWidth; i++) {
        const value = exact.sums.A[i] + exact.sums.B[i];
        difference = Math.max(difference, Math.abs(reached.sums.A[i] + reached.sums.B[i] - value));
        scale = Math.max(scale, Math.abs(value));
      }
    }
    return scale > 0 ? difference / scale : 0;
  };
  const sums = { H: blockError(0), Q: blockError(1), C: blockError(2) };
  for (const each of [exact, reached]) for (const half of ['A', 'B'] as const) pool.blas.release(each.sums[half]);
  const result = { device: session.title, samples, sums };
  if (task.directions === null) return result;
  const { order, sizeA } = splitHalves(samples, task.seed);
  const along = { layout, order, sizes: { A: sizeA, B: samples - sizeA }, ...task.directions };
  const [reference, other] = [await blockProjections(pool, along), await deviceBlockProjections(session, along)];
  return { ...result, along: errorsAlong(reference, other, task.eigenvalues, task.largest) };
}

function errorsAlong(
  reference: BlockProjections,
  other: BlockProjections,
  eigenvalues: Float64Array,
  largest: number,
): NonNullable<DevicePrecision['along']> {
  const { indices } = reference.training_set.directions;
  const k = indices.length;
  const compared = Array.from(indices, (index, i) => [eigenvalues[index], i] as const)
    .filter(([eigenvalue]) => eigenvalue > cutoff * largest)
    .map(([, i]) => i);
  const total = (values: Float64Array, i: number): number => {
    let sum = 0;
    for (let at = i; at < values.length; at += k) sum += values[at];
    return sum;
  };
  const error = (name: 'curvature' | 'squaredCurvature' | 'squaredGradient'): number =>
    compared.reduce((most, i) => {
      const value = total(reference.training_set.sums[name], i);
      const gap = Math.abs(total(other.training_set.sums[name], i) - value);
      return value === 0 ? most : Math.max(most, gap / Math.abs(value));
    }, 0);
  return {
    cutoff,
    directions: compared.length,
    H: error('curvature'),
    Q: error('squaredCurvature'),
    C: error('squaredGradient'),
  };
}
