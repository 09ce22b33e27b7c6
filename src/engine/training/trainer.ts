/** Training a network by SGD, step by step; everything a checkpoint needs can be saved and restored, bit for bit. */
import type { OptimiserSpec, SamplingMode } from '../../shared/experiment.ts';
import type { Real } from '../blas/types.ts';
import { CpuBackend } from '../backend/cpu.ts';
import type { Tensor } from '../backend/types.ts';
import type { Network } from '../network/network.ts';
import { isWorthPreparing, PreparedBatches } from './batches/prepared.ts';
import type { Batch } from './batches/prepared.ts';
import { BatchSampler } from './sampling.ts';
import type { SamplerState } from './sampling.ts';
import { learningRateAt } from './schedule.ts';
import { Sgd } from './sgd.ts';
import { shardCount } from './shards/rule.ts';
import { ShardedGradient } from './shards/sharded.ts';

export interface TrainingData {
  /** [n, network.inputSize] */
  readonly inputs: Real;
  /** [n, network.targetSize]: one-hot rows for classes, else vectors; of sequences a class number a position. */
  readonly targets: Real;
}

export interface TrainerOptions {
  readonly optimiser: OptimiserSpec;
  readonly batchSize: number;
  readonly sampling: SamplingMode;
  readonly seed: number;
  /** For schedules that end; epochs * stepsPerEpoch. */
  readonly totalSteps: number;
  /** Threads that may share a step or prepare batches beside it, this one included; default 1. They do not change a bit. */
  readonly threads?: number;
}

export interface TrainerState {
  readonly step: number;
  readonly sampler: SamplerState;
  /** Weights and velocities by parameter name. */
  readonly weights: ReadonlyMap<string, Real>;
  readonly velocities: ReadonlyMap<string, Real>;
  /** Sum and number of the batch losses that `takeMeanLoss` has not given yet. */
  readonly losses: { readonly sum: number; readonly count: number };
}

export class Trainer {
  readonly network: Network;
  readonly sampler: BatchSampler;
  /** Steps done. */
  step = 0;
  readonly #options: TrainerOptions;
  readonly #sgd: Sgd;
  readonly #inputs: Tensor;
  readonly #targets: Tensor;
  readonly #lossSum: Tensor;
  /** Where batches are split into parts. */
  readonly #sharded: ShardedGradient | null;
  /** Batches prepared in parallel; null if that is not worthwhile, undefined before the first step. */
  #prepared: PreparedBatches | null | undefined;
  /** Resolves once dismissed threads have ended. */
  #ended: Promise<void> = Promise.resolve();
  #lossCount = 0;

  constructor(network: Network, data: TrainingData, options: TrainerOptions) {
    const { backend } = network;
    this.network = network;
    this.#options = options;
    const { momentum, nesterov, weight_decay: weightDecay } = options.optimiser;
    this.#sgd = new Sgd(network, { momentum, nesterov, weightDecay });
    const size = data.inputs.length / network.inputSize;
    this.sampler = new BatchSampler(options.sampling, size, options.batchSize, options.seed);
    this.#inputs = backend.table(data.inputs, network.inputSize);
    this.#targets = backend.table(data.targets, network.targetSize);
    this.#lossSum = backend.scope(() => backend.keep(backend.zeros(1, 1)));
    const { batchSize, threads = 1 } = options;
    const shards = backend instanceof CpuBackend ? shardCount(network, batchSize) : 1;
    this.#sharded =
      shards === 1 ? null : new ShardedGradient(network, this.#inputs, this.#targets, { batchSize, shards, threads });
  }

  get epoch(): number {
    return this.step / this.sampler.stepsPerEpoch;
  }

  /** Number of threads that share the steps so far; those requested start during the first steps. */
  get threads(): number {
    return 1 + (this.#sharded?.helpers ?? 0);
  }

  /** Number of batches prepared so far by the current preparing thread. */
  get prepared(): number {
    return this.#prepared?.taken ?? 0;
  }

  get learningRate(): number {
    const { optimiser, totalSteps } = this.#options;
    return learningRateAt(optimiser.schedule, optimiser.lr, this.step, this.sampler.stepsPerEpoch, totalSteps);
  }

  /** One step on the sampler's next batch. */
  advance(): void {
    if (this.#prepared === undefined) this.#prepared = this.#prepare();
    this.sampler.next();
    const { order, start, count } = this.sampler;
    this.#step(order, start, count, this.#prepared?.take(order, start, count) ?? null);
  }

  /** One step on given samples. */
  advanceOn(indices: Uint32Array, start: number, count: number): void {
    this.#step(indices, start, count, null);
  }

  #step(indices: Uint32Array, start: number, count: number, batch: Batch | null): void {
    this.#sgd.learningRate = this.learningRate;
    if (this.#sharded === null) this.#whole(indices, start, count, batch);
    else this.#parts(this.#sharded, indices, start, count);
    this.#lossCount++;
    this.step++;
  }

  /** Starts the thread that prepares batches, from the sampler's state by now. */
  #prepare(): PreparedBatches | null {
    const { batchSize, sampling, totalSteps, threads = 1 } = this.#options;
    const { backend } = this.network;
    const tables = { inputs: this.#inputs, targets: this.#targets };
    if (this.#sharded !== null || !isWorthPreparing(backend, tables, batchSize, totalSteps - this.step, threads))
      return null;
    const state = this.sampler.state();
    return new PreparedBatches(backend, tables, { sampling, size: this.#inputs.rows, batchSize, state });
  }

  /** Ends that thread; the next step may start another. */
  #leavePrepared(): void {
    const ending = this.#prepared?.close();
    this.#prepared = undefined;
    if (ending !== undefined) this.#ended = Promise.all([this.#ended, ending]).then(() => undefined);
  }

  #whole(indices: Uint32Array, start: number, count: number, batch: Batch | null): void {
    const { backend } = this.network;
    backend.scope(() => {
      const inputs = batch?.inputs ?? backend.rowsOf(this.#inputs, indices, start, count);
      const targets = batch?.targets ?? backend.rowsOf(this.#targets, indices, start, count);
      this.network.forward(inputs, { seed: this.#options.seed, step: this.step });
      const { losses, gradient } = this.network.lossAndGradient(targets, 1 / count);
      backend.blend(this.#lossSum, 1 / count, backend.columnSums(losses), 1);
      this.network.backward(gradient, this.#sgd);
    });
  }

  #parts(sharded: ShardedGradient, indices: Uint32Array, start: number, count: number): void {
    const { backend } = this.network;
    const sum = sharded.compute(this.network, indices, start, count, (parameter, gradient) => {
      this.#sgd.add(parameter, gradient);
    });
    backend.scope(() => {
      backend.blend(this.#lossSum, 1, backend.from([sum / count], 1, 1), 1);
    });
  }

  /** Resolves once every step so far has been computed: a device works in order, and the sum of losses waits for every step. */
  async settled(): Promise<void> {
    await this.network.backend.read(this.#lossSum);
  }

  /** Mean of the batch losses (each taken before its step) since the last call; NaN when there was none. */
  async takeMeanLoss(): Promise<number> {
    const { backend } = this.network;
    const sum = (await backend.read(this.#lossSum))[0];
    const mean = sum / this.#lossCount;
    this.#lossCount = 0;
    backend.blend(this.#lossSum, 0, this.#lossSum, 0);
    if (!Number.isFinite(sum))
      backend.scope(() => {
        backend.assign(this.#lossSum, backend.zeros(1, 1));
      });
    return mean;
  }

  /** Frees what the trainer made; the network and its weights stay. It must not be used again. */
  async close(): Promise<void> {
    const { backend } = this.network;
    await this.#sharded?.close();
    this.#leavePrepared();
    await this.#ended;
    for (const tensor of [this.#inputs, this.#targets, this.#lossSum]) backend.release(tensor);
    this.#sgd.close();
  }

  async state(): Promise<TrainerState> {
    return {
      step: this.step,
      sampler: this.sampler.state(),
      weights: await readAll(this.network, this.network.weights),
      velocities: await readAll(this.network, this.#sgd.velocities),
      losses: { sum: (await this.network.backend.read(this.#lossSum))[0], count: this.#lossCount },
    };
  }

  /** Continues exactly where `state()` was taken. Raises an Error if the state is of another network or optimiser. */
  restore(state: TrainerState): void {
    const { backend } = this.network;
    this.#leavePrepared();
    this.step = state.step;
    this.sampler.restore(state.sampler);
    this.#lossCount = state.losses.count;
    backend.scope(() => {
      backend.assign(this.#lossSum, backend.from([state.losses.sum], 1, 1));
    });
    for (const [values, targets] of [
      [state.weights, this.network.weights],
      [state.velocities, this.#sgd.velocities],
    ] as const) {
      for (const [name, target] of targets) {
        const stored = values.get(name);
        if (stored?.length !== target.rows * target.cols)
          throw new Error(`checkpoint: ${name} is missing or of another size`);
        backend.scope(() => {
          backend.assign(target, backend.from(stored, target.rows, target.cols));
        });
      }
    }
  }
}

async function readAll(network: Network, tensors: ReadonlyMap<string, Tensor>): Promise<Map<string, Real>> {
  const values = new Map<string, Real>();
  for (const [name, tensor] of tensors) values.set(name, await network.backend.read(tensor));
  return values;
}
