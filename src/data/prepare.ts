/**
 * From what a reader or generator yields to a `Dataset`: checks, split, subset, scale, standardise, label noise, targets, hash, in
 * this order. Letters: n samples, f features a sample, k classes or outputs.
 */
import type { DatasetSpec, SubsetSpec } from '../shared/dataset.ts';
import { fillOneHot } from '../shared/one-hot.ts';
import { InputError } from '../shared/errors.ts';
import { Random } from '../shared/random.ts';
import { hashDataset, hashPart, type Dataset, type Part } from './dataset.ts';
import { areLabels, channelsFirst, classNames, countFromLabels } from './raw.ts';
import type { RawDataset, RawInputs, RawPart, Targets } from './raw.ts';

/** The options of a specification that do not depend on its source; what is left out takes the schema's default. */
export type PrepareOptions = Partial<
  Pick<
    DatasetSpec,
    'name' | 'split' | 'subset' | 'test_subset' | 'scale' | 'standardise' | 'flatten' | 'label_noise' | 'targets'
  >
>;

/**
 * Raises an InputError (opening with the part's source) for: no samples; inputs or targets of another length than the count asks for; NaN or infinite inputs or targets
 * (naming sample and feature); labels outside 0..k-1; options that do not fit. May work in the raw arrays themselves.
 */
export function prepare(given: RawDataset, options: PrepareOptions): Dataset {
  const needsClasses = options.targets === 'one-hot' || options.label_noise !== undefined;
  const raw = needsClasses || options.subset?.balanced === true ? withClasses(given) : given;
  for (const part of [raw.train, raw.test]) if (part) check(part, raw);
  const [whole, wholeTest] = split(raw, options);
  const trainPart = subset(whole, raw, options.subset);
  const keptTest = wholeTest && subset(wholeTest, raw, options.test_subset);
  if (options.test_subset && !wholeTest) throw new InputError(`${raw.name}: test_subset: there is no test part`);

  const inputs = scale(trainPart.inputs, options.scale);
  const testInputs = keptTest && scale(keptTest.inputs, options.scale);
  standardise(raw.shape, trainPart.count, inputs, testInputs, options.standardise ?? 'none');

  const classes = raw.classes?.length ?? 0;
  const noisy = labelNoise(trainPart, classes, options.label_noise);
  const targetsOf = (targets: Targets) => (options.targets === 'one-hot' ? oneHot(targets, classes, raw) : targets);
  const shape = options.flatten === undefined ? raw.shape : [raw.shape.reduce((product, size) => product * size, 1)];
  const finish = (count: number, values: Float32Array | Float64Array, targets: Targets): Part => {
    const part = { count, inputs: flattened(values, raw, options.flatten), targets: targetsOf(targets) };
    return { ...part, hash: hashPart(shape, part) };
  };
  const train = finish(trainPart.count, inputs, noisy);
  const test = keptTest && testInputs ? finish(keptTest.count, testInputs, keptTest.targets) : null;
  const outputs = train.targets.kind === 'classes' ? classes : train.targets.width;
  const { classes: names, numbered, channelsFirst: wereFirst } = raw;
  const notes = [...(raw.notes ?? []), ...scalingNotes(trainPart.inputs, options.scale)];
  return {
    name: options.name ?? raw.name,
    shape,
    outputs,
    classes: names,
    numbered,
    channelsFirst: options.flatten === undefined ? wereFirst : undefined,
    notes,
    train,
    test,
    hash: hashDataset(outputs, train, test),
  };
}

/** What bytes become; numbers stay as they are. */
function scalingNotes(inputs: RawInputs, factor: number | undefined): string[] {
  if (!(inputs instanceof Uint8Array)) return [];
  if (factor === 1) return ['inputs: bytes, taken as the numbers 0 to 255'];
  return [
    `inputs: bytes, ${factor === undefined ? 'divided by 255' : `times ${factor}`}${factor === undefined ? ' ("scale": 1 in the specification keeps 0 to 255)' : ''}`,
  ];
}

/** Images as rows of numbers, channel by channel. */
function flattened<T extends Float32Array | Float64Array>(
  inputs: T,
  { shape, name }: RawDataset,
  how: PrepareOptions['flatten'],
): T {
  if (how === undefined) return inputs;
  if (shape.length !== 3)
    throw new InputError(
      `${name}: flatten: expected images [height, width, channels], found samples of [${shape.join(', ')}]`,
    );
  return channelsFirst(inputs, shape);
}

/** Treats whole numbers stored as floats as classes, for operations that only apply to classes. */
function withClasses(raw: RawDataset): RawDataset {
  const parts = [raw.train, ...(raw.test ? [raw.test] : [])];
  const isWhole = ({ targets }: RawPart): boolean =>
    targets.kind === 'vectors' && targets.width === 1 && areLabels(targets.values);
  if (!parts.every(isWhole)) return raw;
  const labelled = parts.map(({ targets, source }) => ({ labels: Int32Array.from(targets.values), source }));
  const part = (given: RawPart, k: number): RawPart => ({
    ...given,
    targets: { kind: 'classes', values: labelled[k].labels },
  });
  return {
    ...raw,
    classes: classNames(countFromLabels(labelled)),
    train: part(raw.train, 0),
    test: raw.test && part(raw.test, 1),
  };
}

function check(part: RawPart, { shape, classes }: RawDataset): void {
  const { count, inputs, targets, source } = part;
  const features = shape.reduce((product, size) => product * size, 1);
  if (!(count >= 1)) throw new InputError(`${source}: expected at least 1 sample, found ${count}`);
  if (!(features >= 1))
    throw new InputError(`${source}: expected at least 1 number a sample, found shape [${shape.join(', ')}]`);
  if (inputs.length !== count * features)
    throw new InputError(`${source}: expected ${count} x ${features} inputs, found ${inputs.length}`);
  const targetCount = targets.kind === 'classes' ? targets.values.length : targets.values.length / targets.width;
  if (targetCount !== count)
    throw new InputError(`${source}: ${count} inputs but ${targetCount} targets; expected as many of both`);
  if (!(inputs instanceof Uint8Array)) checkFinite(inputs, features, 'inputs', 'feature', source);
  if (targets.kind === 'vectors') {
    checkFinite(targets.values, targets.width, 'targets', 'output', source);
    return;
  }
  const k = classes?.length ?? 0;
  targets.values.forEach((label, i) => {
    if (!(label >= 0 && label < k))
      throw new InputError(`${source}: sample ${i} has label ${label}; expected 0 to ${k - 1}`);
  });
}

function checkFinite(
  values: Float32Array | Float64Array,
  width: number,
  what: string,
  column: string,
  source: string,
): void {
  const bad = values.findIndex((x) => !Number.isFinite(x));
  if (bad < 0) return;
  throw new InputError(
    `${source}: ${what}: expected finite numbers, found ${values[bad]} in sample ${Math.floor(bad / width)}, ${column} ${bad % width} (both counted from 0)`,
  );
}

function split(raw: RawDataset, options: PrepareOptions): [RawPart, RawPart | null] {
  if (!options.split) return [raw.train, raw.test];
  if (raw.test) throw new InputError(`${raw.name}: split: the source has a test part of its own (${raw.test.source})`);
  const { count } = raw.train;
  const testCount = Math.round(options.split.test * count);
  if (!(testCount >= 1 && testCount < count))
    throw new InputError(`${raw.name}: split: ${options.split.test} of ${count} samples leaves one part empty`);
  const order = new Random(options.split.seed, 'split').permutation(count);
  return [
    takeRows(raw.train, order.subarray(testCount).sort()),
    takeRows(raw.train, order.subarray(0, testCount).sort()),
  ];
}

/** The samples `rows` of a part, in that order. */
function takeRows(part: RawPart, rows: ArrayLike<number>): RawPart {
  const pick = <T extends RawInputs | Int32Array>(values: T, width: number): T => {
    const out = new (values.constructor as new (length: number) => T)(rows.length * width);
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i];
      out.set(values.subarray(row * width, (row + 1) * width), i * width);
    }
    return out;
  };
  const { targets } = part;
  return {
    count: rows.length,
    inputs: pick(part.inputs, part.inputs.length / part.count),
    targets:
      targets.kind === 'classes'
        ? { kind: 'classes', values: pick(targets.values, 1) }
        : { ...targets, values: pick(targets.values, targets.width) },
    source: part.source,
  };
}

function subset(part: RawPart, { classes }: RawDataset, wanted: SubsetSpec | undefined): RawPart {
  if (!wanted) return part;
  const place = `${part.source}: subset`;
  if (wanted.count > part.count)
    throw new InputError(
      `${place}: expected a count of at most ${part.count} (the samples there are), found ${wanted.count}`,
    );
  const random = new Random(wanted.seed, 'subset');
  const order =
    wanted.order === 'random' ? random.permutation(part.count) : Uint32Array.from({ length: part.count }, (_, i) => i);
  if (!wanted.balanced) return takeRows(part, order.subarray(0, wanted.count).sort());
  if (part.targets.kind !== 'classes' || !classes)
    throw new InputError(`${place}: balanced: expected targets that are classes`);
  const labels = part.targets.values;
  const k = classes.length;
  // Classes 0, 1, ... take the samples that do not divide evenly.
  const quota = classes.map((_, c) => Math.floor(wanted.count / k) + (c < wanted.count % k ? 1 : 0));
  const rows: number[] = [];
  for (const row of order) if (quota[labels[row]]-- > 0) rows.push(row);
  const short = quota.findIndex((left) => left > 0);
  if (short >= 0)
    throw new InputError(
      `${place}: balanced: expected ${Math.floor(wanted.count / k) + (short < wanted.count % k ? 1 : 0)} samples of class "${classes[short]}", ${quota[short]} are missing`,
    );
  return takeRows(
    part,
    rows.sort((a, b) => a - b),
  );
}

function scale(inputs: RawInputs, factor: number | undefined): Float32Array | Float64Array {
  if (inputs instanceof Uint8Array) {
    // 256 values only; b / 255 is rounded once, to single precision.
    const table = Float32Array.from({ length: 256 }, (_, byte) => (factor === undefined ? byte / 255 : byte * factor));
    const out = new Float32Array(inputs.length);
    for (let i = 0; i < out.length; i++) out[i] = table[inputs[i]]!;
    return out;
  }
  if (factor === undefined || factor === 1) return inputs;
  return inputs.map((x) => x * factor);
}

type Standardise = NonNullable<PrepareOptions['standardise']>;

/** (x - mean) / deviation in place; the deviation's divisor is n (times the features it spans). */
function standardise(
  shape: readonly number[],
  count: number,
  train: Float32Array | Float64Array,
  test: Float32Array | Float64Array | null,
  how: Standardise,
): void {
  const features = train.length / count;
  const groups = groupsOf(how, features, shape);
  if (groups === 0) return;
  const means = new Float64Array(groups);
  const deviations = new Float64Array(groups);
  for (let i = 0; i < train.length; i++) means[i % groups] += train[i];
  const members = train.length / groups;
  for (let g = 0; g < groups; g++) means[g] /= members;
  for (let i = 0; i < train.length; i++) deviations[i % groups] += (train[i] - means[i % groups]) ** 2;
  for (let g = 0; g < groups; g++) deviations[g] = Math.sqrt(deviations[g] / members);
  // A feature that is constant up to rounding has no scale of its own.
  const divisors = deviations.map((s, g) => (s > 1e-12 * Math.max(1e-300, Math.abs(means[g])) ? s : 1));
  for (const values of [train, test])
    if (values)
      for (let i = 0; i < values.length; i++) values[i] = (values[i] - means[i % groups]) / divisors[i % groups];
}

/** How many means there are; element i belongs to group i modulo that number. 0 for none. */
function groupsOf(how: Standardise, features: number, shape: readonly number[]): number {
  switch (how) {
    case 'none':
      return 0;
    case 'feature':
      return features;
    case 'channel':
      return shape.at(-1) ?? 1;
    case 'global':
      return 1;
    default:
      throw new Error(`unknown way to standardise: ${String(how satisfies never)}`);
  }
}

function labelNoise(part: RawPart, classes: number, noise: PrepareOptions['label_noise']): Targets {
  if (!noise || noise.share === 0) return part.targets;
  if (part.targets.kind !== 'classes')
    throw new InputError(`${part.source}: label_noise: expected targets that are classes`);
  if (classes < 2) throw new InputError(`${part.source}: label_noise: expected at least 2 classes, found ${classes}`);
  const random = new Random(noise.seed, 'label noise');
  const values = part.targets.values.slice();
  for (const row of random.permutation(part.count).subarray(0, Math.round(noise.share * part.count)))
    values[row] = (values[row] + 1 + random.below(classes - 1)) % classes;
  return { kind: 'classes', values };
}

function oneHot(targets: Targets, classes: number, raw: RawDataset): Targets {
  if (targets.kind !== 'classes')
    throw new InputError(`${raw.name}: targets: one-hot: expected targets that are classes`);
  const values = fillOneHot(new Float64Array(targets.values.length * classes), targets.values, classes);
  return { kind: 'vectors', values, width: classes };
}
