/** Traces of C, H and Q where no d x d matrix exists. */
import { Random } from '../../../shared/random.ts';
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
 * Traces: of C exactly, mean |g_p|^2 - |g|^2; of H and Q as sums over all directions where all were found, else the mean of z . H z and of
 * mean_p |h_p z|^2 over random signs z (Hutchinson 1990), with their standard errors.
 */
export async function measureTraces(
  pool: Pool,
  { plan, project }: ProjectedSession,
  first: Gradients,
  task: {
    readonly k: number;
    readonly d: number;
    readonly means: { readonly H: Float64Array; readonly Q: Float64Array };
    readonly probes: number;
    readonly seed: number;
  },
): Promise<Traces> {
  const { k, d, means, probes, seed } = task;
  const sum = (values: Float64Array): number => values.reduce((total, x) => total + x, 0);
  const g = first.gradients.all;
  const C = first.meanSquare - g.reduce((total, x) => total + x * x, 0);
  if (k === d) return { C, H: sum(means.H), Q: sum(means.Q), probes: 0, standardError: { H: 0, Q: 0 } };
  const vectors = pool.allocate('float64', probes * d);
  const random = new Random(seed, 'trace probes');
  for (let i = 0; i < vectors.length; i++) vectors[i] = random.uint32() >= 2 ** 31 ? 1 : -1;
  const projections = await project({ vectors, gradient: g, halves: ['A', 'B'], covariance: false });
  pool.blas.release(vectors);
  const values = meansOf(projections, plan, projections.blocks);
  const standardError = (x: Float64Array): number => {
    const mean = sum(x) / probes;
    return Math.sqrt(x.reduce((total, each) => total + (each - mean) ** 2, 0) / (probes - 1) / probes);
  };
  return {
    C,
    H: sum(values.H) / probes,
    Q: sum(values.Q) / probes,
    probes,
    standardError: { H: standardError(values.H), Q: standardError(values.Q) },
  };
}
