/** What a training run records: metrics over its steps, the newest result of each, and how long its parts take. */
import type { Network } from '../../engine/network/network.ts';
import { evaluate } from '../../engine/training/evaluate.ts';
import type { Trainer } from '../../engine/training/trainer.ts';
import { trainingTime } from '../../shared/training-time.ts';
import type { PreparedData } from './data.ts';
import { MetricBuffer } from './metric-buffer.ts';
import type { JobEvent, TrainRequest } from './protocol.ts';
import type { TrainingParts } from './train-setup.ts';

export class TrainingRecord {
  readonly metrics: MetricBuffer;
  readonly seconds = { training: 0, evaluating: 0, measuring: 0 };
  /** The last value of each metric. */
  readonly results: Record<string, number> = {};
  /** Samples of all evaluations. */
  evaluated = 0;
  readonly #network: Network;
  readonly #trainer: Trainer;
  readonly #data: PreparedData;
  /** Seconds of training before this process; null if they were not recorded. */
  readonly #secondsBefore: number | null;
  #timedStep: number;

  constructor(
    emit: (event: JobEvent) => void,
    { network, trainer, data }: TrainingParts,
    resume: TrainRequest['resume'],
  ) {
    this.metrics = new MetricBuffer(emit);
    this.#network = network;
    this.#trainer = trainer;
    this.#data = data;
    Object.assign(this.results, resume?.results);
    this.#secondsBefore = resume === null ? 0 : resume.seconds;
    this.#timedStep = resume === null ? -1 : trainer.step;
  }

  /** Loss and accuracy over both parts at the current step; returns the training loss. */
  async evaluate(): Promise<number> {
    const begun = performance.now();
    const { step } = this.#trainer;
    const train = await evaluate(this.#network, this.#data.train, this.#data.classes);
    this.#add('loss', step, train.loss);
    if (train.accuracy !== null) this.#add('accuracy', step, train.accuracy);
    const test = this.#data.test === null ? null : await evaluate(this.#network, this.#data.test, this.#data.classes);
    if (test !== null) {
      this.#add('test_loss', step, test.loss);
      if (test.accuracy !== null) this.#add('test_accuracy', step, test.accuracy);
    }
    this.metrics.add('learning_rate', step, this.#trainer.learningRate);
    this.evaluated += train.samples + (test?.samples ?? 0);
    this.seconds.evaluating += (performance.now() - begun) / 1000;
    return train.loss;
  }

  /** How long training has taken up to the current step, once a step. */
  time(): void {
    const { step } = this.#trainer;
    if (this.#secondsBefore === null || step <= this.#timedStep) return;
    this.metrics.add(trainingTime, step, this.#secondsBefore + this.seconds.training);
    this.#timedStep = step;
  }

  #add(name: string, step: number, value: number): void {
    this.results[name] = value;
    if (Number.isFinite(value)) this.metrics.add(name, step, value);
  }
}
