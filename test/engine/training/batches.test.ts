/** Batches prepared by another thread: the bits of one thread, through resume, cancel and a failure. */
import { beforeAll, describe, expect, test } from 'vitest';
import { CpuBackend } from '../../../src/engine/backend/cpu.ts';
import type { Tensor } from '../../../src/engine/backend/types.ts';
import { Network } from '../../../src/engine/network/network.ts';
import { isWorthPreparing, PreparedBatches } from '../../../src/engine/training/batches/prepared.ts';
import { BatchRing, ringMemory } from '../../../src/engine/training/batches/ring.ts';
import { initialValues } from '../../../src/engine/training/initialise.ts';
import { BatchSampler } from '../../../src/engine/training/sampling.ts';
import { Trainer } from '../../../src/engine/training/trainer.ts';
import { parseModel } from '../../../src/shared/model.ts';
import type { SamplingMode } from '../../../src/shared/experiment.ts';
import { samplingModes } from '../../../src/shared/experiment.ts';
import { trainingEngines } from '../../support/engines.ts';
import { describeWhere } from '../../support/skips.ts';

/** A table that caches do not hold; the last batch of an epoch has 30 samples. */
const [samples, batch, width] = [5430, 50, 784];
const inputs = new Float32Array(new SharedArrayBuffer(4 * samples * width));
for (let i = 0; i < inputs.length; i++) inputs[i] = ((i * 0.618034) % 1) - 0.5;
const targets = new Float32Array(new SharedArrayBuffer(4 * samples * 10));
for (let p = 0; p < samples; p++) targets[p * 10 + (p % 10)] = 1;

const model = parseModel({
  input: [width],
  loss: 'cross-entropy',
  layers: [
    { type: 'dense', name: 'fc1', units: 4 },
    { type: 'dropout', rate: 0.25 },
    { type: 'dense', name: 'fc2', units: 10 },
  ],
});
const optimiser = {
  lr: 0.05,
  momentum: 0.9,
  nesterov: false,
  weight_decay: 1e-3,
  schedule: { kind: 'constant', warm_up_steps: 0 },
} as const;

function trainerOn(backend: CpuBackend, threads: number, sampling: SamplingMode = 'epoch'): Trainer {
  const network = new Network(model, backend);
  const spec = { kind: 'he', distribution: 'normal', scale: 1, standard_deviation: 1 } as const;
  for (const parameter of network.parameters) network.setWeight(parameter.name, initialValues(parameter, spec, 1));
  const data = { inputs, targets };
  return new Trainer(network, data, { optimiser, batchSize: batch, sampling, seed: 4, totalSteps: 1e9, threads });
}

/** Steps until so many batches came from the thread. */
async function advance(trainer: Trainer, prepared: number): Promise<void> {
  while (trainer.prepared < prepared) {
    for (let i = 0; i < 5; i++) trainer.advance();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function advanceTo(trainer: Trainer, step: number): void {
  while (trainer.step < step) trainer.advance();
}

for (const engine of trainingEngines.filter(({ title }) => title !== 'native BLAS')) {
  describeWhere(engine.available, `batches prepared beside, ${engine.title}`, () => {
    let backend: CpuBackend;
    beforeAll(async () => {
      backend = new CpuBackend(await engine.open(), 'float32');
    });

    test.each(samplingModes)('%s: the bits of one thread, over more than an epoch', async (sampling) => {
      const [alone, beside] = [trainerOn(backend, 1, sampling), trainerOn(backend, 2, sampling)];
      await advance(beside, 150);
      advanceTo(alone, beside.step);
      expect(alone.prepared).toBe(0);
      expect(await beside.state()).toEqual(await alone.state());
      await Promise.all([alone.close(), beside.close()]);
    });

    test('a checkpoint holds the step that was done, and goes on to the same end with and without the thread', async () => {
      const first = trainerOn(backend, 2);
      await advance(first, 40);
      const checkpoint = await first.state();
      const [alone, other] = [trainerOn(backend, 1), trainerOn(backend, 2)];
      for (const trainer of [alone, other]) trainer.restore(checkpoint);
      await advance(first, 120);
      const { step } = first;
      await advance(other, 1);
      const end = Math.max(step, other.step);
      for (const trainer of [alone, other, first]) advanceTo(trainer, end);
      const expected = await alone.state();
      expect(await other.state()).toEqual(expected);
      expect(await first.state()).toEqual(expected);
      // Going back sends the thread home; another starts from there.
      first.restore(checkpoint);
      expect(first.prepared).toBe(0);
      await advance(first, 1);
      const again = trainerOn(backend, 1);
      again.restore(checkpoint);
      advanceTo(again, first.step);
      expect(await first.state()).toEqual(await again.state());
      await Promise.all([first, alone, other, again].map((trainer) => trainer.close()));
    });

    test('the thread ends with the run, wherever it is: starting, asleep over a full ring, or at work', async () => {
      const starting = trainerOn(backend, 2);
      starting.advance();
      await starting.close();
      const asleep = trainerOn(backend, 2);
      await advance(asleep, 1);
      await new Promise((resolve) => setTimeout(resolve, 50));
      await asleep.close();
      const working = trainerOn(backend, 2);
      await advance(working, 20);
      await working.close();
    });

    test('a thread that fails is reported with its reason', async () => {
      const tables = { inputs: backend.table(inputs, width), targets: backend.table(targets, 10) };
      const sampler = new BatchSampler('epoch', samples, batch, 4);
      const state = { ...sampler.state(), order: new Uint32Array(3) };
      const prepared = new PreparedBatches(backend, tables, {
        sampling: 'epoch',
        size: samples,
        batchSize: batch,
        state,
      });
      const steps = async (): Promise<void> => {
        for (let i = 0; i < 100_000; i++) {
          sampler.next();
          expect(prepared.take(sampler.order, sampler.start, sampler.count)).toBeNull();
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      };
      await expect(steps()).rejects.toThrow(
        'the thread that prepares batches failed: sampler state for 3 samples; expected 5430',
      );
      await prepared.close();
      for (const table of Object.values(tables)) backend.release(table);
    });

    test('is done where it pays', () => {
      const table = (rows: number, cols: number): Tensor =>
        backend.wrap(new Float32Array(new SharedArrayBuffer(4 * rows * cols)), rows, cols);
      const all = { inputs: table(samples, width), targets: table(samples, 10) };
      expect(isWorthPreparing(backend, all, batch, 10_000, 2)).toBe(true);
      expect(isWorthPreparing(backend, all, batch, 10_000, 1), 'one thread').toBe(false);
      expect(isWorthPreparing(backend, all, 5, 1_000_000, 2), 'small batches').toBe(false);
      expect(isWorthPreparing(backend, all, batch, 1_000, 2), 'few steps').toBe(false);
      const small = { ...all, inputs: table(1000, width) };
      expect(isWorthPreparing(backend, small, batch, 10_000, 2), 'a table that a cache holds').toBe(false);
      const own = { ...all, inputs: backend.wrap(new Float32Array(samples * width), samples, width) };
      expect(isWorthPreparing(backend, own, batch, 10_000, 2), 'memory that threads do not share').toBe(false);
    });
  });
}

describe('the ring', () => {
  test('gives a batch only where it is ready and of the samples that were drawn', () => {
    const memory = ringMemory(4, 2);
    const [training, preparing] = [new BatchRing(memory), new BatchRing(memory)];
    const sampler = new BatchSampler('epoch', 5, 2, 1);
    expect(training.take(Uint32Array.of(0, 1), 0, 2)).toBe(-1);
    const seen: number[][] = [];
    preparing.serve(new BatchSampler('epoch', 5, 2, 1), (slot, order, start, count) => {
      seen.push([slot, ...order.subarray(start, start + count)]);
      // As if the run ended while the fourth batch is gathered.
      if (slot === 3) preparing.close();
    });
    expect(seen.map(([slot]) => slot)).toEqual([0, 1, 2, 3]);
    expect(seen.map((each) => each.length - 1)).toEqual([2, 2, 1, 2]);
    // The first was drawn above.
    sampler.next();
    for (const slot of [1, 2]) {
      sampler.next();
      expect(training.take(sampler.order, sampler.start, sampler.count)).toBe(slot);
      expect([slot, ...sampler.order.subarray(sampler.start, sampler.start + sampler.count)]).toEqual(seen[slot]);
    }
    const [, a, b] = seen[3];
    expect(training.take(Uint32Array.of(b, a), 0, 2)).toBe(-1);
    expect(training.take(Uint32Array.of(0, 1), 0, 2)).toBe(-1);
  });

  test('draws batches that the training thread has left behind without gathering them', () => {
    const memory = ringMemory(2, 1);
    const [training, preparing] = [new BatchRing(memory), new BatchRing(memory)];
    for (let i = 0; i < 11; i++) expect(training.take(Uint32Array.of(0), 0, 1)).toBe(-1);
    const sampler = new BatchSampler('epoch', 3, 1, 1);
    const slots: number[] = [];
    preparing.serve(sampler, (slot) => {
      slots.push(slot);
      if (slots.length === 2) preparing.close();
    });
    expect(slots).toEqual([0, 1]);
  });
});
