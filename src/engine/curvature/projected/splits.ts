/**
 * Cross-fitting over more random splits of the samples into halves, by the projected method: the median over splits is what is quoted, and what they scatter by belongs
 * in its interval (../splits.ts, which does the same from packed sums).
 *
 * Each split is a session of its own with its own order of the samples: the leading eigenpairs of H over each half, and C_ii, H_ii and Q_ii of the other half
 * along them. What makes directions of one half serve is that the other half had no part in them, not that they are eigenvectors to many digits, so these searches end
 * at a larger residual than that of the first split.
 */
import type { Pool } from '../../parallel/pool.ts';
import { averageClusters } from '../../statistics/index.ts';
import type { Diagonals } from '../../statistics/index.ts';
import type { MeasurementInput } from '../measurement-input.ts';
import type { Half } from '../moments.ts';
import type { ProjectedOptions } from '../options.ts';
import { convergedBelow, moreSplits, splitDirections } from '../splits.ts';
import { lanczos } from './lanczos.ts';
import type { Eigenpairs } from './lanczos.ts';
import { meansOf } from './projections.ts';
import { openSession } from './session.ts';
import type { ProjectedSession } from './session.ts';

/** The splits that were measured, each two sets of directions; a split whose searches did not converge is left out. */
export interface ProjectedSplits {
  readonly pairs: readonly (readonly [Diagonals, Diagonals])[];
  /** Full-batch passes that they took. */
  readonly passes: number;
}

/**
 * @param eigenvalues of H over all samples, decreasing [k].
 */
export async function measureProjectedSplits(
  pool: Pool,
  input: MeasurementInput,
  options: ProjectedOptions,
  eigenvalues: Float64Array,
): Promise<ProjectedSplits> {
  const count = splitDirections(eigenvalues);
  const pairs: (readonly [Diagonals, Diagonals])[] = [];
  let passes = 0;
  for (let split = 1; split <= moreSplits; split++) {
    options.onProgress?.('splits', (split - 1) / moreSplits);
    const session = await openSession(pool, input, { ...options, split });
    try {
      const pair = await measureSplit(pool, session, options, count);
      if (pair !== null) pairs.push(pair);
      passes += session.operator.passes + count;
    } finally {
      await session.close();
    }
  }
  return { pairs, passes };
}

async function measureSplit(
  pool: Pool,
  session: ProjectedSession,
  { seed, signal, maxProducts }: ProjectedOptions,
  count: number,
): Promise<readonly [Diagonals, Diagonals] | null> {
  const { operator, space, plan } = session;
  const { gradients } = await session.gradients(false);
  const search = (half: Half): Promise<Eigenpairs> =>
    lanczos(pool, space.d, (v, out) => operator.apply(v, out, [half]), {
      count,
      which: 'largest',
      seed,
      tolerance: convergedBelow,
      maxProducts,
      checkCopies: false,
      signal,
    });
  const along = async ({ values, vectors }: Eigenpairs, half: Half): Promise<Diagonals> => {
    const projections = await session.project({
      vectors,
      gradient: gradients[half],
      halves: [half],
      covariance: false,
    });
    const { H, C, Q } = meansOf(projections, plan, projections.blocks);
    const average = (diagonal: Float64Array): Float64Array => averageClusters(values, diagonal);
    return { selection: values, H: average(H), C: average(C), Q: average(Q) };
  };
  const A = await search('A');
  const B = await search('B');
  const pair = A.converged && B.converged ? ([await along(A, 'B'), await along(B, 'A')] as const) : null;
  for (const { vectors } of [A, B]) pool.blas.release(vectors);
  return pair;
}
