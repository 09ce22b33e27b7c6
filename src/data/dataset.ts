/** A dataset in memory, ready for a network. */
import { createHash } from 'node:crypto';
import type { DatasetSummary, PartSummary } from '../shared/dataset.ts';
import { bytesOf } from './formats/tensors.ts';
import type { Targets } from './raw.ts';

export type { Targets } from './raw.ts';

/** Letters: n samples, f features a sample (the product of `shape`), k outputs. */
export interface Part {
  /** n, at least 1. */
  readonly count: number;
  /** [n, ...shape], row-major, all finite. Float64 only if the source holds doubles. */
  readonly inputs: Float32Array | Float64Array;
  /** Classes: Int32 [n] in 0..k-1; vectors: Float64 [n, k], all finite. */
  readonly targets: Targets;
  /** SHA-256 (hexadecimal) of inputs and targets. */
  readonly hash: string;
}

export interface Dataset {
  readonly name: string;
  /** Of one sample: [height, width, channels] (NHWC), [tokens, width] or [features]. A model may flatten it. */
  readonly shape: readonly number[];
  /** k: classes, or width of the target vectors. */
  readonly outputs: number;
  /** Names of the classes, k of them; null if the targets never were classes. */
  readonly classes: readonly string[] | null;
  /** As in `RawDataset`: where the classes' numbers come from, where channels stood, how the source was read. */
  readonly numbered?: 'by-name' | undefined;
  readonly channelsFirst?: true | undefined;
  readonly notes?: readonly string[];
  readonly train: Part;
  readonly test: Part | null;
  /** SHA-256 (hexadecimal) over shape, kind of targets and both parts' hashes. */
  readonly hash: string;
}

/**
 * SHA-256 over a line of JSON (counts, shape, types) and the little-endian bytes of inputs and targets: equal exactly where the numbers are equal in value and type.
 */
export function hashPart(shape: readonly number[], part: Omit<Part, 'hash'>): string {
  const { targets } = part;
  const header = {
    format: 'covature-part',
    version: 1,
    count: part.count,
    shape,
    inputs: part.inputs instanceof Float64Array ? 'float64' : 'float32',
    targets: targets.kind === 'classes' ? 'int32' : `float64[${targets.width}]`,
  };
  const hash = createHash('sha256').update(`${JSON.stringify(header)}\n`);
  for (const array of [part.inputs, targets.values]) {
    const bytes = bytesOf(array);
    // One update takes less than 2 GiB.
    for (let start = 0; start < bytes.length; start += 1 << 28) hash.update(bytes.subarray(start, start + (1 << 28)));
  }
  return hash.digest('hex');
}

export function hashDataset(outputs: number, train: Part, test: Part | null): string {
  const text = JSON.stringify({
    format: 'covature-dataset',
    version: 1,
    outputs,
    train: train.hash,
    test: test?.hash ?? null,
  });
  return createHash('sha256').update(text).digest('hex');
}

/** Samples of every class; null for vector targets. */
export function countClasses(targets: Targets, classes: number): number[] | null {
  if (targets.kind !== 'classes') return null;
  const counts = new Array<number>(classes).fill(0);
  for (const label of targets.values) counts[label]++;
  return counts;
}

/** The description of a dataset for lists and a run's provenance. Two passes over the training inputs, in double precision. */
export function summariseDataset(dataset: Dataset): DatasetSummary {
  const { train, test, outputs } = dataset;
  const part = (p: Part): PartSummary => ({
    count: p.count,
    per_class: countClasses(p.targets, outputs),
    hash: p.hash,
  });
  return {
    name: dataset.name,
    shape: dataset.shape,
    features: dataset.shape.reduce((product, size) => product * size, 1),
    outputs,
    targets: train.targets.kind,
    classes: dataset.classes,
    precision: train.inputs instanceof Float64Array ? 'float64' : 'float32',
    train: part(train),
    test: test && part(test),
    hash: dataset.hash,
    inputs: momentsOf(train.inputs),
    notes: dataset.notes?.length === 0 ? undefined : dataset.notes,
  };
}

function momentsOf(values: Float32Array | Float64Array): DatasetSummary['inputs'] {
  let minimum = Infinity;
  let maximum = -Infinity;
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const x = values[i];
    if (x < minimum) minimum = x;
    if (x > maximum) maximum = x;
    sum += x;
  }
  const mean = sum / values.length;
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    const d = values[i] - mean;
    squares += d * d;
  }
  return { minimum, maximum, mean, deviation: Math.sqrt(squares / values.length) };
}
