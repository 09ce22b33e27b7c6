/** Datasets kept as named arrays, in npz or safetensors files: inputs [n, ...shape] and targets. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { InputError, messageOf } from '../../shared/errors.ts';
import { readInputFile } from '../files.ts';
import { refusePickle } from '../lookalikes.ts';
import {
  areLabels,
  classNames,
  countFromLabels,
  type RawDataset,
  type RawInputs,
  type RawPart,
  type Targets,
} from '../raw.ts';
import { parseNpy, parseNpyTexts, parseNpz, parseNpzTexts } from './npy.ts';
import { parseSafetensors } from './safetensors.ts';
import { elementsOf, toFloat64, type StoredTensor } from './tensors.ts';

export interface ArraysOptions {
  /** Names of the arrays; default "inputs" and "targets", or others that are usual (x_train and y_train, X and y, ...) if these are not there. */
  readonly inputs?: string;
  readonly targets?: string;
  /** A second file with the test part under the same names. Default: the arrays `test_<inputs>` and `test_<targets>` of the first if both are there. */
  readonly testPath?: string;
  /** Of an .npy file, which holds one array: the file with the targets. Default: beside it, by usual names (X.npy and y.npy). */
  readonly targetsPath?: string;
  /** Of one sample; the product must agree with the file's. */
  readonly shape?: readonly number[];
  /** Number of classes; default the largest label + 1. */
  readonly classes?: number;
}

type Arrays = ReadonlyMap<string, () => StoredTensor>;

interface Opened {
  readonly arrays: Arrays;
  /** Arrays of text, of npz and npy. */
  readonly texts?: ReadonlyMap<string, () => string[] | null>;
  /** Of the classes, if the file's metadata say so. */
  readonly names?: readonly string[];
}

function open(kind: 'npz' | 'safetensors', bytes: Uint8Array, name: string): Opened {
  if (kind === 'npz') {
    refusePickle(bytes, name);
    return { arrays: parseNpz(bytes, name), texts: parseNpzTexts(bytes, name) };
  }
  const { tensors, metadata } = parseSafetensors(bytes, name);
  const arrays = new Map([...tensors].map(([key, value]) => [key, () => value]));
  const names = metadata.format === datasetFormat ? namesIn(metadata.classes) : undefined;
  return names ? { arrays, names } : { arrays };
}

/** The usual names of inputs and targets, and of those of the test part: of this project, Keras, scikit-learn, NumPy without names. */
const usualNames: readonly (readonly [inputs: string, targets: string, testInputs?: string, testTargets?: string])[] = [
  ['inputs', 'targets', 'test_inputs', 'test_targets'],
  ['x_train', 'y_train', 'x_test', 'y_test'],
  ['X_train', 'y_train', 'X_test', 'y_test'],
  ['train_images', 'train_labels', 'test_images', 'test_labels'],
  ['train_x', 'train_y', 'test_x', 'test_y'],
  ['train_data', 'train_labels', 'test_data', 'test_labels'],
  ['X', 'y'],
  ['x', 'y'],
  ['X', 'Y'],
  ['images', 'labels'],
  ['data', 'labels'],
  ['data', 'target'],
  ['features', 'labels'],
  ['inputs', 'labels'],
  ['arr_0', 'arr_1', 'arr_2', 'arr_3'],
];

interface ChosenNames {
  readonly train: readonly [inputs: string, targets: string];
  readonly test: readonly [inputs: string, targets: string] | null;
  readonly notes: readonly string[];
}

/** The arrays that are asked for; if none were named and the default ones are not there, those of usual names. */
function chooseNames(arrays: Arrays, options: ArraysOptions): ChosenNames {
  const [inputs, targets] = [options.inputs ?? 'inputs', options.targets ?? 'targets'];
  const has = (...names: (string | undefined)[]): boolean =>
    names.every((name) => name !== undefined && arrays.has(name));
  const isNamed = inputs !== 'inputs' || targets !== 'targets';
  const pair = isNamed || has(inputs, targets) ? undefined : usualNames.find(([x, y]) => has(x, y));
  const train = pair ? ([pair[0], pair[1]] as const) : ([inputs, targets] as const);
  const candidates = [
    ...(pair ? [[pair[2], pair[3]]] : []),
    [`test_${train[0]}`, `test_${train[1]}`],
    [train[0].replace(/train/, 'test'), train[1].replace(/train/, 'test')],
  ];
  const test = candidates.find(([x, y]) => has(x, y) && x !== train[0] && y !== train[1]);
  const isUsual = pair === undefined && (test === undefined || test[0] === `test_${inputs}`);
  const testText = test === undefined ? '' : `; test part: ${test.join(' and ')}`;
  return {
    train,
    test: test === undefined ? null : [test[0]!, test[1]!],
    notes: isUsual ? [] : [`arrays: ${train.join(' and ')}${testText}, by their names`],
  };
}

const datasetFormat = 'covature-dataset';

function namesIn(text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return undefined;
  try {
    const names: unknown = JSON.parse(text);
    return Array.isArray(names) && names.every((item) => typeof item === 'string') ? names : undefined;
  } catch {
    // Someone else's metadata: classes are then numbered.
    return undefined;
  }
}

/**
 * Reads an npz or safetensors file as a dataset. Inputs of unsigned bytes stay bytes (they will be divided by 255), float64 and integers of 32 or more bits become float64,
 * everything else float32. Targets of integers [n] or [n, 1] are classes if all are 0 to 65,535 (or `classes` says how many there are); all others are vectors, of
 * which a loss over classes may still take whole numbers and one-hot rows (targets.ts).
 * Raises an InputError, opening with the path, for damage, missing arrays (listing those there are), counts that differ.
 */
export async function readArrays(
  kind: 'npz' | 'safetensors',
  file: string,
  options: ArraysOptions = {},
): Promise<RawDataset> {
  if (/\.npy$/i.test(file)) return readNpyFiles(file, options);
  const bytes = await readInputFile(file);
  const second = options.testPath === undefined ? undefined : await readInputFile(options.testPath);
  return parseArrays(kind, bytes, file, options, second);
}

/** `readArrays` from bytes. */
export function parseArrays(
  kind: 'npz' | 'safetensors',
  bytes: Uint8Array,
  file: string,
  options: ArraysOptions = {},
  testBytes?: Uint8Array,
): RawDataset {
  const second = testBytes && open(kind, testBytes, options.testPath ?? 'test');
  return datasetOf(open(kind, bytes, file), file, options, second);
}

function datasetOf(opened: Opened, file: string, options: ArraysOptions, second?: Opened): RawDataset {
  const { names } = opened;
  const arrayNames = chooseNames(opened.arrays, options);
  const train = readPart(opened, arrayNames.train, file, options);
  const other = second ?? (arrayNames.test === null ? null : opened);
  const test =
    other &&
    readPart(other, second ? arrayNames.train : arrayNames.test!, second ? (options.testPath ?? file) : file, options);
  if (test && String(test.shape) !== String(train.shape))
    throw new InputError(
      `${test.part.source}: expected samples of [${train.shape.join(', ')}] as in the training part, found [${test.shape.join(', ')}]`,
    );
  const notes = [...arrayNames.notes, ...train.notes];
  if (train.words !== null || test?.words) return namedDataset(file, train, test, notes);
  if (test) [train.part, test.part] = alike(train.part, test.part);
  const [a, b] = [train.part.targets, test?.part.targets];
  if (b && (a.kind !== b.kind || (a.kind === 'vectors' && b.kind === 'vectors' && a.width !== b.width)))
    throw new InputError(`${test!.part.source}: expected targets of the same kind and width as in the training part`);
  const labelled = [train.part, test?.part].flatMap((part) =>
    part?.targets.kind === 'classes' ? [{ labels: part.targets.values, source: part.source }] : [],
  );
  let classes: readonly string[] | null = null;
  if (labelled.length > 0) {
    const count = options.classes ?? (names ? names.length : countFromLabels(labelled));
    classes = names?.length === count ? names : classNames(count);
  }
  return {
    name: nameOf(file),
    shape: train.shape,
    classes,
    notes,
    train: train.part,
    test: test?.part ?? null,
  };
}

const nameOf = (file: string): string => path.basename(file).replace(/\.(npz|npy|safetensors)$/i, '');

/** Labels that are words: classes in the order of their sorted names. */
function namedDataset(file: string, train: ReadPart, test: ReadPart | null, notes: readonly string[]): RawDataset {
  const parts = test === null ? [train] : [train, test];
  const lacking = parts.find(({ words }) => words === null);
  if (lacking !== undefined)
    throw new InputError(`${lacking.part.source}: expected labels that are words as in the other part, found numbers`);
  const classes = [...new Set(parts.flatMap(({ words }) => words!))].sort();
  const place = new Map(classes.map((name, k) => [name, k]));
  const labelled = ({ part, words }: ReadPart): RawPart => ({
    ...part,
    targets: { kind: 'classes', values: Int32Array.from(words!, (word) => place.get(word)!) },
  });
  return {
    name: nameOf(file),
    shape: train.shape,
    classes,
    numbered: 'by-name',
    notes,
    train: labelled(train),
    test: test && labelled(test),
  };
}

/** The usual name of the file with the targets beside a file with the inputs. */
const siblings: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/^(.*?)(x|X)(_?(?:train|tr)?.*)\.npy$/, '$1y$3.npy'],
  [/inputs/, 'targets'],
  [/images/, 'labels'],
  [/data/, 'labels'],
  [/data/, 'targets'],
  [/features/, 'labels'],
];

/** One array a file: inputs, targets beside them (`targetsPath`, or by usual names: X.npy and y.npy), and the same with "test" for "train". */
async function readNpyFiles(file: string, options: ArraysOptions): Promise<RawDataset> {
  const folder = path.dirname(file);
  const base = path.basename(file);
  const bytes = await readInputFile(file);
  const beside = siblings
    .map(([pattern, replacement]) => base.replace(pattern, replacement))
    .filter((name) => name !== base);
  const targets = options.targetsPath ?? (await firstThere(folder, beside));
  if (targets === undefined) {
    const { shape } = parseNpy(bytes, file);
    const names = [...new Set(beside)];
    const missing =
      names.length === 0
        ? 'the file with its targets cannot be told from its name'
        : `no file with its targets beside it (${names.join(', ')})`;
    throw new InputError(
      `${file}: holds one array of [${shape.join(', ')}], taken as the inputs; ${missing}. ` +
        'Name that file: "targets_path" in the specification; or save both in one with np.savez("data.npz", inputs=x, targets=y)',
    );
  }
  const open = async (inputsFile: string, targetsFile: string, own?: Uint8Array): Promise<Opened> => {
    const [x, y] = [own ?? (await readInputFile(inputsFile)), await readInputFile(targetsFile)];
    return {
      arrays: new Map([
        ['inputs', () => parseNpy(x, inputsFile)],
        ['targets', () => parseNpy(y, targetsFile)],
      ]),
      texts: new Map([['targets', () => parseNpyTexts(y, targetsFile)]]),
    };
  };
  const train = await open(file, targets, bytes);
  const testNames = [base, path.basename(targets)].map((name) => name.replace('train', 'test'));
  const isSplit = base.includes('train') && path.basename(targets).includes('train');
  const testFiles = isSplit ? await Promise.all(testNames.map((name) => firstThere(folder, [name]))) : [];
  const [testInputs, testTargets] = testFiles;
  const test = testInputs !== undefined && testTargets !== undefined ? await open(testInputs, testTargets) : undefined;
  const made = datasetOf(train, file, { ...options, inputs: 'inputs', targets: 'targets' }, test);
  const testText = test === undefined ? '' : `; test part: ${testNames.join(' and ')}`;
  const note = `arrays: inputs from ${base}, targets from ${path.basename(targets)}${testText}`;
  return { ...made, notes: [note, ...(made.notes ?? [])] };
}

async function firstThere(folder: string, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    const file = path.join(folder, name);
    const status = await fs.stat(file).catch(() => null);
    if (status?.isFile()) return file;
  }
  return undefined;
}

interface ReadPart {
  part: RawPart;
  readonly shape: readonly number[];
  /** Labels that are words, in place of the part's targets; null if they are numbers. */
  readonly words: readonly string[] | null;
  readonly notes: readonly string[];
}

function readPart(
  { arrays, texts }: Opened,
  [inputsName, targetsName]: readonly [string, string],
  file: string,
  { shape: wanted, classes }: Pick<ArraysOptions, 'shape' | 'classes'>,
): ReadPart {
  const get = (key: string): StoredTensor => {
    const array = arrays.get(key);
    if (!array) {
      const names = [...arrays.keys()].slice(0, 20).join(', ') || 'none';
      throw new InputError(
        `${file}: there is no array "${key}"; found: ${names}. The specification of a dataset names them: "inputs" and "targets_array"`,
      );
    }
    return array();
  };
  if (!arrays.has(targetsName)) get(targetsName);
  const words = texts?.get(targetsName)?.() ?? null;
  const inputs = get(inputsName);
  const targets: StoredTensor =
    words === null ? get(targetsName) : { dtype: 'I32', shape: [words.length], data: new Int32Array(words.length) };
  const isColumn = inputs.shape.length === 1 && inputs.shape[0] === targets.shape[0];
  if (inputs.shape.length < 2 && !isColumn)
    throw new InputError(
      `${file}: ${inputsName}: expected [samples, ...], found shape [${inputs.shape.join(', ')}]` +
        (inputs.shape.length === 1 ? ` beside ${targets.shape[0] ?? 1} ${targetsName}` : ''),
    );
  const count = inputs.shape[0];
  const sampleShape = isColumn ? [1] : inputs.shape.slice(1);
  const shape = wanted ?? sampleShape;
  if (elementsOf(shape) !== elementsOf(sampleShape))
    throw new InputError(
      `${file}: ${inputsName}: samples of [${sampleShape.join(', ')}] cannot take the shape [${shape.join(', ')}]`,
    );
  const part: RawPart = {
    count,
    inputs: inputsOf(inputs, `${file}: ${inputsName}`),
    targets: targetsOf(targets, `${file}: ${targetsName}`, classes),
    source: file,
  };
  if (targets.shape[0] !== count)
    throw new InputError(
      `${file}: ${count} ${inputsName} but ${targets.shape[0]} ${targetsName}; expected as many of both`,
    );
  const notes = isColumn ? [`inputs: ${inputsName} of [${count}] read as ${count} samples of one number`] : [];
  return { part, shape, words, notes };
}

function inputsOf({ dtype, data }: StoredTensor, at: string): RawInputs {
  if (dtype === 'U8' || dtype === 'F64' || dtype === 'F32') return data as RawInputs;
  if (['I64', 'U64', 'I32', 'U32'].includes(dtype)) return doubles(data, at);
  return Float32Array.from(data as Float32Array);
}

function targetsOf({ dtype, shape, data }: StoredTensor, at: string, classes: number | undefined): Targets {
  if (!(shape.length === 1 || shape.length === 2))
    throw new InputError(`${at}: expected shape [samples] or [samples, outputs], found [${shape.join(', ')}]`);
  const width = shape[1] ?? 1;
  if (width === 0) throw new InputError(`${at}: expected at least one output, found shape [${shape.join(', ')}]`);
  const values = doubles(data, at);
  const isWhole = !['F64', 'F32', 'F16', 'BF16'].includes(dtype) && width === 1;
  const areClasses =
    isWhole && (classes === undefined ? areLabels(values) : values.every((x) => Math.abs(x) < 2 ** 31));
  return areClasses ? { kind: 'classes', values: Int32Array.from(values) } : { kind: 'vectors', values, width };
}

/** Parts of which one holds labels and the other numbers of one column, both as numbers. */
function alike(a: RawPart, b: RawPart): [RawPart, RawPart] {
  const mixed = a.targets.kind !== b.targets.kind;
  const widths = [a, b].map(({ targets }) => (targets.kind === 'vectors' ? targets.width : 1));
  if (!mixed || widths.some((width) => width !== 1)) return [a, b];
  const numbers = (part: RawPart): RawPart => ({
    ...part,
    targets: { kind: 'vectors', values: Float64Array.from(part.targets.values), width: 1 },
  });
  return [numbers(a), numbers(b)];
}

function doubles(data: StoredTensor['data'], at: string): Float64Array {
  try {
    return toFloat64(data);
  } catch (error) {
    throw new InputError(`${at}: ${messageOf(error)}`);
  }
}
