/**
 * Repeated eigenvalues. Within a cluster (gap to a neighbour below `relativeGap` of the largest |eigenvalue|) the eigenvectors are any
 * basis of the subspace, so a single C_ii there depends on the LAPACK in use; the mean over the cluster (the trace of C over the
 * subspace, divided by its dimension) does not.
 */

/** Neighbours closer than this times the largest |eigenvalue| may be one repeated eigenvalue (docs/theory.md). */
export const clusterGap = 1e-8;

/**
 * They are one if the gap is also below this times their own size (or both are smaller than `clusterGap` times the largest, below
 * every cutoff). Among thousands of small eigenvalues neighbours are closer than 1e-8 of the largest merely because they are many:
 * without this condition they would chain into one cluster that spans decades, and its mean would bend the fit (on 2,500 eigenvalues
 * spread over 8 decades, the slope at a cutoff of 1e-8 from 1.20 to 1.10). Copies of one eigenvalue come out of the arithmetic within
 * some 1e-15 of the largest, which at the lowest cutoff is 1e-7 of their size.
 */
export const clusterOwnGap = 1e-6;

/**
 * Where clusters begin, with the number of eigenvalues as the last entry: cluster k holds eigenvalues starts[k] .. starts[k + 1] - 1.
 * A simple eigenvalue is a cluster of one. Neighbours chain: a run of small gaps is one cluster.
 * @param eigenvalues in decreasing order.
 * @param ownGap Infinity for the rule of `relativeGap` alone.
 */
export function clusterStarts(
  eigenvalues: ArrayLike<number>,
  relativeGap = clusterGap,
  ownGap = clusterOwnGap,
): Uint32Array {
  if (!(relativeGap >= 0 && ownGap >= 0))
    throw new Error(`clusters: expected a relative gap of at least 0, found ${relativeGap} and ${ownGap}`);
  const d = eigenvalues.length;
  if (d === 0) return Uint32Array.of(0);
  const gap = relativeGap * Math.max(Math.abs(eigenvalues[0]), Math.abs(eigenvalues[d - 1]));
  const starts = [0];
  for (let i = 1; i < d; i++) {
    const difference = eigenvalues[i - 1] - eigenvalues[i];
    if (!(difference >= 0))
      throw new Error(
        `clusters: eigenvalues must decrease, but number ${i} is ${eigenvalues[i]} after ${eigenvalues[i - 1]}`,
      );
    const size = Math.max(Math.abs(eigenvalues[i - 1]), Math.abs(eigenvalues[i]));
    const one = difference < gap && (difference < ownGap * size || size < gap);
    if (!one) starts.push(i);
  }
  starts.push(d);
  return Uint32Array.from(starts);
}

/**
 * A diagonal with the values of each cluster replaced by the cluster's mean; a new array.
 * For the cross-fitted diagonals `eigenvalues` are those of the half that gave the directions, and H_ii from the other half is averaged
 * like C_ii and Q_ii.
 */
export function averageClusters(
  eigenvalues: ArrayLike<number>,
  diagonal: ArrayLike<number>,
  relativeGap = clusterGap,
  ownGap = clusterOwnGap,
): Float64Array {
  if (eigenvalues.length !== diagonal.length)
    throw new Error(`clusters: ${eigenvalues.length} eigenvalues for ${diagonal.length} diagonal entries`);
  const starts = clusterStarts(eigenvalues, relativeGap, ownGap);
  const averaged = Float64Array.from(diagonal);
  for (let k = 0; k + 1 < starts.length; k++) {
    const [start, end] = [starts[k], starts[k + 1]];
    if (end - start === 1) continue;
    let sum = 0;
    for (let i = start; i < end; i++) sum += diagonal[i];
    averaged.fill(sum / (end - start), start, end);
  }
  return averaged;
}
