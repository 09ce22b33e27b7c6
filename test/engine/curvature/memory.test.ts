/** What a measurement leaves behind in the memory that its threads share: nothing, whether it ends well or not. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import type { Real } from '../../../src/engine/blas/types.ts';
import type { MeasurementInput } from '../../../src/engine/curvature/measurement-input.ts';
import type { MeasurementOptions } from '../../../src/engine/curvature/options.ts';
import { measureLayer } from '../../../src/engine/curvature/measure-layer.ts';
import { Pool } from '../../../src/engine/parallel/pool.ts';
import { shared } from '../../../src/engine/parallel/shared.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';
import { densitySpec } from '../../../src/shared/density.ts';
import { parseModel } from '../../../src/shared/model.ts';
import { Random } from '../../../src/shared/random.ts';

const samples = 64;

/** A network of 3 outputs with hidden layers of these widths. */
function problem([inputs, ...hidden]: readonly number[], scale = 0.3): MeasurementInput {
  const random = new Random(2, 'memory');
  const numbers = (count: number): Float64Array => Float64Array.from({ length: count }, () => scale * random.normal());
  const targets = new Float64Array(samples * 3);
  for (let p = 0; p < samples; p++) targets[p * 3 + random.below(3)] = 1;
  const widths = [inputs, ...hidden, 3];
  return {
    model: parseModel({
      input: [inputs],
      loss: 'cross-entropy',
      layers: widths
        .slice(1)
        .flatMap((units, i) => [
          { type: 'dense', name: `fc${i + 1}`, units, bias: false },
          ...(i < hidden.length ? [{ type: 'activation', function: 'tanh' }] : []),
        ]),
    }),
    weights: new Map(widths.slice(1).map((width, i) => [`fc${i + 1}.kernel`, shared(numbers(widths[i] * width))])),
    inputs: shared(numbers(samples * inputs)),
    targets: shared(targets),
    classes: true,
  };
}

const common = { parameter: 'fc2.kernel', seed: 1, libraryThreads: 1, top: 5, intervals: false };
const everything: Partial<MeasurementOptions> = {
  duality: true,
  assumptions: true,
  density: densitySpec({ probes: 2, steps: 8, seed: 1 }),
  minibatch_noise: { modes: ['epoch'], batches: 20, directions: 4, seed: 1, batch_size: 16 },
  weight_fluctuations: {
    modes: ['epoch'],
    batch_size: 16,
    learning_rate: 0.01,
    steps: 200,
    directions: 2,
    frozen: true,
    seed: 1,
  },
};

describe('the memory of the threads', () => {
  let pool: Pool;
  /** Arrays of this thread that are not released. */
  const live = new Set<Real>();
  beforeAll(async () => {
    const blas = await openWasmBlas(loadKernels());
    pool = new Pool(
      {
        ...blas,
        allocate: (precision, length) => {
          const array = blas.allocate(precision, length);
          live.add(array);
          return array;
        },
        release: (array) => {
          live.delete(array);
          blas.release(array);
        },
      },
      { threads: 2 },
    );
  });
  afterAll(() => pool.close());

  const megabytes = (): number => {
    const probe = pool.blas.allocate('float64', 1);
    pool.blas.release(probe);
    return probe.buffer.byteLength / 2 ** 20;
  };

  test.each(['exact', 'projected'] as const)(
    'after a measurement with all extras, %s: no array stays',
    async (method) => {
      const options = { ...common, ...everything, intervals: true, method };
      const { release } = await measureLayer(pool, problem([4, 6]), options);
      release();
      expect([...live]).toEqual([]);
    },
  );

  const wide = { ...common, parameter: 'fc3.kernel' };
  // 503,000 weights are 4 MB in each thread, beside which everything else is small.
  test.each(['exact', 'projected'] as const)(
    'of a wide network, %s: a second measurement needs no more, nor a sixth',
    async (method) => {
      const measured = async (): Promise<number> => {
        const { release } = await measureLayer(pool, problem([500, 1000, 3], 0.03), { ...wide, method });
        release();
        return megabytes();
      };
      const first = await measured();
      let last = first;
      for (let i = 0; i < 5; i++) last = await measured();
      // It grows by 16 MB at a time.
      expect(last).toBeLessThanOrEqual(first + 16);
    },
  );

  test.each(['exact', 'projected'] as const)(
    'after one that fails, %s: no array stays, and the next is as the first',
    async (method) => {
      const options = { ...common, method };
      const first = await measureLayer(pool, problem([4, 6]), options);
      const { trace } = first.summary;
      first.release();
      await expect(measureLayer(pool, problem([4], 1e200), { ...options, parameter: 'fc1.kernel' })).rejects.toThrow(
        /the range of double precision \(1\.8e308\).*scale the inputs/,
      );
      expect([...live]).toEqual([]);
      const stop = new AbortController();
      const stopped = measureLayer(pool, problem([4, 6]), {
        ...options,
        signal: stop.signal,
        onProgress: () => stop.abort(new Error('stopped')),
      });
      await expect(stopped).rejects.toThrow('stopped');
      expect([...live]).toEqual([]);
      const last = await measureLayer(pool, problem([4, 6]), options);
      expect(last.summary.trace).toEqual(trace);
      last.release();
    },
  );
});
