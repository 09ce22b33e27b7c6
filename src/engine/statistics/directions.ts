/**
 * Which eigendirections the intervals are computed along. All of them up to `count`; beyond that a stated subset, each chosen direction
 * standing for the stratum of neighbours around it with their number as its weight, so that a weighted fit over the subset follows the
 * fit over all directions. The first quarter of `count` are all taken, each for itself; the strata below are even in the mean of two
 * coordinates, rank and logarithm of the eigenvalue, so that crowded and sparse decades are both sampled.
 */
import { clusterGap, clusterStarts } from './clusters.ts';

/** A subset of the directions. Groups k: one direction each, or all members of one cluster, whose values are averaged. */
export interface ChosenDirections {
  /** Numbers of the chosen directions in the decreasing order of eigenvalues, increasing. */
  readonly indices: Uint32Array;
  /** Group k holds indices[starts[k]] .. indices[starts[k + 1] - 1]. */
  readonly starts: Uint32Array;
  /** Mean eigenvalue of group k, decreasing. */
  readonly selection: Float64Array;
  /** Number of directions that group k stands for; they add up to the number of eligible directions. */
  readonly weights: Float64Array;
  /** The largest eigenvalue of all, which cutoffs are relative to. */
  readonly largest: number;
}

export interface ChooseOptions {
  /** Most directions to choose, >= 3; defaults to 400. */
  readonly count?: number;
  /** Eigenvalues at or below are not eligible, >= 0; the numerical floor of H. Defaults to 0. */
  readonly floor?: number;
  /** Eigenvalues at or below this times the largest are not eligible; defaults to 1e-8, the lowest standard cutoff. */
  readonly lowestCutoff?: number;
  /** See clusters.ts; clusters are measured whole and averaged. */
  readonly relativeGap?: number;
}

/**
 * @param eigenvalues in decreasing order. Without a positive one the choice is empty.
 * A cluster with more than count / 4 members is represented by its first count / 4, because all of it would leave no room for others.
 */
export function chooseDirections(eigenvalues: ArrayLike<number>, options: ChooseOptions = {}): ChosenDirections {
  const { count = 400, floor = 0, lowestCutoff = 1e-8, relativeGap = clusterGap } = options;
  if (!(count >= 3)) throw new Error(`chooseDirections: expected a count of at least 3, found ${count}`);
  if (!(floor >= 0 && lowestCutoff >= 0))
    throw new Error(
      `chooseDirections: expected a floor and a cutoff of at least 0, found ${floor} and ${lowestCutoff}`,
    );
  const all = clusterStarts(eigenvalues, relativeGap);
  const largest = eigenvalues.length > 0 ? eigenvalues[0] : 0;
  const threshold = Math.max(floor, lowestCutoff * largest, 0);

  const clusters: Cluster[] = [];
  for (let k = 0; k + 1 < all.length; k++) {
    const [start, end] = [all[k], all[k + 1]];
    let sum = 0;
    for (let i = start; i < end; i++) sum += eigenvalues[i];
    const eigenvalue = sum / (end - start);
    if (!(eigenvalue > threshold)) break;
    clusters.push({ start, end, eigenvalue, taken: Math.min(end - start, Math.max(1, Math.floor(count / 4))) });
  }
  const strata = stratify(clusters, count);
  const taken = strata.map((stratum) => stratum.representative);
  const starts = new Uint32Array(taken.length + 1);
  taken.forEach((c, k) => (starts[k + 1] = starts[k] + c.taken));
  return {
    indices: Uint32Array.from(taken.flatMap(({ start, taken: n }) => Array.from({ length: n }, (_, i) => start + i))),
    starts,
    selection: Float64Array.from(taken, (c) => c.eigenvalue),
    weights: Float64Array.from(strata, (stratum) => stratum.size),
    largest,
  };
}

interface Cluster {
  readonly start: number;
  readonly end: number;
  readonly eigenvalue: number;
  /** Members that would be measured. */
  readonly taken: number;
}

interface Stratum {
  readonly representative: Cluster;
  /** Directions in the stratum. */
  readonly size: number;
}

/** As many strata as keep the measured directions within `count`. */
function stratify(clusters: readonly Cluster[], count: number): Stratum[] {
  const cost = (strata: readonly Stratum[]) => strata.reduce((sum, s) => sum + s.representative.taken, 0);
  const singles = clusters.map((c) => ({ representative: c, size: c.end - c.start }));
  if (cost(singles) <= count) return singles;

  const top: Stratum[] = [];
  while (cost(top) + singles[top.length].representative.taken <= count / 4) top.push(singles[top.length]);
  const rest = clusters.slice(top.length);
  const [first, last] = [rest[0], rest.at(-1)];
  const ranks = last.start - first.start;
  const logRange = Math.log(first.eigenvalue / last.eigenvalue);
  const position = rest.map((c) => {
    const byRank = ranks > 0 ? (c.start - first.start) / ranks : 0;
    const bySize = logRange > 0 ? Math.log(first.eigenvalue / c.eigenvalue) / logRange : 0;
    return (byRank + bySize) / 2;
  });
  const divide = (cells: number): Stratum[] => {
    const cellOf = (k: number) => Math.min(Math.floor(position[k] * cells), cells - 1);
    const strata: Stratum[] = [];
    for (let start = 0; start < rest.length;) {
      let end = start + 1;
      while (end < rest.length && cellOf(end) === cellOf(start)) end++;
      strata.push({ representative: rest[(start + end - 1) >>> 1], size: rest[end - 1].end - rest[start].start });
      start = end;
    }
    return strata;
  };
  // Empty cells cost nothing, so more cells than `count` may fit.
  let low = 1;
  let high = 8 * count;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (cost(top) + cost(divide(middle)) <= count) low = middle;
    else high = middle;
  }
  return [...top, ...divide(low)];
}
