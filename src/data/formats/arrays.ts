/** Datasets kept as named arrays, in npz or safetensors files: inputs [n, ...shape] and targets. */
import * as path from 'node:path';
import { InputError, messageOf } from '../../shared/errors.ts';
import type { Dataset } from '../dataset.ts';
import { readInputFile } from '../files.ts';
import {
  areLabels,
  classNames,
  countFromLabels,
  type RawDataset,
  type RawInputs,
  type RawPart,
  type Targets,
} from '../raw.ts';
import { parseNpz } from './npy.ts';
import { parseSafetensors, tensor, writeSafetensors } from './safetensors.ts';
import { elementsOf, toFloat64, type Tensor } from './tensors.ts';

export interface ArraysOptions {
  /** Names of the arrays; default "inputs" and "targets". */
  readonly inputs?: string;
  readonly targets?: string;
  /** A second file with the test part under the same names. Default: the arrays `test_<inputs>` and `test_<targets>` of the first where both are there. */
  readonly testPath?: string;
  /** Of one sample; the product must agree with the file's. */
  readonly shape?: readonly number[];
  /** Number of classes; default the largest label + 1. */
  readonly classes?: number;
}

type Arrays = ReadonlyMap<string, () => Tensor>;

/** The arrays of a file and, where `writeDataset` wrote it, the names of its classes. */
function open(
  kind: 'npz' | 'safetensors',
  bytes: Uint8Array,
  name: string,
): { arrays: Arrays; names?: readonly string[] } {
  if (kind === 'npz') return { arrays: parseNpz(bytes, name) };
  const { tensors, metadata } = parseSafetensors(bytes, name);
  const arrays = new Map([...tensors].map(([key, value]) => [key, () => value]));
  const names = metadata.format === datasetFormat ? namesIn(metadata.classes) : undefined;
  return names ? { arrays, names } : { arrays };
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
 * everything else float32. Targets of integers [n] or [n, 1] are classes where all are 0 to 65,535 (or `classes` says how many there are); all others are vectors, of
 * which a loss over classes may still take whole numbers and one-hot rows (targets.ts).
 * Raises an InputError, opening with the path, for damage, missing arrays (listing those there are), counts that differ.
 */
export async function readArrays(
  kind: 'npz' | 'safetensors',
  file: string,
  options: ArraysOptions = {},
): Promise<RawDataset> {
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
  const { arrays, names } = open(kind, bytes, file);
  const second = testBytes && open(kind, testBytes, options.testPath ?? 'test').arrays;
  const [inputs, targets] = [options.inputs ?? 'inputs', options.targets ?? 'targets'];
  const train = readPart(arrays, inputs, targets, file, options);
  let test: ReturnType<typeof readPart> | null = null;
  if (second) test = readPart(second, inputs, targets, options.testPath ?? file, options);
  else if (arrays.has(`test_${inputs}`) && arrays.has(`test_${targets}`))
    test = readPart(arrays, `test_${inputs}`, `test_${targets}`, file, options);
  if (test && String(test.shape) !== String(train.shape))
    throw new InputError(
      `${test.part.source}: expected samples of [${train.shape.join(', ')}] as in the training part, found [${test.shape.join(', ')}]`,
    );
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
    name: path.basename(file).replace(/\.(npz|safetensors)$/i, ''),
    shape: train.shape,
    classes,
    train: train.part,
    test: test?.part ?? null,
  };
}

function readPart(
  arrays: Arrays,
  inputsName: string,
  targetsName: string,
  file: string,
  { shape: wanted, classes }: Pick<ArraysOptions, 'shape' | 'classes'>,
) {
  const get = (key: string): Tensor => {
    const found = arrays.get(key);
    if (!found) {
      const names = [...arrays.keys()].slice(0, 20).join(', ') || 'none';
      throw new InputError(`${file}: there is no array "${key}"; found: ${names}`);
    }
    return found();
  };
  const [inputs, targets] = [get(inputsName), get(targetsName)];
  if (inputs.shape.length < 2)
    throw new InputError(`${file}: ${inputsName}: expected [samples, ...], found shape [${inputs.shape.join(', ')}]`);
  const count = inputs.shape[0];
  const own = inputs.shape.slice(1);
  const shape = wanted ?? own;
  if (elementsOf(shape) !== elementsOf(own))
    throw new InputError(
      `${file}: ${inputsName}: samples of [${own.join(', ')}] cannot take the shape [${shape.join(', ')}]`,
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
  return { part, shape };
}

function inputsOf({ dtype, data }: Tensor, at: string): RawInputs {
  if (dtype === 'U8' || dtype === 'F64' || dtype === 'F32') return data as RawInputs;
  if (['I64', 'U64', 'I32', 'U32'].includes(dtype)) return doubles(data, at);
  return Float32Array.from(data as Float32Array);
}

function targetsOf({ dtype, shape, data }: Tensor, at: string, classes: number | undefined): Targets {
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

function doubles(data: Tensor['data'], at: string): Float64Array {
  try {
    return toFloat64(data);
  } catch (error) {
    throw new InputError(`${at}: ${messageOf(error)}`);
  }
}

/**
 * Writes a dataset so that `readArrays('safetensors', ...)` gives the same numbers back: `inputs`, `targets` and, where there is a test part, `test_inputs`, `test_targets`;
 * name, class names and hash in the metadata.
 */
export async function writeDataset(file: string, dataset: Dataset): Promise<void> {
  const tensors: Record<string, Tensor> = {};
  for (const [prefix, part] of [
    ['', dataset.train],
    ['test_', dataset.test],
  ] as const) {
    if (!part) continue;
    tensors[`${prefix}inputs`] = tensor(part.inputs, [part.count, ...dataset.shape]);
    const { targets } = part;
    const shape = targets.kind === 'classes' ? [part.count] : [part.count, targets.width];
    tensors[`${prefix}targets`] = tensor(targets.values, shape);
  }
  const metadata = { format: datasetFormat, name: dataset.name, hash: dataset.hash };
  const classes = dataset.classes ? { classes: JSON.stringify(dataset.classes) } : {};
  await writeSafetensors(file, tensors, { ...metadata, ...classes });
}
