/** Traces of C, H and Q if no d x d matrix exists. */
import { Random } from '../../../shared/random.ts';
import type { Real } from '../../blas/types.ts';
import type { Pool } from '../../parallel/pool.ts';
import { meansOf } from './projections.ts';
import type { Gradients, ProjectedSession } from './session.ts';

export interface Traces {
  readonly C: number;
  readonly H: number;
  readonly Q: number;
  readonly probes: number;
  readonly standardError: { readonly H: number; readonly Q: number };
}

/**
 * Traces: of C exactly, mean |g_p|^2 - |g|^2; of H and Q as sums over all directions if all were found, else from random signs z (Hutchinson 1990) with what the directions found
 * hold taken out of each and added exactly, tr H = sum_i H_ii + mean_z [z . H z - sum_i H_ii (v_i . z)^2], and Q likewise: unbiased whatever the directions, and since they carry most of
 * what scatters (Meyer, Musco, Musco & Woodruff, SOSA 2021, arXiv:2010.09649), with far smaller standard errors.
 */
export async function measureTraces(
  pool: Pool,
  { plan, project }: ProjectedSession,
  first: Gradients,
  task: {
    readonly d: number;
    /** v_i [k, d]. */
    readonly found: Real;
    /** H_ii and Q_ii along them. */
    readonly means: { readonly H: Float64Array; readonly Q: Float64Array };
    readonly probes: number;
    readonly seed: number;
  },
): Promise<Traces> {
  const { d, found, means, probes, seed } = task;
  const k = means.H.length;
  const sum = (values: Float64Array): number => values.reduce((total, x) => total + x, 0);
  const g = first.gradients.all;
  const C = first.meanSquare - g.reduce((total, x) => total + x * x, 0);
  if (k === d) return { C, H: sum(means.H), Q: sum(means.Q), probes: 0, standardError: { H: 0, Q: 0 } };
  const vectors = pool.allocate('float64', probes * d);
  const random = new Random(seed, 'trace probes');
  for (let i = 0; i < vectors.length; i++) vectors[i] = random.uint32() >= 2 ** 31 ? 1 : -1;
  const along = pool.allocate('float64', probes * k);
  pool.blas.gemm(false, true, probes, k, d, 1, vectors, d, found, d, 0, along, k);
  const projections = await project({ vectors, gradient: g, halves: ['A', 'B'], covariance: false });
  const values = meansOf(projections, plan, projections.blocks);
  const rest = (x: Float64Array, own: Float64Array): Float64Array =>
    x.map((value, z) => own.reduce((left, each, i) => left - each * along[z * k + i] ** 2, value));
  const [H, Q] = [rest(values.H, means.H), rest(values.Q, means.Q)];
  pool.blas.release(vectors);
  pool.blas.release(along);
  const standardError = (x: Float64Array): number => {
    const mean = sum(x) / probes;
    return Math.sqrt(x.reduce((total, each) => total + (each - mean) ** 2, 0) / (probes - 1) / probes);
  };
  return {
    C,
    H: sum(means.H) + sum(H) / probes,
    Q: sum(means.Q) + sum(Q) / probes,
    probes,
    standardError: { H: standardError(H), Q: standardError(Q) },
  };
}
