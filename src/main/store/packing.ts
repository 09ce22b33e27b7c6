/**
 * Points of a metric series as bytes: n steps (signed little-endian integers of 4 bytes, or 8 where one does not fit), then n float64 values, little-endian.
 * NaN and infinities are kept as they are: a diverging run shows where it went.
 */
import { endianness } from 'node:os';
import { crc32 } from 'node:zlib';
import { InputError } from '../../shared/errors.ts';
import type { SeriesData, SeriesPoints } from './types.ts';

export interface PackedPoints {
  readonly points: number;
  readonly firstStep: number;
  readonly lastStep: number;
  readonly stepBytes: 4 | 8;
  readonly crc: number;
  readonly data: Buffer;
}

const int32Limit = 2 ** 31;

/** Raises InputError, naming the series, unless steps are whole, strictly increasing, and as many as the values. */
export function packPoints(name: string, { steps, values }: SeriesPoints): PackedPoints {
  const n = steps.length;
  if (n === 0 || values.length !== n) {
    throw new InputError(
      `series ${name}: expected as many steps as values, at least one; got ${n} and ${values.length}`,
    );
  }
  for (let i = 0; i < n; i++) {
    const step = steps[i];
    if (!Number.isSafeInteger(step)) throw new InputError(`series ${name}: steps are whole numbers, got ${step}`);
    if (i > 0 && !(step > steps[i - 1])) {
      throw new InputError(`series ${name}: steps increase, got ${step} after ${steps[i - 1]}`);
    }
    if (typeof values[i] !== 'number')
      throw new InputError(`series ${name}: values are numbers, got ${typeof values[i]}`);
  }
  const firstStep = steps[0];
  const lastStep = steps[n - 1];
  const stepBytes = firstStep >= -int32Limit && lastStep < int32Limit ? 4 : 8;
  const data = Buffer.allocUnsafe(n * (stepBytes + 8));
  for (let i = 0; i < n; i++) {
    if (stepBytes === 4) data.writeInt32LE(steps[i], 4 * i);
    else data.writeBigInt64LE(BigInt(steps[i]), 8 * i);
    data.writeDoubleLE(values[i], stepBytes * n + 8 * i);
  }
  return { points: n, firstStep, lastStep, stepBytes, crc: crc32(data), data };
}

/** Writes a chunk's points into `into` from index `at` on. */
export function unpackPoints(
  chunk: { points: number; step_bytes: number; data: Uint8Array },
  into: SeriesData,
  at: number,
) {
  const { points: n, step_bytes: stepBytes } = chunk;
  if (endianness() === 'LE') {
    // A copy, since numbers in a chunk need not be aligned in memory. (Buffer's own slice() would not copy.)
    const bytes = new Uint8Array(chunk.data).buffer;
    const steps =
      stepBytes === 4 ? new Int32Array(bytes, 0, n) : Float64Array.from(new BigInt64Array(bytes, 0, n), Number);
    into.steps.set(steps, at);
    new Uint8Array(into.values.buffer, into.values.byteOffset + 8 * at, 8 * n).set(chunk.data.subarray(stepBytes * n));
    return;
  }
  const data = Buffer.from(chunk.data.buffer, chunk.data.byteOffset, chunk.data.byteLength);
  for (let i = 0; i < n; i++) {
    into.steps[at + i] = stepBytes === 4 ? data.readInt32LE(4 * i) : Number(data.readBigInt64LE(8 * i));
    into.values[at + i] = data.readDoubleLE(stepBytes * n + 8 * i);
  }
}

export function emptySeries(points: number): SeriesData {
  return { steps: new Float64Array(points), values: new Float64Array(points) };
}

/** The points with from <= step <= to; views, not copies. */
export function rangeOf({ steps, values }: SeriesData, from = -Infinity, to = Infinity): SeriesData {
  const start = firstAtLeast(steps, from);
  const end = to === Infinity ? steps.length : firstAtLeast(steps, Math.floor(to) + 1);
  return { steps: steps.subarray(start, end), values: values.subarray(start, Math.max(start, end)) };
}

function firstAtLeast(steps: Float64Array, step: number): number {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (steps[middle] < step) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * At most `limit` points (>= 5) that look the same on a screen: the range of steps is cut into equal buckets, and each keeps the point of its smallest and
 * of its largest value, in order of step, and one NaN if it holds any. The first and the last point are always kept.
 */
export function downsample(series: SeriesData, limit: number): SeriesData {
  if (!(Number.isInteger(limit) && limit >= 5))
    throw new InputError(`points: expected a whole number >= 5, got ${limit}`);
  const { steps, values } = series;
  const n = steps.length;
  if (n <= limit) return series;
  const buckets = Math.floor((limit - 2) / (hasNaN(values) ? 3 : 2));
  const first = steps[1];
  const width = (steps[n - 2] - first) / buckets;
  const kept = new Uint32Array(limit);
  let count = 1;
  for (let bucket = 0, i = 1; bucket < buckets; bucket++) {
    const end = bucket === buckets - 1 ? Infinity : first + width * (bucket + 1);
    let smallest = -1;
    let largest = -1;
    let missing = -1;
    for (; i < n - 1 && steps[i] < end; i++) {
      const value = values[i];
      if (value !== value) missing = missing < 0 ? i : missing;
      else {
        if (smallest < 0 || value < values[smallest]) smallest = i;
        if (largest < 0 || value > values[largest]) largest = i;
      }
    }
    const start = count;
    if (smallest >= 0) kept[count++] = smallest;
    if (largest >= 0 && largest !== smallest) kept[count++] = largest;
    if (missing >= 0) kept[count++] = missing;
    if (count > start + 1) kept.subarray(start, count).sort();
  }
  kept[count++] = n - 1;
  const result = emptySeries(count);
  for (let i = 0; i < count; i++) {
    result.steps[i] = steps[kept[i]]!;
    result.values[i] = values[kept[i]]!;
  }
  return result;
}

function hasNaN(values: Float64Array): boolean {
  for (let i = 0; i < values.length; i++) if (values[i] !== values[i]) return true;
  return false;
}
