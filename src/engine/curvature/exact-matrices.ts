/** The first phase of the exact measurement (exact-phases.ts): passes over the samples, and the matrices C, H and Q over all of them. */
import { overflowError } from './overflow.ts';
import type { Real } from '../blas/types.ts';
import type { Network } from '../network/network.ts';
import type { Pool } from '../parallel/pool.ts';
import { deviceMomentSums } from './device/moments.ts';
import { openProblemTask } from './factors.ts';
import type { FactorLayout } from './factors.ts';
import type { MeasurementInput } from './measurement-input.ts';
import { meanGradient, momentSums, unpackMatrix } from './moments.ts';
import type { Half, MomentSums, PackedMatrix } from './moments.ts';
import type { MeasurementOptions } from './options.ts';
import { traceOf } from './spectrum.ts';
import type { Stages } from './stages.ts';

/** One exact measurement under way. */
export interface ExactContext {
  readonly pool: Pool;
  readonly input: MeasurementInput;
  readonly options: MeasurementOptions;
  readonly network: Network;
  readonly layout: FactorLayout;
  readonly d: number;
  readonly samples: number;
  /** Whether intervals are wanted, and there are samples enough for them: 4 in each half. */
  readonly hasIntervals: boolean;
  readonly stages: Stages;
}

const both = ['A', 'B'] as const satisfies readonly Half[];

/** Over all samples. */
export interface MeasuredMatrices {
  /** The packed sums of both halves, which the matrices of the halves are unpacked from. */
  readonly moments: MomentSums;
  readonly C: Real;
  readonly H: Real;
  readonly Q: Real;
  /** H itself if everything above the layer is piecewise linear. */
  readonly gaussNewton: Real;
  /** g [d]. */
  readonly gradient: Float64Array;
}

/** Passes over the samples and unpacks the matrices. Raises InputError if they leave the range of doubles. */
export async function measureMatrices(context: ExactContext): Promise<MeasuredMatrices> {
  const { pool, input, options, layout, d, samples, stages } = context;
  const { model, weights, inputs, targets } = input;
  await pool.runEverywhere(openProblemTask, { model, weights, inputs, targets });
  const seconds = { factors: 0, products: 0 };
  const momentOptions = {
    samples,
    seed: options.seed,
    seconds,
    signal: options.signal,
    onProgress: (share: number): void => {
      stages.tell('moments', 0.4 * share);
    },
  };
  const moments = await (options.device === undefined
    ? momentSums(pool, layout, momentOptions)
    : deviceMomentSums(options.device, pool, targets, layout, momentOptions));
  Object.assign(stages.seconds, seconds);
  const unpack = async (name: PackedMatrix): Promise<Real> => {
    const matrix = pool.allocate('float64', d * d);
    await stages.run('unpacking', 0.4, () => unpackMatrix(pool, moments, name, both, matrix));
    return matrix;
  };
  const H = await unpack('H');
  const C = await unpack('C');
  const Q = await unpack('Q');
  const gaussNewton = layout.blocks === 4 ? await unpack('gauss_newton') : H;
  checkOverflow({ C, H, Q }, d, options.parameter, inputs);
  return { moments, C, H, Q, gaussNewton, gradient: meanGradient(moments, both) };
}

/** Raises InputError if sums have left the range of doubles, naming what is too large. */
function checkOverflow(
  matrices: Readonly<Record<'C' | 'H' | 'Q', Real>>,
  d: number,
  parameter: string,
  inputs: Real,
): void {
  const broken = (['C', 'H', 'Q'] as const).filter((name) => !Number.isFinite(traceOf(matrices[name], d)));
  if (broken.length > 0)
    throw overflowError(parameter, `${broken.join(', ')} ${broken.length === 1 ? 'leaves' : 'leave'}`, inputs);
}
