/** Seconds of the noise of minibatches: gradients of so many drawn batches, at the rate of a few that are tried on the network itself. */
import type { MeasurementInput } from '../../engine/curvature/measurement-input.ts';
import { defaultBatchSize } from '../../shared/minibatch.ts';
import type { MinibatchNoiseSpec } from '../../shared/minibatch.ts';
import { Random } from '../../shared/random.ts';
import { batchesOf, measureMinibatchNoise, taskBatches } from '../../engine/curvature/minibatch/measure.ts';
import type { Pool } from '../../engine/parallel/pool.ts';
import { digest, leastSecondsOf } from './rates.ts';
import type { RateBook } from './rates.ts';

/**
 * @param d weights of the parameter
 * @param samples that are measured, of which the data may hold fewer
 */
export async function minibatchSeconds(
  book: RateBook,
  pool: Pool,
  input: MeasurementInput,
  task: { readonly parameter: string; readonly d: number; readonly samples: number; readonly present: number },
  spec: MinibatchNoiseSpec,
): Promise<number> {
  const { parameter, d, samples, present } = task;
  const batch = spec.batch_size ?? defaultBatchSize;
  const k = Math.min(spec.directions, d);
  const rate = await book.rate(`minibatch/${digest([input.model, parameter, batch, k])}`, async () => {
    const random = new Random(1, 'forecast');
    const batches = taskBatches * pool.threads;
    const trial = {
      parameter,
      samples: Math.min(samples, present),
      spec: { batch_size: batch, modes: ['with_replacement' as const], batches, directions: k, seed: 1 },
      directions: {
        numbers: Array.from({ length: k }, (_, i) => i),
        eigenvalues: new Array<number>(k).fill(1),
        C: new Array<number>(k).fill(1),
        vectors: Float64Array.from({ length: k * d }, () => random.normal() / Math.sqrt(d)),
      },
      gradient: new Float64Array(d),
      traceC: 1,
      floor: 0,
    };
    return { batch: (await leastSecondsOf(() => measureMinibatchNoise(pool, input, trial))) / batches };
  });
  const drawn = spec.modes.reduce((total, mode) => total + batchesOf(mode, samples, batch, spec.batches).batches, 0);
  return drawn * rate['batch'];
}
