/**
 * The sums over sample blocks behind a measurement's intervals as arrays of numbers, for the file of its result: with them the same bootstrap gives
 * the interval at any cutoff later, without the samples.
 *
 * `interval_blocks` [B, 3]: quarter, start and end of each block. Of each set of directions (all samples, from half A, from half B) one array:
 *   m, g, largest, indices [m], starts [g + 1], selection [g], weights [g], then curvature, squared curvature, gradient, squared gradient, each [rows, m].
 */
import type { IntervalArrays } from '../../shared/results.ts';
import type { BlockProjections, ProjectedDirections, ProjectionSums, Quarter } from './blocks.ts';

const sumNames = [
  'curvature',
  'squaredCurvature',
  'gradient',
  'squaredGradient',
] as const satisfies readonly (keyof ProjectionSums)[];

export function packProjections({ blocks, training_set, cross_fitted }: BlockProjections): IntervalArrays {
  return {
    interval_blocks: Float64Array.from(blocks.flatMap(({ quarter, start, end }) => [quarter, start, end])),
    interval_training_set: packSet(training_set),
    interval_from_A: packSet(cross_fitted[0]),
    interval_from_B: packSet(cross_fitted[1]),
  };
}

/** The reverse; the traces over blocks, which no interval of a slope needs, are not kept. */
export function unpackProjections(arrays: IntervalArrays): BlockProjections {
  const flat = arrays.interval_blocks;
  const blocks = Array.from({ length: flat.length / 3 }, (_, b) => ({
    quarter: flat[3 * b] as Quarter,
    start: flat[3 * b + 1],
    end: flat[3 * b + 2],
  }));
  return {
    blocks,
    training_set: unpackSet(arrays.interval_training_set),
    cross_fitted: [unpackSet(arrays.interval_from_A), unpackSet(arrays.interval_from_B)],
  };
}

function packSet({ directions, sums }: ProjectedDirections): Float64Array {
  const { indices, starts, selection, weights, largest } = directions;
  const parts = [[indices.length, selection.length, largest], indices, starts, selection, weights];
  const all = [...parts, ...sumNames.map((name) => sums[name])];
  const packed = new Float64Array(all.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of all) {
    packed.set(part, at);
    at += part.length;
  }
  return packed;
}

function unpackSet(packed: Float64Array): ProjectedDirections {
  const [m, groups, largest] = packed;
  let at = 3;
  const next = (length: number): Float64Array => packed.subarray(at, (at += length));
  const directions = {
    indices: Uint32Array.from(next(m)),
    starts: Uint32Array.from(next(groups + 1)),
    selection: next(groups),
    weights: next(groups),
    largest,
  };
  const size = (packed.length - at) / sumNames.length;
  const sums = Object.fromEntries(sumNames.map((name) => [name, next(size)])) as Record<
    keyof ProjectionSums,
    Float64Array
  >;
  return { directions, sums };
}
