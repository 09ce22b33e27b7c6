/** The measurements of a run that a source of a figure means, and what they were made with. */
import { parseRecorded } from '../../shared/experiment.ts';
import type { DatasetSpec } from '../../shared/dataset.ts';
import { InputError } from '../../shared/errors.ts';
import type { FigureSource } from '../../shared/figures/recipe.ts';
import type { ModelSpec } from '../../shared/model.ts';
import { representativeMeasurement } from '../../shared/representative.ts';
import type { MeasurementSummary } from '../../shared/results.ts';
import { dataFolderOf } from '../services/runs.ts';
import type { MeasurementRecord, RunRecord, Store } from '../store/index.ts';

/** A stored measurement and where its arrays lie (null: there are none). */
export interface StoredMeasurement {
  readonly id: string;
  readonly run: string;
  readonly step: number;
  readonly summary: MeasurementSummary;
  readonly file: string | null;
}

/** What a measurement was made with: to look at single samples again. */
export interface MeasuredNetwork {
  readonly model: ModelSpec;
  readonly dataset: DatasetSpec;
  /** Checkpoint with the weights. */
  readonly weights: string;
  readonly baseFolder: string;
  readonly dataFolder: string;
}

/** All that fit a source, by step: the representative one of each layer and step. Raises InputError if there is none. */
export function measurementsOf(store: Store, run: RunRecord, source: FigureSource): StoredMeasurement[] {
  const measurements = allMeasurements(store, run, source);
  if (measurements.length === 0)
    throw new InputError(`run ${run.id} (${run.name}) has no measurement; measure it first`);
  return measurements;
}

/** The same, empty for a run without measurements. */
export function allMeasurements(store: Store, run: RunRecord, source: Omit<FigureSource, 'run'>): StoredMeasurement[] {
  const done = store.measurements(run.id).filter(({ state, summary }) => state === 'done' && summary !== null);
  if (done.length === 0) return [];
  const { parameter, step } = source;
  const named = done.filter(
    (each) =>
      parameter === undefined || each.parameter === parameter || each.parameter.replace(/\.kernel$/, '') === parameter,
  );
  if (named.length === 0) {
    const known = [...new Set(done.map((each) => each.parameter))].join(', ');
    throw new InputError(`run ${run.id} (${run.name}): "${parameter}" was not measured; measured were ${known}`);
  }
  const atStep = named.filter((each) => step === undefined || each.step === step);
  if (atStep.length === 0) {
    const steps = [...new Set(named.map((each) => each.step))].sort((a, b) => a - b).join(', ');
    throw new InputError(`run ${run.id} (${run.name}) was not measured at step ${step}, but at ${steps}`);
  }
  const representatives = [...Map.groupBy(atStep, (each) => `${each.step} ${each.parameter}`).values()].map((group) =>
    representativeMeasurement(group)!,
  );
  return representatives.sort((a, b) => a.step - b.step || order(done, a) - order(done, b)).map(stored);
}

const order = (all: readonly MeasurementRecord[], { parameter }: MeasurementRecord): number =>
  all.findIndex((each) => each.parameter === parameter);

function stored({ id, run, step, summary, arrays }: MeasurementRecord): StoredMeasurement {
  return { id, run, step, summary: summary!, file: arrays?.state === 'present' ? arrays.path : null };
}

/** Those of the last step that fits. */
export function lastMeasurements(store: Store, run: RunRecord, source: FigureSource): StoredMeasurement[] {
  const all = measurementsOf(store, run, source);
  const last = all[all.length - 1].step;
  return all.filter(({ step }) => step === last);
}

export function oneMeasurement(store: Store, run: RunRecord, source: FigureSource): StoredMeasurement {
  return lastMeasurements(store, run, source)[0];
}

export function measuredNetwork(store: Store, run: RunRecord, step: number): MeasuredNetwork {
  const experiment = parseRecorded(run.experiment, `experiment of run ${run.id}`);
  const checkpoint = store.checkpoints(run.id).find((each) => each.step === step && each.file.state === 'present');
  if (checkpoint === undefined)
    throw new InputError(
      `run ${run.id} (${run.name}) has no checkpoint at step ${step}: the curvature of single samples is computed from its weights`,
    );
  const { model, dataset } = experiment;
  const baseFolder = run.values['base_folder']?.text ?? process.cwd();
  return { model, dataset, weights: checkpoint.file.path, baseFolder, dataFolder: dataFolderOf(store) };
}
