/** The projected method: leading eigenpairs of a whole network, and a layer whose matrices are too large, beside full-batch gradients. */
import type { MeasurementInput } from '../../engine/curvature/measurement-input.ts';
import { lanczos } from '../../engine/curvature/projected/lanczos.ts';
import { measureProjected } from '../../engine/curvature/projected/measure.ts';
import { openSession, trueResiduals } from '../../engine/curvature/projected/session.ts';
import type { ProjectedSession } from '../../engine/curvature/projected/session.ts';
import { wholeNetwork } from '../../engine/curvature/projected/space.ts';
import type { Pool } from '../../engine/parallel/pool.ts';
import { peakBytes, resetPeak } from './memory.ts';

export interface PassCosts {
  /** Seconds of one full-batch gradient, and of one Hessian-vector product: with the samples' passes kept, and repeated each time. */
  readonly gradient: number;
  readonly product: number;
  readonly productUncached: number;
}

export interface EigenpairsBench {
  readonly d: number;
  readonly seconds: number;
  readonly products: number;
  readonly eigenvalues: Float64Array;
  /** Largest ||H v - lambda v|| / |lambda| and, bounding the eigenvalues' relative errors, the largest of residual^2 / gap over |lambda|. */
  readonly residual: number;
  readonly eigenvalueError: number;
  readonly costs: PassCosts;
}

/** The `count` largest eigenpairs of the Hessian of all parameters, to residuals of `tolerance` times the eigenvalue. */
export async function eigenpairsBench(
  pool: Pool,
  input: MeasurementInput,
  task: { readonly samples: number; readonly count: number; readonly tolerance: number },
): Promise<EigenpairsBench> {
  const { samples, count, tolerance } = task;
  const options = { parameter: wholeNetwork, samples, seed: 1 };
  const begun = performance.now();
  const session = await openSession(pool, input, options);
  const pairs = await lanczos(pool, session.space.d, (v, out) => session.operator.apply(v, out), {
    count,
    which: 'largest',
    seed: 1,
    tolerance,
    maxProducts: 20 * count + 500,
  });
  const seconds = (performance.now() - begun) / 1000;
  const residuals = await trueResiduals(pool, session.operator, pairs, session.space.d);
  const { values } = pairs;
  const relative = residuals.map((r, i) => r / Math.abs(values[i]));
  const errors = residuals.map((r, i) => {
    const gap = values.reduce((least, x, j) => (j === i ? least : Math.min(least, Math.abs(x - values[i]))), Infinity);
    return Math.min(r, (r * r) / Math.max(gap - r, Number.MIN_VALUE)) / Math.abs(values[i]);
  });
  pool.blas.release(pairs.vectors);
  const costs = await passCosts(pool, session, () => openSession(pool, input, { ...options, cacheBytes: 0 }));
  return {
    d: session.space.d,
    seconds,
    products: pairs.products,
    eigenvalues: values,
    residual: Math.max(...relative),
    eigenvalueError: Math.max(...errors),
    costs,
  };
}

export interface LayerBench {
  readonly d: number;
  readonly k: number;
  /** By stage, and `total`. */
  readonly seconds: Readonly<Record<string, number>>;
  readonly peakBytes: number;
  /** Work in Hessian-vector products over all samples. */
  readonly passes: number;
  readonly converged: boolean;
  readonly costs: PassCosts;
}

/** The whole projected measurement of one parameter along its leading directions, intervals and cross-fitting included. */
export async function layerBench(
  pool: Pool,
  input: MeasurementInput,
  task: { readonly parameter: string; readonly samples: number; readonly top: number },
): Promise<LayerBench> {
  resetPeak();
  const { summary } = await measureProjected(pool, input, { ...task, seed: 1 });
  const peak = peakBytes();
  const options = { parameter: task.parameter, samples: task.samples, seed: 1 };
  const session = await openSession(pool, input, options);
  const costs = await passCosts(pool, session, () => openSession(pool, input, { ...options, cacheBytes: 0 }));
  return {
    d: summary.d,
    k: task.top,
    seconds: summary.seconds,
    peakBytes: peak,
    passes: summary.projected?.passes ?? NaN,
    converged: summary.projected?.converged ?? false,
    costs,
  };
}

/** Closes the session. */
async function passCosts(
  pool: Pool,
  session: ProjectedSession,
  withoutCache: () => Promise<ProjectedSession>,
): Promise<PassCosts> {
  const { d } = session.space;
  const v = pool.allocate('float64', d).fill(1 / Math.sqrt(d));
  const out = pool.allocate('float64', d);
  const least = async (body: () => Promise<unknown>): Promise<number> => {
    await body();
    let best = Infinity;
    for (let i = 0; i < 5; i++) {
      const begun = performance.now();
      await body();
      best = Math.min(best, (performance.now() - begun) / 1000);
    }
    return best;
  };
  const product = await least(() => session.operator.apply(v, out));
  const gradient = await least(() => session.gradients(false));
  await session.close();
  const uncached = await withoutCache();
  const productUncached = await least(() => uncached.operator.apply(v, out));
  await uncached.close();
  pool.blas.release(v);
  pool.blas.release(out);
  return { gradient, product, productUncached };
}
