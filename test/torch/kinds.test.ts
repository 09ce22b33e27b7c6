/**
 * Every kind of layer and loss against PyTorch: outputs and losses, then C, H and Q of one parameter, which per_sample.py takes from torch.autograd one sample at a
 * time. Here the same matrices come from the samples' own vectors h_p e_i, as the projected method makes them, on every BLAS and (in single precision) on
 * TensorFlow.js; where the exact method serves, from its packed products too.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CpuBackend, dataOf } from '../../src/engine/backend/cpu.ts';
import type { OpenDevice } from '../../src/engine/backend/tfjs/device.ts';
import type { Backend, Tensor } from '../../src/engine/backend/types.ts';
import { SampleSink } from '../../src/engine/curvature/device/sample-sink.ts';
import { measureExact } from '../../src/engine/curvature/exact.ts';
import { factorLayout } from '../../src/engine/curvature/factors.ts';
import { measureProjected } from '../../src/engine/curvature/projected/measure.ts';
import { PerSampleSink } from '../../src/engine/curvature/projected/sinks.ts';
import { lowestLayer, spaceOf } from '../../src/engine/curvature/projected/space.ts';
import { Network } from '../../src/engine/network/network.ts';
import { Pool } from '../../src/engine/parallel/pool.ts';
import { shared } from '../../src/engine/parallel/shared.ts';
import { allLayers, layerKinds, parseModel } from '../../src/shared/model.ts';
import type { ModelSpec } from '../../src/shared/model.ts';
import { Random } from '../../src/shared/random.ts';
import { onTensorflow } from '../support/devices.ts';
import { engines } from '../support/engines.ts';
import { clusterMeans, disagreement } from '../support/reference.ts';
import { describeWhere } from '../support/skips.ts';
import { torchRows } from './rows.ts';

const samples = 8;

test('there is a row of every kind', () => {
  const kinds = torchRows.flatMap(({ model }) => allLayers(parseModel(model).layers).map(({ type }) => type));
  // Off while measuring.
  expect([...new Set([...kinds, 'dropout'])].toSorted()).toEqual(layerKinds.toSorted());
});

interface Problem {
  readonly model: ModelSpec;
  readonly parameter: string;
  readonly weights: Readonly<Record<string, { readonly shape: readonly number[]; readonly values: readonly number[] }>>;
  readonly inputs: readonly (readonly number[])[];
  readonly targets: readonly (readonly number[])[];
}

interface Reference {
  readonly outputs: readonly (readonly number[])[];
  readonly losses: readonly number[];
  readonly C: readonly number[];
  readonly H: readonly number[];
  readonly Q: readonly number[];
}

function problemOf({ model: spec, parameter, title }: (typeof torchRows)[number], backend: Backend): Problem {
  const model = parseModel(spec);
  const network = new Network(model, backend);
  const random = new Random(7, title);
  const normals = (count: number, scale = 1): number[] => Array.from({ length: count }, () => scale * random.normal());
  const weights = Object.fromEntries(
    [...network.parameters, ...network.states].map(({ name, shape, rows, cols, initial, fanIn }) => {
      const values = normals(rows * cols, initial === 'kernel' ? 1 / Math.sqrt(fanIn) : 0.4);
      const around = name.endsWith('variance')
        ? values.map((x) => 1 + x * x)
        : values.map((x) => (initial === 'ones' ? 1 + x : x));
      return [name, { shape, values: around }];
    }),
  );
  const first = model.layers[0];
  const inputs = Array.from({ length: samples }, () =>
    first.type === 'embedding'
      ? Array.from({ length: network.inputSize }, () => random.below(first.tokens))
      : normals(network.inputSize),
  );
  const { loss, targetSize } = network;
  const targets = inputs.map((_, p) => {
    if (loss.type === 'mse') return normals(targetSize);
    if (loss.type === 'binary-cross-entropy') return Array.from({ length: targetSize }, () => random.below(5) / 4);
    if (loss.positions > 1)
      return Array.from({ length: targetSize }, (_, t) => (p === t + 1 ? -100 : random.below(loss.width)));
    const label = random.below(loss.width);
    const shares = Array.from({ length: targetSize }, (_, k) => (k === label ? 1 : 0));
    if (title !== 'soft targets') return shares;
    const drawn = shares.map(() => 0.1 + Math.abs(random.normal()));
    const sum = drawn.reduce((total, x) => total + x, 0);
    return drawn.map((x) => x / sum);
  });
  return { model, parameter, weights, inputs, targets };
}

const torch = ((): true | string => {
  const found = spawnSync('python3', ['-c', 'import torch'], { encoding: 'utf8' });
  return found.status === 0 ? true : 'python3 has no torch here (pip install torch==2.13.0)';
})();

function networkOf(problem: Problem, backend: Backend): Network {
  const network = new Network(problem.model, backend);
  for (const [name, { values }] of Object.entries(problem.weights)) network.setWeight(name, values);
  return network;
}

/** Outputs, losses, C, H and Q from one pass and d tangent passes. */
function matricesOf(
  problem: Problem,
  backend: CpuBackend,
): Omit<Reference, 'outputs'> & { readonly outputs: number[] } {
  const network = networkOf(problem, backend);
  const space = spaceOf(network, problem.parameter);
  const { d } = space;
  const [{ name, rows, cols }] = space.parameters;
  return backend.scope(() => {
    const y = network.forward(backend.from(problem.inputs.flat(), samples, network.inputSize));
    const targets = backend.from(problem.targets.flat(), samples, network.targetSize);
    const losses = [...dataOf(network.lossValues(targets))];
    const stop = lowestLayer(network, space);
    const gradients = new PerSampleSink(space, backend, samples);
    network.backward(network.lossGradient(targets), gradients, stop);
    network.linearise(stop);
    // In the library's memory, which its products need.
    const g = Array.from({ length: samples }, () => backend.take(1, d).data);
    for (let p = 0; p < samples; p++) gradients.vectorOf(p, g[p]);
    const h = Array.from({ length: samples }, () => backend.take(d, d).data);
    for (let i = 0; i < d; i++) {
      backend.scope(() => {
        const unit = new Float64Array(d);
        unit[i] = 1;
        const sink = new PerSampleSink(space, backend, samples);
        network.tangent({ weights: new Map([[name, backend.from(unit, rows, cols)]]) }, sink, stop);
        for (let p = 0; p < samples; p++) sink.vectorOf(p, h[p].subarray(i * d, (i + 1) * d));
      });
    }
    const [C, H, Q] = [0, 1, 2].map(() => new Float64Array(d * d));
    const mean = Float64Array.from({ length: d }, (_, i) => g.reduce((sum, each) => sum + each[i], 0) / samples);
    for (let p = 0; p < samples; p++) {
      for (let i = 0; i < d; i++) {
        for (let j = 0; j < d; j++) {
          const at = i * d + j;
          C[at] += (g[p][i] * g[p][j]) / samples;
          H[at] += h[p][at] / samples;
          for (let k = 0; k < d; k++) Q[at] += (h[p][i * d + k] * h[p][k * d + j]) / samples;
        }
      }
    }
    for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) C[i * d + j] -= mean[i] * mean[j];
    return { outputs: [...dataOf(y)], losses, C: [...C], H: [...H], Q: [...Q] };
  });
}

/** Layers chain some twenty operations, each of which rounds to 6e-8; Q squares what they give. */
const singlePrecision = 5e-5;

/** v . M v of C, H and Q along one direction v of length 1, from the samples' own values as a device makes them. */
async function formsOn(
  problem: Problem,
  backend: Backend,
): Promise<
  Record<'C' | 'H' | 'Q', number> & { readonly outputs: ArrayLike<number>; readonly direction: Float64Array }
> {
  const network = networkOf(problem, backend);
  const space = spaceOf(network, problem.parameter);
  const [{ name, rows, cols }] = space.parameters;
  const random = new Random(3, 'direction');
  const drawn = Float64Array.from({ length: space.d }, () => random.normal());
  const length = Math.hypot(...drawn);
  const direction = drawn.map((x) => Math.fround(x / length));
  const [outputs, values] = backend.scope(() => {
    const y = network.forward(backend.from(problem.inputs.flat(), samples, network.inputSize));
    const delta = network.lossGradient(backend.from(problem.targets.flat(), samples, network.targetSize));
    const stop = lowestLayer(network, space);
    network.backward(delta, null, stop);
    network.linearise(stop);
    const weights = new Map([[name, backend.from(direction, rows, cols)]]);
    const sink = new SampleSink(space, backend, samples);
    const yDot = network.tangent({ weights }, sink, stop);
    if (yDot === null) throw new Error('the direction moves no output');
    const bySample = (x: Tensor): Tensor => backend.reshape(x, samples, (x.rows * x.cols) / samples);
    const slopes = backend.rowDot(bySample(delta), bySample(yDot));
    return [backend.read(y), backend.read(backend.concatColumns([slopes, sink.measure(weights)]))] as const;
  });
  const read = await values;
  const mean = (value: (p: number) => number): number =>
    Array.from({ length: samples }, (_, p) => value(p)).reduce((sum, x) => sum + x, 0) / samples;
  const slope = mean((p) => read[3 * p]);
  return {
    outputs: await outputs,
    direction,
    C: mean((p) => (read[3 * p] - slope) ** 2),
    Q: mean((p) => read[3 * p + 1]),
    H: mean((p) => read[3 * p + 2]),
  };
}

const form = (matrix: readonly number[], v: ArrayLike<number>): number => {
  const d = v.length;
  let sum = 0;
  for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) sum += v[i] * matrix[i * d + j] * v[j];
  return sum;
};

describeWhere(torch, 'every kind of layer and loss against PyTorch', () => {
  let problems: Problem[];
  let references: Reference[];

  beforeAll(async () => {
    const backend = new CpuBackend(await engines[1].open(), 'float64');
    problems = torchRows.map((row) => problemOf(row, backend));
    const script = fileURLToPath(new URL('./per_sample.py', import.meta.url));
    const { status, stdout, stderr } = spawnSync('python3', [script], {
      input: JSON.stringify(problems),
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    if (status !== 0) throw new Error(stderr);
    references = JSON.parse(stdout) as Reference[];
  }, 240_000);

  for (const engine of engines) {
    describeWhere(engine.available, engine.title, () => {
      let pool: Pool;
      beforeAll(async () => {
        pool = new Pool(await engine.open(), { threads: 1 });
      });
      afterAll(() => pool.close());

      test.each(torchRows.map(({ title }, i) => [title, i] as const))('%s', async (_, i) => {
        const [problem, reference] = [problems[i], references[i]];
        const found = matricesOf(problem, new CpuBackend(pool.blas, 'float64'));
        expect(disagreement(found.outputs, reference.outputs.flat()), 'outputs').toBeLessThan(1e-13);
        expect(disagreement(found.losses, reference.losses), 'losses').toBeLessThan(1e-13);
        for (const key of ['C', 'H', 'Q'] as const)
          expect(disagreement(found[key], reference[key]), key).toBeLessThan(1e-9);

        const input = {
          model: problem.model,
          weights: new Map(
            Object.entries(problem.weights).map(([name, { values }]) => [name, shared(Float64Array.from(values))]),
          ),
          inputs: shared(Float64Array.from(problem.inputs.flat())),
          targets: shared(Float64Array.from(problem.targets.flat())),
          classes: false,
        };
        const options = { parameter: problem.parameter, seed: 1, intervals: false };
        const network = networkOf(problem, new CpuBackend(pool.blas, 'float64'));
        if (typeof factorLayout(network, problem.parameter) !== 'string') {
          const { arrays, release } = await measureExact(pool, input, { ...options, libraryThreads: 1 });
          for (const key of ['C', 'H', 'Q'] as const)
            expect(disagreement(arrays[key], reference[key]), `exact ${key}`).toBeLessThan(1e-9);
          release();
        }
        const d = Math.sqrt(reference.H.length);
        const { arrays, summary } = await measureProjected(pool, input, { ...options, top: d });
        for (const key of ['C', 'H', 'Q'] as const) {
          const trace = Array.from({ length: d }, (_, k) => reference[key][k * (d + 1)]).reduce((a, b) => a + b, 0);
          expect(Math.abs(summary.trace[key] - trace) / Math.abs(trace), `projected trace of ${key}`).toBeLessThan(
            1e-9,
          );
        }
        const eigenvalues = [...arrays.eigenvalues];
        for (const key of ['C', 'Q'] as const) {
          const along = eigenvalues.map((_, k) => form(reference[key], arrays.vectors.subarray(k * d, (k + 1) * d)));
          const measured = clusterMeans(eigenvalues, arrays[`${key}_diagonal`]);
          expect(disagreement(measured, clusterMeans(eigenvalues, along)), `projected ${key}_ii`).toBeLessThan(1e-9);
        }
      });
    });
  }

  onTensorflow((device) => {
    describeWhere(device.available, device.title, () => {
      let open: OpenDevice;
      beforeAll(async () => {
        open = await device.open();
      });
      afterAll(() => {
        open.close();
      });

      test.each(torchRows.map(({ title }, i) => [title, i] as const))('%s', async (_, i) => {
        const [problem, reference] = [problems[i], references[i]];
        const found = await formsOn(problem, open.backend());
        expect(disagreement(found.outputs, reference.outputs.flat()), 'outputs').toBeLessThan(singlePrecision);
        for (const key of ['C', 'H', 'Q'] as const) {
          // Of the largest entry, since a form may vanish; v has the length 1.
          const largest = reference[key].reduce((most, x) => Math.max(most, Math.abs(x)), 0);
          const expected = form(reference[key], found.direction);
          expect(Math.abs(found[key] - expected) / largest, key).toBeLessThan(singlePrecision);
        }
      });
    });
  });
});
