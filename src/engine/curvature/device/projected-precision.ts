/**
 * The precision that a device reached in a projected measurement, measured and not assumed: the samples' values along the directions, as sums over one lane of
 * samples, and products with H over all samples, each from the device and from the cpu in float64.
 */
import type { DevicePrecision } from '../../../shared/results.ts';
import type { Pool } from '../../parallel/pool.ts';
import type { Eigenpairs } from '../projected/lanczos.ts';
import { centresOf, projectLane } from '../projected/projections.ts';
import type { SampleProjections } from '../projected/projections.ts';
import { distance } from '../projected/session.ts';
import type { ProjectedSession } from '../projected/session.ts';
import { fallbacksOf } from './session.ts';
import type { DeviceSession } from './session.ts';

/** Directions with |H_ii| above this part of the largest are compared one by one. */
const cutoff = 1e-4;
/** Number of products compared; each costs the cpu a pass over all samples. */
const comparedProducts = 3;

/** @param found what the device gave along the pairs' vectors, over all samples; gradient [d]: as it was given to `project`. */
export async function projectedPrecision(
  pool: Pool,
  { plan, operator, space }: ProjectedSession,
  device: DeviceSession,
  pairs: Eigenpairs,
  found: SampleProjections,
  gradient: Float64Array,
): Promise<DevicePrecision> {
  const { vectors, values } = pairs;
  const largest = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const compared = Array.from(values.keys()).filter((i) => Math.abs(values[i]) > cutoff * largest);
  const lane = plan.lanes[0];
  const exact = await projectLane(pool, 0, vectors, centresOf(vectors, gradient));
  const k = found.k;
  const total = (sums: Float64Array, i: number): number => {
    let sum = 0;
    for (let block = 0; block < lane.endBlock; block++) sum += sums[block * k + i];
    return sum;
  };
  const error = (name: 'curvature' | 'squaredCurvature' | 'squaredGradient'): number =>
    compared.reduce((most, i) => {
      const value = total(exact[name], i);
      const gap = Math.abs(total(found.sums[name], i) - value);
      return value === 0 ? most : Math.max(most, gap / Math.abs(value));
    }, 0);
  const ends = [0, Math.floor((compared.length - 1) / 2), compared.length - 1];
  const tried = [...new Set(ends)].slice(0, comparedProducts).filter((at) => at >= 0);
  const [own, other] = [pool.allocate('float64', space.d), pool.allocate('float64', space.d)];
  // The comparison does not count towards the cost of the measurement.
  const { passes } = operator;
  let products = 0;
  for (const position of tried) {
    const v = vectors.subarray(compared[position] * space.d, (compared[position] + 1) * space.d);
    await operator.apply(v, own);
    await operator.applyExactly(v, other);
    if (largest > 0) products = Math.max(products, distance(own, 1, other) / largest);
  }
  operator.passes = passes;
  for (const array of [own, other]) pool.blas.release(array);
  return {
    device: device.title,
    samples: lane.end - lane.start,
    along: {
      cutoff,
      directions: compared.length,
      H: error('curvature'),
      Q: error('squaredCurvature'),
      C: error('squaredGradient'),
    },
    products: { directions: tried.length, H: products },
    ...fallbacksOf(device),
  };
}
