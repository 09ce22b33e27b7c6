/**
 * What a loss takes as targets, from what a dataset holds. Letters: n samples, K outputs (of one position, where the network ends in a sequence of T).
 *   cross-entropy         classes 0 to K-1. Whole numbers are classes however they are stored (integers, floats, [n] or [n, 1]), and so are rows of K with one 1
 *                         and 0 elsewhere; rows of shares (not negative, of sum 1) are soft targets. Classes that no sample has are fine; a label without an
 *                         output is refused. Of a sequence: [n, T] whole numbers, -100 where a position has none.
 *   mse                   numbers: [n] for one output, [n, K] for K. Classes become rows of 0 and 1 if there are several outputs, their numbers if there is one.
 *   binary-cross-entropy  numbers from 0 to 1 in the same shapes; classes likewise.
 */
import { InputError } from '../shared/errors.ts';
import type { LossName } from '../shared/model.ts';
import type { Dataset, Part } from './dataset.ts';
import { classNames, type Targets } from './raw.ts';

/** The loss of a network, and the rows of outputs that it compares with targets. */
export interface WantedTargets {
  readonly type: LossName;
  /** T: rows of outputs of a sample that have a target each; 1 except for cross-entropy over a sequence. */
  readonly positions: number;
  /** K. */
  readonly width: number;
}

/** A dataset whose targets a loss can take. Raises an InputError that names the dataset, the sample, and what was expected. */
export function targetsFor({ type: loss, positions, width }: WantedTargets, dataset: Dataset): Dataset {
  switch (loss) {
    case 'cross-entropy':
      return positions > 1
        ? asSequences(dataset, positions, width)
        : areShares(dataset, width)
          ? dataset
          : asClasses(dataset, width);
    case 'mse':
      return asNumbers(dataset, width, loss);
    case 'binary-cross-entropy':
      return checkShares(asNumbers(dataset, width, loss));
    default:
      loss satisfies never;
      throw new Error(`unknown loss: ${String(loss)}`);
  }
}

function partsOf({ train, test }: Dataset): readonly [part: Part, role: string][] {
  return test === null
    ? [[train, 'training']]
    : [
        [train, 'training'],
        [test, 'test'],
      ];
}

/** How far a row of shares may be from a sum of 1: single precision over many classes. */
const sumTolerance = 1e-4;

/** Whether every target is a row of shares of classes, and some is none of one class alone. */
function areShares(dataset: Dataset, width: number): boolean {
  let soft = false;
  for (const [{ targets }] of partsOf(dataset)) {
    if (targets.kind === 'classes' || targets.width !== width || width === 1) return false;
    for (let start = 0; start < targets.values.length; start += width) {
      const row = targets.values.subarray(start, start + width);
      const sum = row.reduce((total, share) => total + share, 0);
      if (!row.every((share) => share >= 0) || !(Math.abs(sum - 1) <= sumTolerance)) return false;
      soft ||= !row.includes(1);
    }
  }
  return soft;
}

/** Of a network over sequences: a whole number a position. */
function asSequences(dataset: Dataset, positions: number, width: number): Dataset {
  for (const [{ targets }, role] of partsOf(dataset)) {
    const place = `the dataset ${dataset.name}, ${role} part`;
    const given = targets.kind === 'classes' ? 1 : targets.width;
    if (given !== positions)
      throw new InputError(
        `${place}: expected ${positions} labels a sample, one for each position of the model's output; found ${given}`,
      );
    const wrong = targets.values.findIndex(
      (label) => !(label === -100 || (Number.isInteger(label) && label >= 0 && label < width)),
    );
    if (wrong >= 0)
      throw new InputError(
        `${place}: sample ${Math.floor(wrong / positions)}, position ${wrong % positions} has the label ${targets.values[wrong]}; ` +
          `the model has ${width} outputs a position, for the labels 0 to ${width - 1} (-100: none)`,
      );
  }
  return { ...dataset, outputs: positions, classes: classNames(width) };
}

function checkShares(dataset: Dataset): Dataset {
  for (const [{ targets }, role] of partsOf(dataset)) {
    if (targets.kind === 'classes') continue;
    const wrong = targets.values.findIndex((value) => !(value >= 0 && value <= 1));
    if (wrong >= 0)
      throw new InputError(
        `the dataset ${dataset.name}, ${role} part: sample ${Math.floor(wrong / targets.width)} has the target ${targets.values[wrong]}; ` +
          'the loss binary-cross-entropy takes 0 for no, 1 for yes, or a share between',
      );
  }
  return dataset;
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

function asNumbers(dataset: Dataset, outputs: number, loss: LossName): Dataset {
  const { classes, train } = dataset;
  if (classes !== null && outputs > 1) return asClasses(dataset, outputs);
  if (classes !== null) {
    // Of two classes by name the second is the yes.
    const isPair = loss === 'binary-cross-entropy' && dataset.numbered === 'by-name' && classes.length === 2;
    const values = isPair ? [0, 1] : classes.map((name) => (name.trim() === '' ? NaN : Number(name)));
    const word = values.findIndex((value) => !Number.isFinite(value));
    if (word >= 0)
      throw new InputError(
        `the dataset ${dataset.name}: the model has 1 output, which the loss ${loss} compares with a number; the targets are classes by name ("${classes[word]}")`,
      );
    const changed = withTargets(dataset, ({ targets }, at) => {
      const labels = labelsOf(targets, at, classes.length, loss);
      return { kind: 'vectors', width: 1, values: labels.map((label) => values[label]) };
    });
    const note = isPair ? `classes by name: "${classes[0]}" is 0 (no) and "${classes[1]}" is 1 (yes)` : undefined;
    return {
      ...changed,
      outputs: 1,
      classes: loss === 'binary-cross-entropy' && classes.length <= 2 ? classes : null,
      ...withNote(dataset, note),
    };
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
  const expected =
    outputs === 1 && loss === 'cross-entropy'
      ? oneOutput
      : `the loss ${loss} takes classes: a whole number from 0 to ${outputs - 1}, or ${outputs} numbers of which one is 1 and the others 0`;
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

/** The error message for a cross-entropy with one output, whatever the targets. */
const oneOutput =
  'the model has 1 output, and the loss cross-entropy takes the softmax over all outputs: of one it is 1 for every input, so that the loss and its gradient are 0. ' +
  'It needs one output a class, two for two classes; one output for yes and no is the loss binary-cross-entropy (PyTorch: BCEWithLogitsLoss), if that is what the model was trained with';

function checkLabels(labels: Float64Array, { classes }: Dataset, at: string, outputs: number): void {
  const wrong = labels.findIndex((label) => !(label >= 0 && label < outputs));
  if (wrong < 0) return;
  if (outputs === 1) throw new InputError(`${at}: sample ${wrong} has the label ${labels[wrong]}; ${oneOutput}`);
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
    `${at}: sample ${wrong} has the label ${labels[wrong]}${named}; the model has ${outputs} outputs, for the labels 0 to ${outputs - 1}. ` +
      `The labels run from ${low} to ${high}${hint}`,
  );
}

interface Places {
  /** Class -> output; left out if they have the same numbers. */
  readonly place?: readonly number[];
  /** A note on what was assumed. */
  readonly note?: string;
}

/**
 * Which output a class of a table is. Its classes are numbered by their sorted names, so they are the outputs in this order if there are as many of both. Where
 * not, names that are numbers are taken for what they say, and other names cannot be placed.
 */
function placesOf({ classes, numbered, name }: Dataset, outputs: number): Places {
  if (numbered !== 'by-name' || classes === null) return {};
  if (classes.length === outputs) {
    if (classes.every((each, k) => each === String(k))) return {};
    return { note: `classes by name, in order: ${shownNames(classes)} are the outputs 0 to ${outputs - 1}` };
  }
  if (outputs === 1)
    throw new InputError(
      `the dataset ${name} has ${classes.length} classes by name (${shownNames(classes)}); ${oneOutput}`,
    );
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
    const output = place?.[k] ?? k;
    if (output < outputs) names[output] = name;
  });
  return names;
}

function withNote({ notes = [] }: Dataset, note: string | undefined): Pick<Dataset, 'notes'> {
  return note === undefined ? { notes } : { notes: [...notes, note] };
}
