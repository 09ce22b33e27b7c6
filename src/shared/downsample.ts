/** Reduces a series to fewer points without changing how it looks on a screen. */
import type { SeriesData } from './contract/records.ts';
import { InputError } from './errors.ts';

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
  const indices = new Uint32Array(limit);
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
    if (smallest >= 0) indices[count++] = smallest;
    if (largest >= 0 && largest !== smallest) indices[count++] = largest;
    if (missing >= 0) indices[count++] = missing;
    if (count > start + 1) indices.subarray(start, count).sort();
  }
  indices[count++] = n - 1;
  const result = { steps: new Float64Array(count), values: new Float64Array(count) };
  for (let i = 0; i < count; i++) {
    result.steps[i] = steps[indices[i]]!;
    result.values[i] = values[indices[i]]!;
  }
  return result;
}

function hasNaN(values: Float64Array): boolean {
  for (let i = 0; i < values.length; i++) if (values[i] !== values[i]) return true;
  return false;
}
