/**
 * Every measurement and training run of the reference files on a TensorFlow.js device: the exact method where it serves, the projected one with all directions
 * for every parameter of every layer kind (dense, bias, convolution, pooling, normalisation, attention, residual), SGD with each optimiser. On a slow device
 * the exact method measures one parameter a file, and a product with H and the samples' values along one random direction stand for the projected method, for
 * that parameter and for all that the exact method does not serve.
 *
 * Tolerances, as docs/theory.md defines agreement (of the largest entry). A single-precision operation rounds to 2^-24 = 6e-8, and WGSL allows exp and log 3 to 4 units in
 * the last place and tanh 1e-5 absolutely (WebGPU specification, "Accuracy of built-in functions"); the library's erf is a fit to 1.5e-7.
 * - C, H, mean gradient: passes of at most 40 operations in a chain, whose rounding adds up like a random walk at best and linearly at worst: 40 * 6e-8 = 2.4e-6;
 *   with the allowance for tanh, whose derivative enters twice, 2e-5. Q has h_p squared: twice the relative error, 4e-5.
 * - Eigenvalues move by at most the norm of the change of H (Weyl): at most sqrt(d) <= 10 times an entry's, of the largest eigenvalue, which is itself larger than
 *   the largest entry: as H.
 * - C_ii and Q_ii along v_i: v_i turns by the change of H over the gap to the next eigenvalue, so clusters are wider than in float64: what lies within 1e-3 of the
 *   largest eigenvalue is averaged, and the rest turns by at most 2e-5 / 1e-3 = 2e-2; along a turned direction a value changes by the turn squared times the
 *   spread, and by the turn times the off-diagonal entry: 2e-3.
 * - Training takes 10 to 30 steps, each of which rounds once more; the losses and weights stay within 1e-4.
 */
import type { MeasurementInput } from '../../../src/engine/curvature/measurement-input.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OpenDevice } from '../../../src/engine/backend/tfjs/device.ts';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import { DeviceSession } from '../../../src/engine/curvature/device/session.ts';
import { measureExact } from '../../../src/engine/curvature/exact.ts';
import { measureProjected } from '../../../src/engine/curvature/projected/measure.ts';
import { meansOf } from '../../../src/engine/curvature/projected/projections.ts';
import { openSession } from '../../../src/engine/curvature/projected/session.ts';
import { Network } from '../../../src/engine/network/network.ts';
import { Pool } from '../../../src/engine/parallel/pool.ts';
import { shared } from '../../../src/engine/parallel/shared.ts';
import { Trainer } from '../../../src/engine/training/trainer.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';
import type { DeviceUnderTest } from '../../support/devices.ts';
import {
  clusterMeans,
  dataOf,
  disagreement,
  flat,
  modelOf,
  outputsOf,
  readReference,
  referenceAvailable,
  referenceNames,
  seesOneVector,
} from '../../support/reference.ts';
import type { ReferenceFile, ReferenceMeasurement } from '../../support/reference.ts';
import { describeWhere } from '../../support/skips.ts';
import { normals } from '../network/support.ts';

const entries = 2e-5;
const squares = 4e-5;
const along = 2e-3;
/** Eigenvalues nearer than this part of the largest are one cluster. */
const cluster = 1e-3;
const training = 1e-4;

export function referenceSuite(device: DeviceUnderTest): void {
  const available = referenceAvailable === true ? device.available : referenceAvailable;
  describeWhere(available, `reference values, ${device.title}`, () => {
    let open: OpenDevice;
    let pool: Pool;
    beforeAll(async () => {
      open = await device.open();
      pool = new Pool(await openWasmBlas(loadKernels()), { threads: 1 });
    });
    afterAll(async () => {
      await pool.close();
      open.close();
    });

    const expectAlong = (
      reference: ReferenceMeasurement,
      found: Readonly<Record<'C_diagonal' | 'Q_diagonal' | 'eigenvalues', ArrayLike<number>>>,
    ): void => {
      expect(disagreement(found.eigenvalues, reference.eigenvalues), 'eigenvalues').toBeLessThan(entries);
      for (const key of ['C_diagonal', 'Q_diagonal'] as const) {
        const means = clusterMeans(reference.eigenvalues, reference[key], cluster);
        expect(disagreement(clusterMeans(reference.eigenvalues, found[key], cluster), means), key).toBeLessThan(along);
      }
    };

    /** H v, v . C v and v . Q v for a random unit vector v, by what the projected method is made of. */
    const measureAlong = async (file: ReferenceFile, reference: ReferenceMeasurement): Promise<void> => {
      const input = inputOf(file);
      const session = new DeviceSession(open, input);
      const opened = await openSession(pool, input, { parameter: reference.parameter, seed: 1, device: session });
      const { d } = opened.space;
      const [v, out] = [pool.allocate('float64', d), pool.allocate('float64', d)];
      const values = normals(7, d);
      const norm = Math.hypot(...values);
      for (let i = 0; i < d; i++) v[i] = values[i] / norm;
      const times = (matrix: readonly (readonly number[])[]): number[] =>
        matrix.map((row) => row.reduce((sum, x, j) => sum + x * v[j], 0));
      const form = (matrix: readonly (readonly number[])[]): number =>
        times(matrix).reduce((sum, x, i) => sum + x * v[i], 0);
      await opened.operator.apply(v, out);
      expect(disagreement(out, times(reference.H)), 'H v').toBeLessThan(entries);
      const gradient = Float64Array.from(reference.mean_gradient);
      const found = await opened.project({ vectors: v, gradient, halves: ['A', 'B'], covariance: true });
      const means = meansOf(found, opened.plan, found.blocks);
      const [largest] = reference.eigenvalues;
      expect(Math.abs(means.H[0] - form(reference.H)) / largest, 'v . H v').toBeLessThan(entries);
      expect(Math.abs(means.C[0] / form(reference.C) - 1), 'v . C v').toBeLessThan(squares);
      expect(Math.abs((found.covariance?.[0] ?? NaN) / form(reference.C) - 1), 'covariance').toBeLessThan(squares);
      expect(Math.abs(means.Q[0] / form(reference.Q) - 1), 'v . Q v').toBeLessThan(squares);
      for (const array of [v, out]) pool.blas.release(array);
      await opened.close();
      session.close();
    };

    for (const name of ['mlp-', 'cnn-', 'resnet-', 'transformer-'].flatMap(referenceNames)) {
      const file = readReference(name);
      const model = modelOf(file);
      for (const reference of file.measurements) {
        const { parameter } = reference;
        const isFirst = reference === file.measurements.find((each) => seesOneVector(model, each.parameter));
        if (seesOneVector(model, parameter) && (isFirst || !device.isSlow))
          test(`exact, ${name}: ${parameter}`, async () => {
            const input = inputOf(file);
            const session = new DeviceSession(open, input);
            const options = { parameter, seed: 1, libraryThreads: 1, device: session, intervals: false };
            const { arrays, summary, release } = await measureExact(pool, input, options);
            session.close();
            for (const key of ['C', 'H', 'gauss_newton', 'mean_gradient'] as const)
              expect(disagreement(arrays[key], flat(reference[key])), key).toBeLessThan(entries);
            expect(disagreement(arrays.Q, flat(reference.Q)), 'Q').toBeLessThan(squares);
            expectAlong(reference, arrays);
            expect(Math.abs(summary.loss / reference.loss - 1), 'loss').toBeLessThan(entries);
            release();
          });
        if (device.isSlow) {
          if (isFirst || !seesOneVector(model, parameter))
            test(`projected, along a random direction, ${name}: ${parameter}`, () => measureAlong(file, reference));
          continue;
        }
        test(`projected, ${name}: ${parameter}`, async () => {
          const input = inputOf(file);
          const d = reference.eigenvalues.length;
          const session = new DeviceSession(open, input);
          const { arrays, summary } = await measureProjected(pool, input, {
            parameter,
            seed: 1,
            top: d,
            device: session,
            intervals: false,
            convergence: 'none',
          });
          session.close();
          expect(summary.projected?.k).toBe(d);
          expectAlong(reference, arrays);
          const { C, H, Q } = summary.trace;
          const traces = { C, H, Q };
          for (const key of ['C', 'H', 'Q'] as const) {
            const trace = reference[key].reduce((sum, row, i) => sum + row[i], 0);
            expect(Math.abs(traces[key] / trace - 1), `trace ${key}`).toBeLessThan(squares);
          }
          expect(summary.precision_reached?.products?.H).toBeLessThan(entries);
        });
      }
    }

    for (const name of referenceNames('training-')) {
      test(name, async () => {
        const file = readReference(name);
        const backend = open.backend();
        const network = new Network(modelOf(file), backend);
        for (const [key, values] of Object.entries(file.initial_weights)) network.setWeight(key, flat(values));
        const { lr, momentum = 0, nesterov = false, weight_decay = 0 } = file.optimiser;
        const trainer = new Trainer(network, dataOf(file, network.outputSize), {
          optimiser: { lr, momentum, nesterov, weight_decay, schedule: { kind: 'constant', warm_up_steps: 0 } },
          batchSize: file.batches[0].length,
          sampling: 'epoch',
          seed: 0,
          totalSteps: file.batches.length,
        });
        const losses: number[] = [];
        const tensors: number[] = [];
        for (const batch of file.batches) {
          trainer.advanceOn(Uint32Array.from(batch), 0, batch.length);
          losses.push(await trainer.takeMeanLoss());
          tensors.push(open.tf.memory().numTensors);
        }
        // The first step makes the places of windows, which stay.
        expect(new Set(tensors.slice(1)).size, `tensors after each step: ${tensors.join(', ')}`).toBe(1);
        expect(disagreement(losses, file.batch_losses)).toBeLessThan(training);
        const { weights } = await trainer.state();
        for (const [key, values] of Object.entries(file.final_weights))
          expect(disagreement(weights.get(key) ?? [], flat(values)), key).toBeLessThan(training);
        await trainer.close();
      });
    }
  });
}

function inputOf(file: ReferenceFile): MeasurementInput {
  const { inputs, targets, classes } = dataOf(file, outputsOf(file.weights));
  return {
    model: modelOf(file),
    weights: new Map(Object.entries(file.weights).map(([key, values]) => [key, shared(flat(values))])),
    inputs: shared(inputs),
    targets: shared(targets),
    classes,
  };
}
