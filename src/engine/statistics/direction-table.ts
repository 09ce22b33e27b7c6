/**
 * The numbers behind one set of directions as the bootstrap reads them: values over all samples, and a table of block sums relative to these.
 * Letters: b block (row), u usable group of directions, j member of a group.
 */
import type { Triple } from '../../shared/cutoffs.ts';
import type { ProjectionSums } from './blocks.ts';

/** H_ii, C_ii, Q_ii of every group from the given rows, each block counted once. */
export function totals(
  sums: ProjectionSums,
  sizes: Float64Array,
  starts: Uint32Array,
  [from, to]: readonly [number, number],
): Triple {
  const groups = starts.length - 1;
  const k = starts[groups];
  let samples = 0;
  for (let b = from; b < to; b++) samples += sizes[b];
  const total = (array: Float64Array, j: number) => {
    let sum = 0;
    for (let b = from; b < to; b++) sum += array[b * k + j];
    return sum / samples;
  };
  const out = { H: new Float64Array(groups), C: new Float64Array(groups), Q: new Float64Array(groups) };
  for (let g = 0; g < groups; g++) {
    const size = starts[g + 1] - starts[g];
    for (let j = starts[g]; j < starts[g + 1]; j++) {
      out.H[g] += total(sums.curvature, j) / size;
      out.Q[g] += total(sums.squaredCurvature, j) / size;
      out.C[g] += (total(sums.squaredGradient, j) - total(sums.gradient, j) ** 2) / size;
    }
  }
  return out;
}

/** Fills the table [rows, 4 m] of DirectionFits; `members` are columns of the sums, `starts` and `base` go by usable groups. */
export function gather(
  sums: ProjectionSums,
  k: number,
  rows: number,
  members: readonly number[],
  starts: Uint32Array,
  base: Triple,
  table: Float64Array,
): void {
  const m = members.length;
  for (let u = 0; u + 1 < starts.length; u++) {
    const size = starts[u + 1] - starts[u];
    const columns: readonly (readonly [Float64Array, number])[] = [
      [sums.curvature, 1 / (size * base.H[u])],
      [sums.squaredCurvature, 1 / (size * base.Q[u])],
      [sums.gradient, 1 / Math.sqrt(size * base.C[u])],
      [sums.squaredGradient, 1 / (size * base.C[u])],
    ];
    for (let at = starts[u]; at < starts[u + 1]; at++) {
      columns.forEach(([array, scale], quantity) => {
        for (let b = 0; b < rows; b++) table[(b * 4 + quantity) * m + at] = scale * array[b * k + members[at]];
      });
    }
  }
}

export function range(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, i) => start + i);
}
