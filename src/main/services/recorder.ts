/** Stores what a job sends, in the order in which it comes: the main side is the only writer of the store. */
import type { JobEvent } from '../jobs/protocol.ts';
import { learningState } from '../../shared/learning.ts';
import type { JobEnd } from '../jobs/host.ts';
import type { RecordedBatch, Json, LogLine, Store } from '../store/index.ts';
import type { Provenance } from '../provenance.ts';
import { recordMeasurement, type MeasurementEvent } from './record-measurement.ts';

export class Recorder {
  readonly #store: Store;
  readonly #run: string;
  readonly #provenance: Provenance;
  readonly #onBatch: ((batch: RecordedBatch) => void) | undefined;
  #batch: number;

  /**
   * @param batch number of the next batch (`rewind`, or 0 for a new run)
   * @param onBatch told of every batch once it is stored
   */
  constructor(
    store: Store,
    run: string,
    provenance: Provenance,
    batch: number,
    onBatch?: (batch: RecordedBatch) => void,
  ) {
    this.#store = store;
    this.#run = run;
    this.#provenance = provenance;
    this.#batch = batch;
    this.#onBatch = onBatch;
  }

  #append(content: Omit<RecordedBatch, 'number'>): void {
    const batch = { number: this.#batch++, ...content };
    this.#store.appendBatch(this.#run, batch);
    this.#onBatch?.(batch);
  }

  record(event: JobEvent): void {
    const store = this.#store;
    switch (event.kind) {
      case 'prepared':
        store.updateRun(this.#run, {
          steps: event.steps,
          provenance: { ...this.#provenance, dataset: event.dataset, engine: event.engine } as unknown as Json,
        });
        store.setSummary(this.#run, { parameters: event.parameters, blas: event.engine.blas });
        this.log('info', beginText(event));
        return;
      case 'metrics':
        this.#append({ step: event.step, metrics: event.series });
        return;
      case 'log':
        this.log(event.level, event.text);
        return;
      case 'checkpoint':
        store.transaction(() => {
          store.addCheckpoint(this.#run, { step: event.step, epoch: event.epoch, file: { file: event.file.file } });
          store.pruneCheckpoints(this.#run, keptCheckpoints);
        });
        return;
      case 'measurement':
        this.#measured(event);
        this.log('info', measuredText(event));
        return;
      case 'measurement-failed':
        this.#measured(event);
        this.log('warning', `${event.parameter} was not measured: ${event.error}`);
        return;
      case 'ended':
        store.setSummary(this.#run, {
          ...event.results,
          ...Object.fromEntries(Object.entries(event.seconds).map(([key, value]) => [`seconds.${key}`, value])),
          ...(event.outcome === 'done' && learningOf(event.results)),
        });
        return;
      case 'rates':
        keepRates(store, event);
        return;
      case 'progress':
      case 'forecast':
      case 'failed':
        return;
      default:
        event satisfies never;
    }
  }

  #measured(event: MeasurementEvent): void {
    const { step, epoch } = event;
    recordMeasurement(this.#store, this.#run, { step, epoch, origin: 'schedule' }, event);
  }

  log(level: LogLine['level'], text: string): void {
    this.#append({ log: [{ time: Date.now(), level, text }] });
  }

  /** Marks the run as its job left it. */
  finish(end: JobEnd): void {
    const store = this.#store;
    switch (end.kind) {
      case 'ended':
        this.log('info', `${end.event.outcome} at step ${end.event.step}`);
        store.setRunStatus(this.#run, end.event.outcome, { error: end.event.reason });
        if (end.event.outcome === 'done') store.packSeries(this.#run);
        return;
      case 'failed':
        this.log('error', end.event.stack ?? end.event.message);
        store.setRunStatus(this.#run, 'failed', { error: end.event.message });
        return;
      case 'lost':
        // It could not report its outcome.
        store.setSummary(this.#run, lastValues(store, this.#run));
        if (!end.cancelled) this.log(end.pausing ? 'warning' : 'error', end.message);
        store.setRunStatus(this.#run, end.cancelled ? 'cancelled' : end.pausing ? 'paused' : 'interrupted', {
          error: end.cancelled || end.pausing ? null : end.message,
        });
        return;
      default:
        end satisfies never;
    }
  }
}

/** The outcome of the training, as the summary key `learning`. */
function learningOf({ loss, accuracy, constant_loss: constant }: Readonly<Record<string, number>>): {
  readonly learning?: string;
} {
  if (loss === undefined || constant === undefined) return {};
  const state = learningState({ loss, constant, accuracy: accuracy ?? null });
  return state === null ? {} : { learning: state };
}

function beginText({ dataset, engine, steps }: Extract<JobEvent, { kind: 'prepared' }>): string {
  const on = engine.backend === undefined || engine.backend === 'cpu' ? '' : `${engine.backend}, `;
  return `${dataset.name}: ${dataset.train.count} training samples, ${steps} steps; on ${on}${engine.blas}, ${engine.threads} threads`;
}

function measuredText({ step, summary }: Extract<JobEvent, { kind: 'measurement' }>): string {
  const seconds = summary.seconds['total'];
  const time = seconds === undefined ? '' : ` in ${seconds.toPrecision(2)} s`;
  return `measured ${summary.parameter} at step ${step}, ${summary.method}, ${summary.samples} samples${time}`;
}

/** What was last evaluated: the ends of the series of a run that was taken back to its checkpoint; and the loss before training. */
export function lastValues(store: Store, id: string): Record<string, number> {
  const names = ['loss', 'accuracy', 'test_loss', 'test_accuracy'];
  const series = store.series(id, { names });
  const values = Object.fromEntries(
    Object.entries(series).flatMap(([name, { values }]) => {
      const last = values.at(-1);
      return last === undefined ? [] : [[name, last]];
    }),
  );
  const losses = series['loss'];
  if (losses?.steps[0] === 0) values['initial_loss'] = losses.values[0];
  return values;
}

export function keepRates(store: Store, { machine, rates }: Extract<JobEvent, { kind: 'rates' }>): void {
  store.transaction(() => {
    for (const [name, rate] of Object.entries(rates)) store.setCalibration(machine, name, rate);
  });
}

/** Older checkpoints of a run are removed; the last is what it resumes from, one more in case that file is damaged. */
const keptCheckpoints = 2;
