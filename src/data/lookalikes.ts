/**
 * Files that are often given by mistake, recognised by their first bytes or their names, each with advice on what to do instead. They are not read: a
 * pickle would run code, the others would need libraries of their own.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { InputError } from '../shared/errors.ts';

/** Bytes looked at. */
export const headBytes = 4096;

const saveArrays = 'save the arrays with np.savez("data.npz", inputs=x, targets=y) instead';
const saveTensors =
  'save the tensors with safetensors.torch.save_file(model.state_dict(), "w.safetensors") or np.savez instead (docs/own-model.md has the lines)';
const useRun =
  'curves of another program are not imported; covature.Run ("covature python") writes a run from a training loop that "covature import" takes';

interface Kind {
  /** What it is, and what to do. */
  readonly text: string;
  /** Bytes that a file begins with, as Latin-1; or what the beginning of its text matches. */
  readonly begins?: string;
  readonly matches?: RegExp;
}

/** No readable file can begin with any of these. */
const kinds: readonly Kind[] = [
  {
    text: 'a Git LFS pointer, not the file itself: "git lfs install" and "git lfs pull" fetch it',
    begins: 'version https://git-lfs',
  },
  {
    text: 'a web page (HTML), as a download that failed or asked for a login leaves; download the file itself again',
    matches: /^\uFEFF?\s*<(!doctype html|html|head|\?xml)/i,
  },
  { text: `an HDF5 file (h5py, Keras, MATLAB 7.3); ${saveArrays}`, begins: '\x89HDF\r\n\x1a\n' },
  { text: `a MATLAB file; scipy.io.loadmat reads it: ${saveArrays}`, begins: 'MATLAB 5.0 MAT-file' },
  { text: `a Parquet table; pandas.read_parquet reads it: write it with to_csv, or ${saveArrays}`, begins: 'PAR1' },
  { text: `an Arrow or Feather table; pandas reads it: write it with to_csv, or ${saveArrays}`, begins: 'ARROW1' },
  { text: 'an SQLite database, not a file of data or weights', begins: 'SQLite format 3' },
  { text: `a PNG image; ${saveArrays} (one array of all images)`, begins: '\x89PNG\r\n' },
  { text: `a JPEG image; ${saveArrays} (one array of all images)`, begins: '\xff\xd8\xff' },
  {
    text: 'an index of a checkpoint in several files (shards); the tensors are in the .safetensors files that it names',
    matches: /^\s*\{[^]*"weight_map"\s*:/,
  },
  { text: `a GGUF file of quantised weights; ${saveTensors}`, begins: 'GGUF' },
];

/** A zip archive of torch.save holds data.pkl; pickles begin with their protocol. */
function pickleText(head: Uint8Array): string | null {
  const text = latin(head);
  if (text.startsWith('PK') && /\/(data\.pkl|\.format_version)/.test(text))
    return `a file of torch.save (Lightning and Hugging Face write such too), a pickle of Python objects, which may run any program when it is read; ${saveTensors}`;
  if (head[0] === 0x80 && head[1] >= 2 && head[1] <= 5)
    return `a Python pickle, which may run any program when it is read; ${saveArrays}`;
  return null;
}

/** Patterns of names, for files whose first bytes say little. */
const names: readonly (readonly [pattern: RegExp, text: string])[] = [
  [/^events\.out\.tfevents/, `a log of TensorBoard; ${useRun}`],
  [/^run-[^/]*\.wandb$|^wandb(-[^/]*)?(\.csv|\.json)?$/i, `a log or export of Weights & Biases; ${useRun}`],
  [/^(mlruns|mlflow)(\.db|\.csv)?$/i, `a log of MLflow's runs; ${useRun}`],
  [/^\.?aim$/i, `a log of Aim's runs; ${useRun}`],
  [
    /\.(pt|pth|ckpt|pkl|pickle|joblib)$/i,
    `by its name a pickle of Python objects, which may run any program when it is read; ${saveTensors}`,
  ],
  [/\.(h5|hdf5|keras|nc)$/i, `by its name an HDF5 file; ${saveArrays}`],
  [/\.mat$/i, `by its name a MATLAB file; scipy.io.loadmat reads it: ${saveArrays}`],
  [/\.(parquet|arrow|feather|orc)$/i, `by its name a table of pandas or Arrow; write it with to_csv, or ${saveArrays}`],
  [/\.(xlsx?|ods)$/i, 'by its name a spreadsheet; save it as CSV'],
  [/\.(tfrecords?|record)$/i, `by its name records of TensorFlow; ${saveArrays}`],
  [/\.(png|jpe?g|gif|bmp|tiff?)$/i, `by its name an image; ${saveArrays} (one array of all images)`],
  [/\.(onnx|tflite|pb|gguf)$/i, `by its name a model of another program; ${saveTensors}`],
  [/\.(zip|tar|tgz|tar\.gz|tar\.bz2|rar|7z)$/i, 'by its name an archive; unpack it first'],
  [
    /\.(jsonl|ndjson)$/i,
    `by its name rows as JSON, a line each; pandas.read_json(..., lines=True) reads it: write it with to_csv, or ${saveArrays}`,
  ],
];

const latin = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');

/** What a file is that cannot be read here, by its first bytes: "a Git LFS pointer, ..."; null for none of these. */
export function lookalikeOf(bytes: Uint8Array): string | null {
  const head = latin(bytes.subarray(0, headBytes));
  const kind = kinds.find(({ begins, matches }) =>
    begins !== undefined ? head.startsWith(begins) : matches!.test(head),
  );
  return kind?.text ?? null;
}

/** Raises an InputError for a file that is clearly something else. */
export function refuseLookalike(bytes: Uint8Array, file: string): void {
  const lookalike = lookalikeOf(bytes);
  if (lookalike !== null) throw new InputError(`${file}: this is ${lookalike}`);
}

/** The same for pickles, for which a caller may have its own message. */
export function refusePickle(bytes: Uint8Array, file: string): void {
  const pickled = pickleText(bytes.subarray(0, headBytes));
  if (pickled !== null) throw new InputError(`${file}: this is ${pickled}`);
}

/**
 * What a file or folder is that cannot be read here, by its beginning, its name, or for a folder what lies in it; null if nothing is recognised. Raises an InputError
 * if there is no such place.
 */
export async function lookalikeAt(place: string): Promise<string | null> {
  const name = path.basename(path.resolve(place));
  const stats = await fs.stat(place).catch(() => null);
  if (stats === null) throw new InputError(`${place}: no such file or folder`);
  if (stats.isDirectory()) {
    const inside = await fs.readdir(place);
    const log = inside.find((each) => /^events\.out\.tfevents|\.wandb$/.test(each));
    const images = await hasImages(place, inside);
    if (images !== null)
      return `a folder of images (${images}), one folder a class as torchvision's ImageFolder reads it; ${saveArrays} (one array of all images, [n, height, width, channels])`;
    if (inside.some((each) => /\.ckpt.*\.index$|^saved_model\.pb$/.test(each)))
      return `a checkpoint of TensorFlow; ${saveArrays}, the variables by the names of the model`;
    const isMlflow = inside.includes('meta.yaml') || (await hasMlflow(place, inside));
    return byName(isMlflow ? 'mlruns' : name) ?? (log === undefined ? null : byName(log));
  }
  const head = await headOf(place);
  return lookalikeOf(head) ?? pickleText(head) ?? byName(name) ?? trackerTable(head);
}

async function hasMlflow(place: string, inside: readonly string[]): Promise<boolean> {
  for (const each of inside.slice(0, 50))
    if ((await fs.stat(path.join(place, each, 'meta.yaml')).catch(() => null)) !== null) return true;
  return false;
}

/** An image in a folder or in one of its folders: "cat/0.png"; null if there is none. */
async function hasImages(place: string, inside: readonly string[]): Promise<string | null> {
  const isImage = (name: string): boolean => /\.(png|jpe?g|gif|bmp|tiff?|webp)$/i.test(name);
  const here = inside.find(isImage);
  if (here !== undefined) return here;
  for (const each of inside.slice(0, 50)) {
    const image = (await fs.readdir(path.join(place, each)).catch(() => [])).find(isImage);
    if (image !== undefined) return `${each}/${image}`;
  }
  return null;
}

function byName(name: string): string | null {
  return names.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}

/** A table of curves: steps beside a loss or an accuracy. */
function trackerTable(head: Uint8Array): string | null {
  const [line] = latin(head).split(/\r?\n/, 1);
  return /^"?(step|epoch|wall time)"?,/i.test(line) || /,"?(_step|train[_/]loss|loss)"?/i.test(line)
    ? `a table of curves; ${useRun}`
    : null;
}

async function headOf(file: string): Promise<Uint8Array> {
  const handle = await fs.open(file, 'r');
  try {
    const bytes = new Uint8Array(headBytes);
    const { bytesRead } = await handle.read(bytes, 0, headBytes, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
