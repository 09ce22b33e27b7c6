/** Arrays in memory that threads share. */
import type { Real } from '../blas/types.ts';

/** The same values over a SharedArrayBuffer (the array itself if it already is). */
export function shared<T extends Real>(values: T): T {
  if (values.buffer instanceof SharedArrayBuffer) return values;
  const buffer = new SharedArrayBuffer(values.byteLength);
  const copy = values instanceof Float64Array ? new Float64Array(buffer) : new Float32Array(buffer);
  copy.set(values);
  return copy as T;
}
