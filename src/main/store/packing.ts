/**
 * Points of a metric series as bytes: n steps (signed little-endian integers of 4 bytes, or 8 if one does not fit), then n float64 values, little-endian.
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
