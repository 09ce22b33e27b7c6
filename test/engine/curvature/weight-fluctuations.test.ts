/** The fluctuations of the weights against the closed forms of linear regression, for each mode of sampling; single steps against what a quadratic loss says exactly. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import type { MeasurementInput } from '../../../src/engine/curvature/measurement-input.ts';
import { measureLayer } from '../../../src/engine/curvature/measure-layer.ts';
import { Pool } from '../../../src/engine/parallel/pool.ts';
import { shared } from '../../../src/engine/parallel/shared.ts';
import { BatchSampler } from '../../../src/engine/training/sampling.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';
import { parseModel } from '../../../src/shared/model.ts';
import { Random } from '../../../src/shared/random.ts';
import type { WeightFluctuationsSpec, WeightFluctuationsSummary } from '../../../src/shared/weight-fluctuations.ts';

let pool: Pool;
let three: Pool;
beforeAll(async () => {
  pool = new Pool(await openWasmBlas(loadKernels()), { threads: 1 });
  three = new Pool(await openWasmBlas(loadKernels()), { threads: 3 });
});
afterAll(() => Promise.all([pool.close(), three.close()]));

/** y = w . x with x ~ N(0, Sigma), targets of pure noise with standard deviation s: the optimum is near w = 0. */
function regression(samples: number, l: readonly number[], s: number): MeasurementInput {
  const random = new Random(11, 'regression');
  const inputs = new Float64Array(samples * l.length);
  for (let p = 0; p < samples; p++)
    for (const [i, value] of l.entries()) inputs[p * l.length + i] = Math.sqrt(value) * random.normal();
  const targets = Float64Array.from({ length: samples }, () => s * random.normal());
  return {
    model: parseModel({
      input: [l.length],
      loss: 'mse',
      layers: [{ type: 'dense', name: 'fc', units: 1, bias: false }],
    }),
    weights: new Map([['fc.kernel', shared(new Float64Array(l.length))]]),
    inputs: shared(inputs),
    targets: shared(targets),
    classes: false,
  };
}

async function follow(
  input: MeasurementInput,
  spec: Partial<WeightFluctuationsSpec>,
  workers = pool,
  parameter = 'fc.kernel',
): Promise<WeightFluctuationsSummary> {
  const { summary, release } = await measureLayer(workers, input, {
    parameter,
    seed: 1,
    libraryThreads: 1,
    intervals: false,
    weight_fluctuations: {
      modes: ['with_replacement'],
      steps: 100_000,
      directions: 10,
      frozen: true,
      seed: 3,
      ...spec,
    },
  });
  release();
  expect(summary.weight_fluctuations_unavailable).toBeUndefined();
  return summary.weight_fluctuations!;
}

describe('linear regression', () => {
  const l = [1, 0.5, 0.2, 0.1];
  const [samples, s, B, eta] = [4000, 0.5, 2, 0.2];
  const input = regression(samples, l, s);
  /** Ten batches of a hundred an epoch: shuffling halves the variance of the flattest. */
  const few = regression(1000, l, s);

  // s_i = eta (tau + s^2) / (B (2 - eta l_i (1 + 1/B))), kappa = sum_j eta l_j / (B (2 - eta l_j (1 + 1/B))), tau = kappa s^2 / (1 - kappa).
  test('with replacement: the stationary variance of the closed form, the noise of the fluctuations included', async () => {
    const { modes } = await follow(input, { batch_size: B, learning_rate: eta, steps: 160_000 });
    const [mode] = modes;
    const share = (h: number): number => eta / (B * (2 - eta * h * (1 + 1 / B)));
    const kappa = l.reduce((sum, h) => sum + h * share(h), 0);
    const tau = (kappa * s * s) / (1 - kappa);
    expect(kappa).toBeGreaterThan(0.05);
    expect(mode.state).toEqual(['answered', 'answered', 'answered', 'answered']);
    for (const [i, h] of mode.H.entries()) {
      const expected = (tau + s * s) * share(h);
      // The samples are 4,000 of the population: a few per cent of their second moments.
      expect(Math.abs(mode.measured[i] / expected - 1)).toBeLessThan(0.06);
      expect(mode.standard_error[i] / mode.measured[i]).toBeLessThan(0.05);
      // Without the noise of the fluctuations the theory is short by kappa and by eta h / B.
      expect(mode.measured[i]).toBeGreaterThan(mode.predicted[i]!);
    }
  });

  test.each(['with_replacement', 'without_replacement', 'epoch'] as const)(
    '%s, with momentum and without: measured over predicted is 1 where the fluctuations are small',
    async (mode) => {
      for (const momentum of [0, 0.8]) {
        const { modes } = await follow(few, {
          modes: [mode],
          batch_size: 100,
          learning_rate: 0.1,
          momentum,
          steps: 60_000,
        });
        const [{ state, measured, predicted, standard_error, components }] = modes;
        expect(state.filter((each) => each === 'answered').length).toBeGreaterThan(2);
        for (const [i, each] of state.entries())
          if (each === 'answered') expect(Math.abs(measured[i] - predicted[i]!) / standard_error[i]).toBeLessThan(4.5);
        expect(components?.ranks).toEqual([1, 2, 3, 4]);
      }
    },
  );

  test('no answer for directions that were watched too briefly, and for those that still move', async () => {
    const { modes } = await follow(input, { batch_size: 50, learning_rate: 0.01, steps: 30_000, burn_in: 0 });
    const [{ state, correlation_times }] = modes;
    expect(state[0]).toBe('answered');
    expect(state[3]).toBe('short');
    expect(correlation_times[3]).toBeLessThan(200);
    const far = { ...input, weights: new Map([['fc.kernel', shared(new Float64Array([0, 0, 0, 40]))]]) };
    const moved = await follow(far, { batch_size: 50, learning_rate: 0.1, steps: 30_000, burn_in: 0 });
    expect(moved.modes[0].state[3]).toBe('drifting');
  });

  test('one step changes the loss exactly to second order', async () => {
    const away = { ...input, weights: new Map([['fc.kernel', shared(Float64Array.of(0.3, -0.5, 0.7, 1))]]) };
    const { one_step } = await follow(away, { batch_size: 5, learning_rate: 0.4, steps: 640 });
    expect(one_step.largest_difference).toBeLessThan(1e-12);
    expect(one_step.measured.value / one_step.second_order.value).toBeCloseTo(1, 10);
    expect(one_step.measured.value).not.toBe(0);
  });

  test('the flatness of a quadratic loss is 2 sqrt(2 (e - 1) L / p^T H p)', async () => {
    const { modes } = await follow(input, { batch_size: 50, learning_rate: 0.1, steps: 20_000 });
    const { components } = modes[0];
    // At the mean weights, to the loss there.
    const loss = modes[0].loss[0];
    for (const [i, width] of components!.flatness.entries()) {
      const expected = 2 * Math.sqrt((2 * (Math.E - 1) * loss) / components!.curvature[i]);
      expect(Math.abs(width! / expected - 1)).toBeLessThan(0.03);
    }
    expect(components!.on_curvature.n).toBe(4);
  });

  test('threads do not change a bit', async () => {
    const spec = { modes: ['epoch', 'with_replacement'], batch_size: 50, steps: 2000 } as const;
    const one = await follow(input, { ...spec, modes: [...spec.modes] });
    expect(await follow(input, { ...spec, modes: [...spec.modes] }, three)).toEqual(one);
  });
});

test('the batch sharpness of scalar samples, one at a time, is the mean curvature of those with a gradient', async () => {
  // x^2 = 1 and 3 in turn, targets 0 at w = 1: g_p = h_p, g H g / g^2 = h_p.
  const samples = 64;
  const values = Float64Array.from({ length: samples }, (_, p) => Math.sqrt(p % 2 === 0 ? 1 : 3));
  const input: MeasurementInput = {
    ...regression(samples, [1], 0),
    weights: new Map([['fc.kernel', shared(Float64Array.of(1))]]),
    inputs: shared(values),
    targets: shared(new Float64Array(samples)),
  };
  const { batch_sharpness } = await follow(input, { batch_size: 1, learning_rate: 0.1, steps: 640 });
  const { value, standard_error, batches } = batch_sharpness.network;
  expect(batches).toBe(256);
  expect(Math.abs(value - 2)).toBeLessThan(4 * standard_error);
  expect(batch_sharpness.parameter).toEqual(batch_sharpness.network);
  const whole = await follow(input, {
    batch_size: samples,
    modes: ['with_replacement'],
    steps: 640,
    learning_rate: 0.1,
  });
  expect(whole.batch_sharpness.network.value).toBeCloseTo(2, 12);
});

// The modes diverge at different steps: the others must have ended before the same threads measure again.
test('a rate at which the weights run away leaves the rest of the measurement and no memory behind, and says what serves', async () => {
  const allocated = vi.spyOn(pool.blas, 'allocate');
  const released = vi.spyOn(pool.blas, 'release');
  for (const batch_size of [10, 20]) {
    const { summary, release } = await measureLayer(pool, regression(100, [1, 0.5], 0.5), {
      parameter: 'fc.kernel',
      seed: 1,
      libraryThreads: 1,
      intervals: false,
      weight_fluctuations: {
        modes: ['epoch', 'with_replacement', 'without_replacement'],
        batch_size,
        learning_rate: 9,
        steps: 5000,
        directions: 2,
        frozen: true,
        seed: 1,
      },
    });
    release();
    expect(summary.weight_fluctuations).toBeUndefined();
    expect(summary.weight_fluctuations_unavailable).toMatch(
      /learning rate of 9 .* no longer a number at step \d+; use a smaller --learning-rate$/,
    );
  }
  expect(released.mock.calls.length).toBe(allocated.mock.calls.length);
});

// The upper layer alone goes on from what enters it, without the layer below.
test.each([
  { layer: 'fc', frozen: true, momentum: 0 },
  { layer: 'out', frozen: true, momentum: 0 },
  { layer: 'fc', frozen: false, momentum: 0 },
  { layer: 'out', frozen: false, momentum: 0.5 },
])(
  'two layers, $layer watched, frozen $frozen, momentum $momentum: as SGD carried out step by step',
  async ({ layer, frozen, momentum }) => {
    // y = b a x: fc holds a, out holds b.
    const [samples, batch, eta, steps] = [60, 6, 0.05, 6400];
    const { inputs, targets } = regression(samples, [1], 0.5);
    const [x, noise] = [inputs as Float64Array, targets as Float64Array];
    const y = shared(noise.map((value, p) => 0.8 * x[p] + value));
    const input: MeasurementInput = {
      model: parseModel({
        input: [1],
        loss: 'mse',
        layers: [
          { type: 'dense', name: 'fc', units: 1, bias: false },
          { type: 'dense', name: 'out', units: 1, bias: false },
        ],
      }),
      weights: new Map([
        ['fc.kernel', shared(Float64Array.of(1.1))],
        ['out.kernel', shared(Float64Array.of(0.7))],
      ]),
      inputs,
      targets: y,
      classes: false,
    };
    const spec = {
      modes: ['epoch' as const],
      batch_size: batch,
      learning_rate: eta,
      momentum,
      steps,
      burn_in: 100,
      frozen,
    };
    const found = await follow(input, spec, pool, `${layer}.kernel`);
    expect(found.frozen).toBe(frozen);
    const [mode] = found.modes;

    const sampler = new BatchSampler('epoch', samples, batch, 3);
    let [a, b, u, v] = [1.1, 0.7, 0, 0];
    const watched: number[] = [];
    for (let step = 0; step < 100 + mode.steps; step++) {
      sampler.next();
      let [da, db] = [0, 0];
      for (let k = 0; k < sampler.count; k++) {
        const p = sampler.order[sampler.start + k];
        const r = a * b * x[p] - y[p];
        da += (r * b * x[p]) / sampler.count;
        db += (r * a * x[p]) / sampler.count;
      }
      u = momentum * u + da;
      v = momentum * v + db;
      if (layer === 'fc' || !frozen) a -= eta * u;
      if (layer === 'out' || !frozen) b -= eta * v;
      if (step >= 100) watched.push(layer === 'fc' ? a : b);
    }
    const mean = watched.reduce((sum, value) => sum + value, 0) / watched.length;
    const variance = watched.reduce((sum, value) => sum + (value - mean) ** 2, 0) / watched.length;
    // What the mean took away, told from the means of the 64 blocks, is added again.
    const length = watched.length / mode.blocks;
    const means = Array.from(
      { length: mode.blocks },
      (_, block) => watched.slice(block * length, (block + 1) * length).reduce((sum, value) => sum + value, 0) / length,
    );
    const between = means.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (mode.blocks - 1);
    expect(variance).toBeGreaterThan(1e-6);
    expect(mode.measured[0] / (variance + between / mode.blocks)).toBeCloseTo(1, 8);
    // H along a is b^2 E[x^2], along b a^2 E[x^2], at the mean weights of both layers.
    const second = x.reduce((sum, value) => sum + value ** 2, 0) / samples;
    const ofStart = (layer === 'fc' ? 0.7 : 1.1) ** 2 * second;
    if (frozen) expect(mode.H[0] / ofStart).toBeCloseTo(1, 10);
    else expect(Math.abs(mode.H[0] / ofStart - 1)).toBeGreaterThan(1e-3);
  },
);
