/** Steps per second of SGD beside those of its matrix products alone, on the same library and thread. */
import { parseModel } from '../../shared/model.ts';
import type { ModelSpec } from '../../shared/model.ts';
import { CpuBackend } from '../../engine/backend/cpu.ts';
import type { Blas, Real } from '../../engine/blas/types.ts';
import { AffineLayer } from '../../engine/network/affine.ts';
import { leaves } from '../../engine/network/chain.ts';
import { Network } from '../../engine/network/network.ts';
import type { TrainingData } from '../../engine/training/trainer.ts';
import { benchModel, filled } from './bench.ts';
import { benchTrainer } from './input.ts';

const batch = 50;

export interface TrainingJob {
  readonly what: string;
  readonly model: ModelSpec;
  /** Whether threads can share its steps; else one thread may prepare its batches in parallel. */
  readonly isShared: boolean;
}

/** The networks whose rates are promised; both take the drawn digits. */
export function trainingJobs(): readonly TrainingJob[] {
  return [
    { what: 'SGD on 784-50-50-10', model: benchModel(50), isShared: false },
    { what: 'SGD on the small CNN', model: smallCnn(), isShared: true },
  ];
}

/** conv 3x3 of 8, relu, max pooling, conv 3x3 of 16, relu, max pooling, dense 64, relu, dense 10, on 28 x 28. */
function smallCnn(): ModelSpec {
  const relu = { type: 'activation', function: 'relu' };
  const pooling = { type: 'maxpool2d', size: 2 };
  const convolution = (name: string, filters: number): unknown => ({ type: 'conv2d', name, filters, kernel: [3, 3] });
  return parseModel({
    input: [28, 28, 1],
    layers: [
      convolution('conv1', 8),
      relu,
      pooling,
      convolution('conv2', 16),
      relu,
      pooling,
      { type: 'flatten' },
      { type: 'dense', name: 'fc1', units: 64 },
      relu,
      { type: 'dense', name: 'fc2', units: 10 },
    ],
    loss: 'cross-entropy',
  });
}

export interface BenchedTraining {
  /** Steps a second. */
  readonly steps: number;
  /** The same of the step's matrix products alone: forward, both backward products of each layer but the first's input. */
  readonly bare: number;
}

/** Milliseconds of processor time of this process, all its threads together. */
export function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/**
 * Both rates are the best of alternating rounds, so that a passing load of the machine does not count.
 * @param clock milliseconds; the wall's by default. For one thread, processor time is hardly affected by other work on the machine.
 */
export async function benchTrainingRate(
  blas: Blas,
  job: TrainingJob,
  data: TrainingData,
  threads: number,
  clock: () => number = () => performance.now(),
): Promise<BenchedTraining> {
  const [seconds, rounds] = [1, 3];
  const network = new Network(job.model, new CpuBackend(blas, 'float32'));
  const trainer = benchTrainer(network, data, { lr: 0.01, totalSteps: 1e9, threads });
  const products = productsOf(blas, network);
  let steps = 0;
  let bare = 0;
  for (let round = 0; round < rounds; round++) {
    bare = Math.max(bare, rateOf(products.run, seconds, clock));
    steps = Math.max(
      steps,
      rateOf(
        () => {
          trainer.advance();
        },
        seconds,
        clock,
      ),
    );
  }
  products.release();
  await trainer.close();
  return { steps, bare };
}

function rateOf(body: () => void, seconds: number, clock: () => number): number {
  const warming = clock();
  for (let i = 0; i < 20 && clock() - warming < 2000 * seconds; i++) body();
  const begun = clock();
  let count = 0;
  while (clock() - begun < 1000 * seconds) {
    body();
    count++;
  }
  return (1000 * count) / (clock() - begun);
}

/** The matrix products of one step on a batch, on arrays of their own. */
function productsOf(blas: Blas, network: Network): { readonly run: () => void; readonly release: () => void } {
  const arrays: Real[] = [];
  const make = (length: number, seed: number): Real => {
    const array = filled(blas, 'float32', length, seed);
    arrays.push(array);
    return array;
  };
  const layers = leaves(network.layers)
    .filter((layer) => layer instanceof AffineLayer)
    .map(({ kernel, positions }, i) => ({
      rows: batch * positions,
      inner: kernel.rows,
      outer: kernel.cols,
      x: make(batch * positions * kernel.rows, i),
      dx: make(batch * positions * kernel.rows, i),
      w: make(kernel.rows * kernel.cols, i + 10),
      z: make(batch * positions * kernel.cols, i + 20),
    }));
  const run = (): void => {
    for (const { rows, inner, outer, x, w, z } of layers)
      blas.gemm(false, false, rows, outer, inner, 1, x, inner, w, outer, 0, z, outer);
    for (const [i, { rows, inner, outer, x, dx, w, z }] of layers.entries()) {
      if (i > 0) blas.gemm(false, true, rows, inner, outer, 1, z, outer, w, outer, 0, dx, inner);
      blas.gemm(true, false, inner, outer, rows, -1e-9, x, inner, z, outer, 1, w, outer);
    }
  };
  return {
    run,
    release: () => {
      for (const array of arrays) blas.release(array);
    },
  };
}
