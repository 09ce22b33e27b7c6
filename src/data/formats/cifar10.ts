/**
 * CIFAR-10 in its binary version (https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version"): records of one label byte and 3,072 bytes of a
 * 32x32 image, red plane, green plane, blue plane, each row by row.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { InputError } from '../../shared/errors.ts';
import { inputErrorOf, readInputFile } from '../files.ts';
import type { RawDataset, RawPart } from '../raw.ts';

const side = 32;
const pixels = side * side;
const recordBytes = 1 + 3 * pixels;

export const cifar10Classes = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
] as const;

/**
 * The images of one file: `inputs` [n, 32, 32, 3] (height, width, channels), `labels` [n]. Raises an InputError, opening with `name`, for
 * a length that is no multiple of 3,073 bytes, an empty file, a label above 9 (with its record).
 */
export function parseCifar10(bytes: Uint8Array, name: string): { inputs: Uint8Array; labels: Int32Array } {
  const count = bytes.length / recordBytes;
  if (!(Number.isInteger(count) && count > 0))
    throw new InputError(
      `${name}: not CIFAR-10, or cut short: expected a multiple of ${recordBytes} bytes, found ${bytes.length}`,
    );
  const inputs = new Uint8Array(count * 3 * pixels);
  const labels = new Int32Array(count);
  for (let n = 0; n < count; n++) {
    const from = n * recordBytes;
    const label = bytes[from];
    if (label > 9) throw new InputError(`${name}: record ${n} (from 0) has label ${label}; expected 0 to 9`);
    labels[n] = label;
    for (let channel = 0; channel < 3; channel++) {
      const plane = from + 1 + channel * pixels;
      const to = n * 3 * pixels + channel;
      for (let i = 0; i < pixels; i++) inputs[to + 3 * i] = bytes[plane + i]!;
    }
  }
  return { inputs, labels };
}

/**
 * The batches that are there, in the order of their numbers, as the training part, and test_batch.bin, if it is there, as the test part; in `place` or its folder
 * cifar-10-batches-bin, as the archive unpacks.
 */
export async function readCifar10(place: string): Promise<RawDataset> {
  for (const folder of [place, path.join(place, 'cifar-10-batches-bin')]) {
    const names = await namesIn(folder, place);
    const batches = names.filter((name) => /^data_batch_[1-5]\.bin$/.test(name)).sort();
    if (batches.length === 0) continue;
    const train = await readFiles(folder, batches);
    return cifar10Dataset(train, names.includes('test_batch.bin') ? await readFiles(folder, ['test_batch.bin']) : []);
  }
  const names = [...(await namesIn(place, place)), ...(await namesIn(path.join(place, 'cifar-10-batches-py'), place))];
  if (names.includes('data_batch_1'))
    throw new InputError(
      `${place}: this is the "python version" of CIFAR-10, pickles of Python objects, which may run any program when they are read; get the binary version ` +
        '(cifar-10-binary.tar.gz; "covature datasets download cifar-10" fetches it), or save the arrays as npz',
    );
  if ((names.includes('train.bin') && names.includes('test.bin')) || names.includes('fine_label_names.txt'))
    throw new InputError(
      `${place}: this is CIFAR-100, which is not read; save its images and labels with np.savez("cifar100.npz", inputs=x, targets=y, test_inputs=..., test_targets=...)`,
    );
  throw new InputError(
    `${place}: expected data_batch_1.bin to data_batch_5.bin and test_batch.bin, here or in cifar-10-batches-bin; found none`,
  );
}

async function namesIn(folder: string, place: string): Promise<string[]> {
  try {
    return await fs.readdir(folder);
  } catch (error) {
    if (folder !== place) return [];
    throw inputErrorOf(error, place);
  }
}

interface Named {
  readonly bytes: Uint8Array;
  readonly name: string;
}

async function readFiles(folder: string, names: readonly string[]): Promise<Named[]> {
  const files: Named[] = [];
  for (const file of names.map((name) => path.join(folder, name)))
    files.push({ bytes: await readInputFile(file), name: file });
  return files;
}

/** The images of the files in order; no test part if `test` is empty. */
export function cifar10Dataset(train: readonly Named[], test: readonly Named[] = []): RawDataset {
  return {
    name: 'CIFAR-10',
    shape: [side, side, 3],
    classes: cifar10Classes,
    channelsFirst: true,
    train: joined(train),
    test: test.length > 0 ? joined(test) : null,
  };
}

function joined(files: readonly Named[]): RawPart {
  const parts = files.map(({ bytes, name }) => parseCifar10(bytes, name));
  const count = parts.reduce((sum, part) => sum + part.labels.length, 0);
  const inputs = new Uint8Array(count * 3 * pixels);
  const values = new Int32Array(count);
  let at = 0;
  for (const part of parts) {
    inputs.set(part.inputs, at * 3 * pixels);
    values.set(part.labels, at);
    at += part.labels.length;
  }
  return { count, inputs, targets: { kind: 'classes', values }, source: files.map(({ name }) => name).join(', ') };
}
