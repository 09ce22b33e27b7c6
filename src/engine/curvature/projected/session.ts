/** Worker threads set up for full-batch products, in a session that is opened, used and closed. */
import type { MeasurementInput } from '../measurement-input.ts';
import { openProblemTask } from '../factors.ts';
import { overflowError } from '../overflow.ts';
import { gradientsTask } from './tasks.ts';
import { openProjectedTask, closeProjectedTask } from './linearised.ts';
import { InputError } from '../../../shared/errors.ts';
import { CpuBackend } from '../../backend/cpu.ts';
import type { Real } from '../../blas/types.ts';
import { Network } from '../../network/network.ts';
import type { Pool } from '../../parallel/pool.ts';
import { DeviceProducts } from '../device/products.ts';
import { splitHalves } from '../moments.ts';
import type { Half } from '../moments.ts';
import type { ProjectedOptions } from '../options.ts';
import type { Eigenpairs } from './lanczos.ts';
import { HessianOperator } from './operator.ts';
import { planSamples } from './plan.ts';
import type { SamplePlan } from './plan.ts';
import { projectSamples } from './projections.ts';
import type { ProjectionTask, SampleProjections } from './projections.ts';
import { spaceOf } from './space.ts';

/** `device` makes the Hessian-vector products and the samples' values along directions in float32; the first gradients are computed here in float64. */
export type SessionOptions = Pick<
  ProjectedOptions,
  'parameter' | 'samples' | 'seed' | 'cacheBytes' | 'device' | 'signal'
> & {
  /** Number of a further random split into halves; default the first. */
  readonly split?: number | undefined;
};

const both = ['A', 'B'] as const;

/** Common setup of full-batch products: the samples' plan, the operator, and worker threads that are set up. */
export interface ProjectedSession {
  readonly network: Network;
  readonly space: ReturnType<typeof spaceOf>;
  readonly plan: SamplePlan;
  readonly operator: HessianOperator;
  readonly samples: number;
  /** One full-batch gradient. @param squares whether |g_p|^2 is wanted too. */
  readonly gradients: (squares: boolean) => Promise<Gradients>;
  /** The values of every sample along directions, from the device if there is one. */
  readonly project: (task: ProjectionTask) => Promise<SampleProjections>;
  readonly close: () => Promise<void>;
}

/** Sets the worker threads up. Raises InputError if the parameter does not exist or there are fewer than 8 samples. */
export async function openSession(
  pool: Pool,
  input: MeasurementInput,
  options: SessionOptions,
): Promise<ProjectedSession> {
  const network = new Network(input.model, new CpuBackend(pool.blas, 'float64'));
  const available = input.inputs.length / network.inputSize;
  const samples = options.samples ?? available;
  if (!(samples >= 8))
    throw new InputError(`a projected measurement needs at least 8 samples (2 in each quarter); there are ${samples}`);
  if (samples > available) throw new InputError(`${samples} samples were asked for; the data has ${available}`);
  const space = spaceOf(network, options.parameter);
  const { order, sizeA } = splitHalves(samples, options.seed, options.split);
  const plan = planSamples(network, order, sizeA);
  const { weights, inputs, targets } = input;
  await pool.runEverywhere(openProblemTask, { model: input.model, weights, inputs, targets });
  await pool.runEverywhere(openProjectedTask, {
    parameter: options.parameter,
    plan,
    workers: pool.threads,
    cacheBytes:
      (options.cacheBytes ?? (pool.blas.kind === 'wasm' ? 2 ** 28 : 2 ** 30)) /
      pool.threads /
      (pool.blas.kind === 'wasm' ? 4 : 1),
    counter: new Int32Array(new SharedArrayBuffer(4)),
  });
  const { device } = options;
  const products = device === undefined ? null : new DeviceProducts(device, space, order);
  const overflow = (): Error => overflowError(options.parameter, 'the gradient or its derivatives leave', inputs);
  const operator = new HessianOperator(pool, plan, space.d, overflow, products);
  const close = async (): Promise<void> => {
    operator.release();
    await pool.runEverywhere(closeProjectedTask, undefined);
  };
  const gradients = (squares: boolean): Promise<Gradients> => measureGradients(pool, plan, operator, space.d, squares);
  const projecting = device === undefined ? null : { session: device, space, signal: options.signal };
  const project = (task: ProjectionTask): Promise<SampleProjections> => projectSamples(pool, plan, task, projecting);
  return { network, space, plan, operator, samples, gradients, project, close };
}

export interface Gradients {
  /** Mean gradients [d] over all samples and over each half. */
  readonly gradients: Readonly<Record<Half | 'all', Float64Array>>;
  readonly lossSum: number;
  readonly correct: number;
  /** mean_p |g_p|^2; 0 unless asked for. */
  readonly meanSquare: number;
}

async function measureGradients(
  pool: Pool,
  plan: SamplePlan,
  operator: HessianOperator,
  d: number,
  squares: boolean,
): Promise<Gradients> {
  const results = await Promise.all(
    plan.lanes.map((_, lane) => pool.run(gradientsTask, { lane, sum: pool.reference(operator.slot(lane)), squares })),
  );
  const mean = (halves: readonly Half[]): Float64Array => {
    const out = new Float64Array(d);
    operator.sum(
      plan.lanes.flatMap((lane, l) => (halves.includes(lane.half) ? [l] : [])),
      halves,
      out,
    );
    return out;
  };
  const gradients = { all: mean(both), A: mean(['A']), B: mean(['B']) };
  operator.passes = 0;
  let [lossSum, correct, squareSum] = [0, 0, 0];
  for (const result of results) {
    lossSum += result.lossSum;
    correct += result.correct;
    squareSum += result.squares;
  }
  return { gradients, lossSum, correct, meanSquare: squareSum / plan.order.length };
}

/** ||H v_i - lambda_i v_i||, by new products: on the device if the operator has one. */
export async function trueResiduals(
  pool: Pool,
  operator: HessianOperator,
  pairs: Eigenpairs,
  d: number,
): Promise<Float64Array> {
  const out = pool.allocate('float64', d);
  const residuals = new Float64Array(pairs.values.length);
  for (let i = 0; i < residuals.length; i++) {
    const v = pairs.vectors.subarray(i * d, (i + 1) * d);
    await operator.apply(v, out);
    residuals[i] = distance(out, pairs.values[i], v);
  }
  pool.blas.release(out);
  return residuals;
}

/** |x - factor y|. */
export function distance(x: Real, factor: number, y: Real): number {
  let sum = 0;
  for (let j = 0; j < x.length; j++) sum += (x[j] - factor * y[j]) ** 2;
  return Math.sqrt(sum);
}
