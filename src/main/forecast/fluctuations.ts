/** Seconds of the weights' fluctuations: so many steps of SGD in double precision and so many passes over the samples, at rates tried on the network itself. */
import { openProblemTask } from '../../engine/curvature/factors.ts';
import { mostComponents } from '../../engine/curvature/fluctuations/components.ts';
import { enteringOf } from '../../engine/curvature/fluctuations/entering.ts';
import { followStretch, stretchLength } from '../../engine/curvature/fluctuations/measure.ts';
import { stepBatches, stepLossTask } from '../../engine/curvature/fluctuations/steps.ts';
import type { MeasurementInput } from '../../engine/curvature/measurement-input.ts';
import { openSession } from '../../engine/curvature/projected/session.ts';
import type { Pool } from '../../engine/parallel/pool.ts';
import { defaultBatchSize } from '../../shared/minibatch.ts';
import { Random } from '../../shared/random.ts';
import type { WeightFluctuationsSpec } from '../../shared/weight-fluctuations.ts';
import { digest, secondsOf } from './rates.ts';
import type { RateBook } from './rates.ts';

/** Losses of all samples that the width along one component takes, and directions of the trial. */
const lossesOfComponent = 45;
const trialDirections = 4;
const trialSteps = 640;

/**
 * @param d weights of the parameter
 * @param samples that are measured, of which the data may hold fewer
 */
export async function fluctuationSeconds(
  book: RateBook,
  pool: Pool,
  input: MeasurementInput,
  task: { readonly parameter: string; readonly d: number; readonly samples: number; readonly present: number },
  spec: WeightFluctuationsSpec,
): Promise<number> {
  const { parameter, d } = task;
  const present = Math.min(task.samples, task.present);
  const batch = spec.batch_size ?? defaultBatchSize;
  const k = Math.min(spec.directions, d);
  const name = `fluctuations/${digest([input.model, parameter, batch, k, spec.frozen, present, 'from the lowest layer that moves'])}`;
  const rate = await book.rate(name, () =>
    tried(pool, input, { parameter, samples: present, batch: Math.min(batch, present), k, d }, spec),
  );
  const scale = task.samples / present;
  const threads = Math.min(pool.threads, spec.modes.length);
  let steps = 0;
  for (const mode of spec.modes) {
    const { burnIn, steps: watched } = stretchLength(mode, spec, task.samples, batch);
    steps += burnIn + watched;
  }
  const passes = spec.modes.length * mostComponents * lossesOfComponent + stepBatches;
  return (
    (steps * rate['step']) / threads +
    scale * (spec.modes.length * (k + mostComponents) * rate['direction'] + (passes * rate['loss']) / pool.threads)
  );
}

async function tried(
  pool: Pool,
  input: MeasurementInput,
  {
    parameter,
    samples,
    batch,
    k,
    d,
  }: Readonly<Record<'samples' | 'batch' | 'k' | 'd', number>> & { readonly parameter: string },
  spec: WeightFluctuationsSpec,
): Promise<{ step: number; direction: number; loss: number }> {
  const random = new Random(1, 'forecast');
  const fill = (rows: number): Float64Array =>
    Float64Array.from({ length: rows * d }, () => random.normal() / Math.sqrt(d));
  const vectors = pool.allocate('float64', k * d);
  vectors.set(fill(k));
  const few = pool.allocate('float64', trialDirections * d);
  few.set(fill(trialDirections));
  const gradient = pool.allocate('float64', d);
  gradient.fill(0);
  try {
    const { model, weights, inputs, targets } = input;
    await pool.runEverywhere(openProblemTask, { model, weights, inputs, targets });
    const loss =
      (await secondsOf(() =>
        pool.run(stepLossTask, { parameter, samples, gradients: pool.reference(gradient), rate: 0 }),
      )) / 2;
    let step = 0;
    const entering = await enteringOf(pool, input, { parameter, samples, frozen: spec.frozen });
    const following = {
      parameter,
      samples,
      // A rate at which nothing moves far.
      spec: { ...spec, steps: trialSteps, burn_in: 0, batch_size: batch },
      directions: {
        numbers: Array.from({ length: k }, (_, i) => i),
        eigenvalues: [],
        C: [],
        vectors: new Float64Array(),
      },
      frozen: spec.frozen,
      setting: { mode: 'with_replacement' as const, rate: 1e-9, momentum: 0, batch, population: samples },
      vectors,
      entering,
    };
    step = await secondsOf(async () => {
      const { arrays } = await followStretch(pool, input, following);
      for (const array of arrays) pool.blas.release(array);
    });
    if (entering !== null) pool.blas.release(entering);
    const session = await openSession(pool, input, { parameter, samples, seed: 1 });
    try {
      const direction = await secondsOf(() =>
        session.project({ vectors: few, gradient: new Float64Array(d), halves: ['A', 'B'], covariance: false }),
      );
      return { step: step / trialSteps, direction: direction / trialDirections, loss };
    } finally {
      await session.close();
    }
  } finally {
    for (const array of [vectors, few, gradient]) pool.blas.release(array);
  }
}
