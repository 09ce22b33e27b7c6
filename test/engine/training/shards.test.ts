/** Steps shared by threads: the bits of one thread, and the numbers of a batch in one piece. */
import { beforeAll, describe, expect, test } from 'vitest';
import { CpuBackend, dataOf } from '../../../src/engine/backend/cpu.ts';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import { Network } from '../../../src/engine/network/network.ts';
import { initialValues } from '../../../src/engine/training/initialise.ts';
import { Sgd } from '../../../src/engine/training/sgd.ts';
import { Exchange, exchangeMemory } from '../../../src/engine/training/shards/exchange.ts';
import { shardCount } from '../../../src/engine/training/shards/rule.ts';
import { Trainer } from '../../../src/engine/training/trainer.ts';
import { benchModel } from '../../../src/main/bench/bench.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';
import { parseModel } from '../../../src/shared/model.ts';
import { Random } from '../../../src/shared/random.ts';
import { trainingEngines } from '../../support/engines.ts';
import { describeWhere } from '../../support/skips.ts';

const relu = { type: 'activation', function: 'relu' };
const layers = [
  { type: 'conv2d', name: 'conv1', filters: 8, kernel: [3, 3] },
  relu,
  { type: 'maxpool2d', size: 2 },
  { type: 'conv2d', name: 'conv2', filters: 40, kernel: [3, 3] },
  relu,
  { type: 'flatten' },
  { type: 'dense', name: 'fc1', units: 10 },
];
const model = parseModel({ input: [22, 22, 1], loss: 'cross-entropy', layers });
/** 100 samples in batches of 48: the last of an epoch has 4, one for each part. */
const [samples, batch] = [100, 48];
const random = new Random(3, 'shards');
const inputs = shared(Float64Array.from({ length: samples * 484 }, () => random.normal()));
const targets = shared(
  Float64Array.from({ length: samples * 10 }, (_, i) => (i % 10 === Math.floor(i / 10) % 7 ? 1 : 0)),
);
const steps = 7;

function shared(values: Float64Array): Float64Array {
  const copy = new Float64Array(new SharedArrayBuffer(values.byteLength));
  copy.set(values);
  return copy;
}

function networkOn(backend: CpuBackend): Network {
  const network = new Network(model, backend);
  for (const parameter of network.parameters) {
    const spec = { kind: 'he', distribution: 'normal', scale: 1, standard_deviation: 1 } as const;
    network.setWeight(parameter.name, initialValues(parameter, spec, 1));
  }
  return network;
}

const optimiser = {
  lr: 0.05,
  momentum: 0.9,
  nesterov: true,
  weight_decay: 1e-3,
  schedule: { kind: 'constant', warm_up_steps: 0 },
} as const;

function trainerOn(backend: CpuBackend, threads: number): Trainer {
  return new Trainer(
    networkOn(backend),
    { inputs, targets },
    { optimiser, batchSize: batch, sampling: 'epoch', seed: 4, totalSteps: steps, threads },
  );
}

for (const engine of trainingEngines) {
  describeWhere(engine.available, `steps shared by threads, ${engine.title}`, () => {
    let backend: CpuBackend;
    beforeAll(async () => {
      backend = new CpuBackend(await engine.open(), 'float64');
    });

    test('any number of threads gives the same bits, and the numbers of whole batches', async () => {
      expect(shardCount(networkOn(backend), batch)).toBe(4);
      const runs = [];
      for (const threads of [1, 2, 4]) {
        const trainer = trainerOn(backend, threads);
        while (trainer.threads < threads) await new Promise((resolve) => setTimeout(resolve, 10));
        for (let i = 0; i < steps; i++) trainer.advance();
        const loss = await trainer.takeMeanLoss();
        const { weights, velocities } = await trainer.state();
        runs.push({ loss, weights, velocities });
        await trainer.close();
      }
      expect(runs[1]).toEqual(runs[0]);
      expect(runs[2]).toEqual(runs[0]);

      const network = networkOn(backend);
      const sgd = new Sgd(network, { momentum: 0.9, nesterov: true, weightDecay: 1e-3 });
      sgd.learningRate = 0.05;
      const { sampler } = trainerOn(backend, 1);
      const [x, t] = [backend.table(inputs, 484), backend.table(targets, 10)];
      let sum = 0;
      for (let i = 0; i < steps; i++) {
        sampler.next();
        const { order, start, count } = sampler;
        backend.scope(() => {
          network.forward(backend.rowsOf(x, order, start, count));
          const found = network.lossAndGradient(backend.rowsOf(t, order, start, count), 1 / count);
          sum += dataOf(backend.columnSums(found.losses))[0] / count;
          network.backward(found.gradient, sgd);
        });
      }
      expect(runs[0].loss).toBeCloseTo(sum / steps, 11);
      for (const [name, values] of runs[0].weights) {
        const expected = dataOf(network.weights.get(name)!);
        for (let i = 0; i < values.length; i++) expect(Math.abs(values[i] - expected[i])).toBeLessThan(1e-11);
      }
    });
  });
}

describe('the number of parts', () => {
  let backend: CpuBackend;
  beforeAll(async () => {
    backend = new CpuBackend(await openWasmBlas(loadKernels()), 'float32');
  });
  const count = (spec: unknown[], size: number): number =>
    shardCount(new Network(parseModel({ input: [22, 22, 1], loss: 'cross-entropy', layers: spec }), backend), size);

  test('is 1 for small steps and few samples, and where layers need the batch in one piece', () => {
    expect(shardCount(new Network(benchModel(50), backend), 50)).toBe(1);
    expect(count(layers, 15)).toBe(1);
    expect(count(layers, 16)).toBe(1);
    expect(count(layers, 4000)).toBe(16);
    expect(count([{ type: 'batchnorm', name: 'n' }, ...layers], 4000)).toBe(1);
    expect(count([{ type: 'residual', layers: [{ type: 'dropout', rate: 0.5 }] }, ...layers], 4000)).toBe(1);
  });
});

describe('the exchange', () => {
  test('covers every sample once and adds losses in order, parts without samples included', () => {
    const memory = exchangeMemory(5, 4);
    const seen: number[][] = [];
    const exchange = new Exchange(memory, (shard, indices, from, to, size) => {
      seen.push([shard, size, ...indices.subarray(from, to)]);
      return to - from;
    });
    expect(exchange.run(Uint32Array.of(9, 8, 7, 6, 5, 4), 1, 5)).toBe(5);
    expect(seen).toEqual([
      [0, 5, 8],
      [1, 5, 7],
      [2, 5, 6],
      [3, 5, 5, 4],
    ]);
    seen.length = 0;
    expect(exchange.run(Uint32Array.of(3, 2), 0, 2)).toBe(2);
    expect(seen.map((each) => each.slice(2))).toEqual([[], [3], [], [2]]);
  });

  test('a thread that failed is reported instead of waited for', () => {
    const memory = exchangeMemory(2, 2);
    const failing = new Exchange(memory, () => 0);
    const main = new Exchange(memory, (shard) => {
      if (shard === 0) failing.fail();
      return 0;
    });
    expect(() => main.run(Uint32Array.of(0, 1), 0, 2)).toThrow(/thread that shares the training step failed/);
  });

  test('a thread that serves ends when it is closed', () => {
    const memory = exchangeMemory(2, 2);
    const exchange = new Exchange(memory, () => {
      throw new Error('nothing was to be claimed');
    });
    exchange.close();
    exchange.serve();
  });
});
