/** From a dataset's specification to the dataset itself. */
import * as path from 'node:path';
import type { DatasetSpec } from '../shared/dataset.ts';
import { InputError } from '../shared/errors.ts';
import type { Dataset } from './dataset.ts';
import { publishedDataset, type PublishedKey } from './downloads/catalogue.ts';
import { offlineAdvice, unpackIfThere } from './downloads/published.ts';
import { readArrays } from './formats/arrays.ts';
import { readCifar10 } from './formats/cifar10.ts';
import { readCsv } from './formats/csv.ts';
import { readIdxDataset } from './formats/idx.ts';
import { glyphs } from './generators/glyphs.ts';
import { knownGamma } from './generators/known-gamma.ts';
import { gaussianMixture } from './generators/mixture.ts';
import { teacherStudent } from './generators/teacher.ts';
import { expandHome } from './home.ts';
import { locationOf, publishedPlace } from './location.ts';
import { prepare } from './prepare.ts';
import { withChannelsLast } from './raw.ts';
import type { RawDataset } from './raw.ts';

export interface ResolveOptions {
  /** The folder that relative paths start from; default the current one. */
  readonly baseFolder?: string;
  /** The folder that published sets lie in, each in a folder of its name ("mnist") or where a note of the user says (src/data/location.ts), for specifications without a path. */
  readonly dataFolder?: string;
  /** Stops the work between two stages with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called before each stage: "reading", "preparing". */
  readonly progress?: (stage: 'reading' | 'preparing') => void;
}

/**
 * Reads or generates what `spec` (from `parseDataset`) names and applies its options. The same specification gives the same bytes, and the same hash, on
 * every machine. Raises an InputError that names the path, what was expected and what was found.
 */
export async function resolveDataset(spec: DatasetSpec, options: ResolveOptions = {}): Promise<Dataset> {
  const { signal, progress } = options;
  signal?.throwIfAborted();
  progress?.('reading');
  const raw = await load(spec, options);
  signal?.throwIfAborted();
  progress?.('preparing');
  return prepare(raw, spec);
}

async function load(spec: DatasetSpec, options: ResolveOptions): Promise<RawDataset> {
  const pathOf = (file: string) => path.resolve(options.baseFolder ?? '.', expandHome(file));
  switch (spec.source) {
    case 'glyphs':
      return glyphs(spec);
    case 'idx':
      return readIdxDataset(pathOf(spec.path), given({ classes: spec.classes }));
    case 'mnist':
      return { ...(await readIdxDataset(await publishedFolder(spec, options), { classes: 10 })), name: 'MNIST' };
    case 'fashion-mnist':
      return {
        ...(await readIdxDataset(await publishedFolder(spec, options), { classes: 10 })),
        name: 'Fashion-MNIST',
        classes: fashionClasses,
      };
    case 'cifar-10':
      return readCifar10(await publishedFolder(spec, options));
    case 'npz':
    case 'safetensors': {
      const arrays = await readArrays(spec.source, pathOf(spec.path), {
        inputs: spec.inputs,
        targets: spec.targets_array,
        ...given({
          testPath: maybe(spec.test_path, pathOf),
          targetsPath: maybe(spec.targets_path, pathOf),
          shape: spec.shape,
          classes: spec.classes,
        }),
      });
      return spec.channels_first === true ? withChannelsLast(arrays) : arrays;
    }
    case 'csv': {
      const table = await readCsv(pathOf(spec.path), {
        ...given({
          task: spec.task,
          testPath: maybe(spec.test_path, pathOf),
          target: spec.target,
          header: spec.header,
          ignore: spec.ignore,
          delimiter: spec.delimiter,
          decimal: spec.decimal,
          shape: spec.shape,
        }),
      });
      return spec.channels_first === true ? withChannelsLast(table) : table;
    }
    case 'gaussian-mixture':
      return gaussianMixture(spec);
    case 'teacher-student':
      return teacherStudent(spec);
    case 'known-gamma':
      return knownGamma(spec).data;
    default:
      throw new Error(`unknown source: ${JSON.stringify(spec satisfies never)}`);
  }
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The fields that are there. */
function given<T extends object>(fields: T): Given<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<T>;
}

function maybe<T, U>(value: T | undefined, change: (value: T) => U): U | undefined {
  return value === undefined ? undefined : change(value);
}

const fashionClasses = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
];

/** The folder of a published set: the path given, or the one that downloads go to, which must then be complete. */
async function publishedFolder(
  spec: { readonly source: PublishedKey; readonly path?: string | undefined },
  { baseFolder, dataFolder, signal }: ResolveOptions,
): Promise<string> {
  const dataset = publishedDataset(spec.source);
  if (spec.path === undefined && dataFolder === undefined)
    throw new InputError(`dataset.path: expected the folder that holds ${dataset.title}`);
  if (spec.path !== undefined) {
    const folder = path.resolve(baseFolder ?? '.', expandHome(spec.path));
    await unpackIfThere(dataset, folder, signal);
    return folder;
  }
  const location = await locationOf(dataFolder!, dataset.key);
  await unpackIfThere(dataset, location?.folder ?? path.join(dataFolder!, dataset.key), signal);
  const { state, folder, missing } = await publishedPlace(dataset, dataFolder!);
  if (state === 'moved')
    throw new InputError(
      `${dataset.title} was in ${folder}, which is no longer there; name its folder again: in the workbench under Data, or "covature datasets use FOLDER"`,
    );
  if (state !== 'complete')
    throw new InputError(
      `${dataset.title} is not on this machine yet: ${folder} lacks ${missing.join(', ')}. ` +
        `"covature datasets download ${dataset.key}" fetches it; "covature datasets use FOLDER" reads it from where you have it.\n${offlineAdvice(dataset, folder)}`,
    );
  return folder;
}
