/** Values of an experiment that the format allows but that are rarely intended: the remarks that the form shows beside the field. */
import type { Experiment } from './experiment.ts';

export interface FieldRemark {
  /** "batch_size", "optimiser.lr", "measurements[0].samples". */
  readonly path: string;
  readonly text: string;
}

export interface Plausibility {
  /** The run would fail. */
  readonly problems: readonly FieldRemark[];
  /** The run would do something that is rarely intended. */
  readonly warnings: readonly FieldRemark[];
}

/** Steps of one run from which its time is questioned before it is known: a day at 10,000 steps a second. */
const manySteps = 1e9;
/** Seconds of one run from which its time is questioned: a week. */
const longRun = 7 * 86_400;

const count = (value: number): string => value.toLocaleString('en-US');

/**
 * @param samples of the training part; null if it has not been read yet
 * @param seconds that one run takes; null if it is not known
 */
export function plausibility(experiment: Experiment, samples: number | null, seconds: number | null): Plausibility {
  const problems: FieldRemark[] = [];
  const warnings: FieldRemark[] = [];
  const { batch_size: batch, epochs, sampling, optimiser } = experiment;
  if (samples !== null && batch > samples) {
    if (sampling === 'with_replacement')
      warnings.push({
        path: 'batch_size',
        text: `a batch of ${count(batch)} draws from ${count(samples)} training samples with replacement`,
      });
    else
      problems.push({
        path: 'batch_size',
        text: `expected at most ${count(samples)}, the number of training samples; received ${count(batch)}`,
      });
  } else if (samples !== null && batch === samples && sampling !== 'with_replacement') {
    warnings.push({ path: 'batch_size', text: 'every batch is the whole training set: no sampling noise' });
  }
  for (const [index, spec] of experiment.measurements.entries()) {
    if (samples === null || spec.samples === undefined || spec.samples <= samples) continue;
    problems.push({
      path: `measurements[${index}].samples`,
      text: `expected at most ${count(samples)}, the number of training samples; received ${count(spec.samples)}`,
    });
  }
  const perEpoch = samples === null ? null : Math.ceil(samples / batch);
  const steps = perEpoch === null ? null : Math.round(epochs * perEpoch);
  if (epochs === 0) {
    warnings.push({ path: 'epochs', text: 'no step is taken: the network is measured as it was initialised' });
  } else if (seconds !== null && seconds > longRun) {
    warnings.push({ path: 'epochs', text: `a run takes about ${daysText(seconds)} on this machine` });
  } else if (steps !== null && steps > manySteps) {
    warnings.push({ path: 'epochs', text: `${count(steps)} steps a run: more than a day on any machine` });
  } else if (!Number.isInteger(epochs)) {
    const where = steps === null ? '' : `, after step ${count(steps)}`;
    warnings.push({ path: 'epochs', text: `training ends within an epoch${where}` });
  }
  if (optimiser.lr > 10)
    warnings.push({ path: 'optimiser.lr', text: 'a learning rate above 10 makes nearly every network diverge' });
  if (optimiser.weight_decay >= 1)
    warnings.push({ path: 'optimiser.weight_decay', text: 'a weight decay of 1 or more drives all weights to 0' });
  return { problems, warnings };
}

function daysText(seconds: number): string {
  const days = seconds / 86_400;
  return days < 730 ? `${count(Math.round(days))} days` : `${count(Math.round(days / 365.25))} years`;
}
