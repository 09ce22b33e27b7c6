/**
 * What a loss takes as targets, from what a dataset holds. Letters: n samples, k outputs of the network.
 *   cross-entropy  classes 0 to k-1. Whole numbers are classes however they are stored (integers, floats, [n] or [n, 1]), and so are rows of k with one 1
 *                  and 0 elsewhere. Classes that no sample has are fine; a label without an output is refused.
 *   mse            numbers: [n] for one output, [n, k] for k. Classes become rows of 0 and 1 where there are several outputs, their numbers where there is one.
 */
import { InputError } from '../shared/errors.ts';
import type { LossName } from '../shared/model.ts';
import type { Dataset, Part } from './dataset.ts';
import { classNames, type Targets } from './raw.ts';

/** A dataset whose targets fit a loss over `outputs` outputs. Raises an InputError that names the dataset, the sample, and what was expected. */
export function targetsFor(loss: LossName, dataset: Dataset, outputs: number): Dataset {
  switch (loss) {
    case 'cross-entropy':
      return asClasses(dataset, outputs);
    case 'mse':
      return asNumbers(dataset, outputs);
    default:
      loss satisfies never;
      throw new Error(`unknown loss: ${String(loss)}`);
  }
}

function withTargets(dataset: Dataset, change: (part: Part, at: string) => Targets): Dataset {
  const changed = (part: Part, role: string): Part => ({
    ...part,
    targets: change(part, `the dataset ${dataset.name}, ${role} part`),
  });
  return {
    ...dataset,
    train: changed(dataset.train, 'training'),
    test: dataset.test && changed(dataset.test, 'test'),
  };
}

function asClasses(dataset: Dataset, outputs: number): Dataset {
  const { place, note } = placesOf(dataset, outputs);
  const changed = withTargets(dataset, ({ targets }, at) => {
    const labels = labelsOf(targets, at, outputs, 'cross-entropy').map((label) => place?.[label] ?? label);
    checkLabels(labels, dataset, at, outputs);
    return { kind: 'classes', values: Int32Array.from(labels) };
  });
  return { ...changed, outputs, classes: namesOf(dataset, place, outputs), ...withNote(dataset, note) };
}

function asNumbers(dataset: Dataset, outputs: number): Dataset {
  const { classes, train } = dataset;
  if (classes !== null && outputs > 1) return asClasses(dataset, outputs);
  if (classes !== null) {
    const values = classes.map((name) => (name.trim() === '' ? NaN : Number(name)));
    const word = values.findIndex((value) => !Number.isFinite(value));
    if (word >= 0)
      throw new InputError(
        `the dataset ${dataset.name}: the model has 1 output, which the loss mse holds against a number; the targets are classes by name ("${classes[word]}")`,
      );
    const changed = withTargets(dataset, ({ targets }, at) => {
      const labels = labelsOf(targets, at, classes.length, 'mse');
      return { kind: 'vectors', width: 1, values: labels.map((label) => values[label]) };
    });
    return { ...changed, outputs: 1, classes: null };
  }
  const width = train.targets.kind === 'vectors' ? train.targets.width : 1;
  if (width !== outputs) {
    const hint =
      width === 1 ? '; for classes as rows of 0 and 1 write "targets": "one-hot" into the specification' : '';
    throw new InputError(
      `the dataset ${dataset.name} has ${width} ${width === 1 ? 'number' : 'numbers'} a sample as targets; the model has ${outputs} outputs${hint}`,
    );
  }
  return dataset;
}

/** The label of every sample. Raises an InputError for what is no class. */
function labelsOf(targets: Targets, at: string, outputs: number, loss: LossName): Float64Array {
  if (targets.kind === 'classes') return Float64Array.from(targets.values);
  const { values, width } = targets;
  const expected = `the loss ${loss} takes classes: a whole number from 0 to ${outputs - 1}, or ${outputs} numbers of which one is 1 and the others 0`;
  if (width === 1) {
    const broken = values.findIndex((value) => !Number.isInteger(value));
    if (broken >= 0) throw new InputError(`${at}: sample ${broken} has the target ${values[broken]}; ${expected}`);
    return values;
  }
  const labels = new Float64Array(values.length / width);
  for (let p = 0; p < labels.length; p++) {
    const row = values.subarray(p * width, (p + 1) * width);
    const label = row.indexOf(1);
    if (label < 0 || row.some((value, k) => value !== (k === label ? 1 : 0))) {
      const shown = [...row.subarray(0, 6)].join(', ') + (width > 6 ? ', ...' : '');
      throw new InputError(`${at}: sample ${p} has the target [${shown}]; ${expected}`);
    }
    labels[p] = label;
  }
  return labels;
}

function checkLabels(labels: Float64Array, { classes }: Dataset, at: string, outputs: number): void {
  const wrong = labels.findIndex((label) => !(label >= 0 && label < outputs));
  if (wrong < 0) return;
  let low = Infinity;
  let high = -Infinity;
  for (const label of labels) {
    low = Math.min(low, label);
    high = Math.max(high, label);
  }
  const name = classes?.[labels[wrong]];
  const named = name === undefined || name === String(labels[wrong]) ? '' : ` ("${name}")`;
  const hint =
    low === 1 && high === outputs
      ? ': they count from 1, so subtract 1'
      : low < 0
        ? ': a negative label often marks a sample to be left out; remove such samples'
        : '';
  throw new InputError(
    `${at}: sample ${wrong} has the label ${labels[wrong]}${named}; the model has ${outputs} ${outputs === 1 ? 'output, for the label 0' : `outputs, for the labels 0 to ${outputs - 1}`}. ` +
      `The labels run from ${low} to ${high}${hint}`,
  );
}

interface Places {
  /** Class -> output; left out where they have the same numbers. */
  readonly place?: readonly number[];
  /** What was taken. */
  readonly note?: string;
}

/**
 * Which output a class of a table is. Its classes are numbered by their sorted names, so they are the outputs in this order where there are as many of both. Where
 * not, names that are numbers are taken for what they say, and other names cannot be placed.
 */
function placesOf({ classes, numbered, name }: Dataset, outputs: number): Places {
  if (numbered !== 'by-name' || classes === null) return {};
  if (classes.length === outputs) {
    if (classes.every((each, k) => each === String(k))) return {};
    return { note: `classes by name, in order: ${shownNames(classes)} are the outputs 0 to ${outputs - 1}` };
  }
  const numbers = classes.map((each) => (/^\d+$/.test(each) ? Number(each) : NaN));
  if (numbers.every(Number.isSafeInteger))
    return {
      place: numbers,
      note: `${classes.length} classes for ${outputs} outputs: each label is the number of its output`,
    };
  throw new InputError(
    `the dataset ${name} has ${classes.length} classes by name (${shownNames(classes)}); the model has ${outputs} outputs, and which class is which output cannot be told. ` +
      'Write the number of the output (from 0) in place of the name',
  );
}

function shownNames(classes: readonly string[]): string {
  return classes.slice(0, 8).join(', ') + (classes.length > 8 ? ', ...' : '');
}

/** One name an output; outputs that no class of the dataset is are called by their number. */
function namesOf({ classes }: Dataset, place: readonly number[] | undefined, outputs: number): string[] {
  const names = classNames(outputs);
  classes?.forEach((name, k) => {
    const at = place?.[k] ?? k;
    if (at < outputs) names[at] = name;
  });
  return names;
}

function withNote({ notes = [] }: Dataset, note: string | undefined): Pick<Dataset, 'notes'> {
  return note === undefined ? { notes } : { notes: [...notes, note] };
}
