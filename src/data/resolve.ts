/** From a dataset's specification to the dataset itself. */
import * as path from 'node:path';
import type { DatasetSpec } from '../shared/dataset.ts';
import { InputError } from '../shared/errors.ts';
import type { Dataset } from './dataset.ts';
import { readIdxDataset } from './formats/idx.ts';
import { glyphs } from './generators/glyphs.ts';
import { prepare } from './prepare.ts';
import type { RawDataset } from './raw.ts';

export interface ResolveOptions {
  /** The folder that relative paths start from; default the current one. */
  readonly baseFolder?: string;
  /** The folder that published sets lie in, each in a folder of its name ("mnist"), for specifications without a path. */
  readonly dataFolder?: string;
  /** Ends the work between two stages with the signal's reason. */
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
  const at = (file: string) => path.resolve(options.baseFolder ?? '.', file);
  switch (spec.source) {
    case 'glyphs':
      return glyphs(spec);
    case 'idx':
      return readIdxDataset(at(spec.path), spec.classes === undefined ? {} : { classes: spec.classes });
    case 'mnist':
      return { ...(await readIdxDataset(publishedFolder(spec, options), { classes: 10 })), name: 'MNIST' };
    case 'fashion-mnist':
      return {
        ...(await readIdxDataset(publishedFolder(spec, options), { classes: 10 })),
        name: 'Fashion-MNIST',
        classes: fashionClasses,
      };
    default:
      throw spec satisfies never;
  }
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

function publishedFolder(spec: { source: string; path?: string | undefined }, options: ResolveOptions): string {
  if (spec.path !== undefined) return path.resolve(options.baseFolder ?? '.', spec.path);
  if (options.dataFolder !== undefined) return path.join(options.dataFolder, spec.source);
  throw new InputError(`dataset.path: expected the folder that holds ${spec.source}`);
}
