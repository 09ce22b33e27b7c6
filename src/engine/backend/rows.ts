/** Row-wise and axis-wise loops on plain arrays. Letters: p row, j column, n columns. */
import type { Real } from '../blas/types.ts';

/** softmax of every row of n; -Infinity gives 0. */
export function softmaxRows(x: Real, n: number, out: Real): void {
  for (let start = 0; start < x.length; start += n) {
    const largest = rowMaximum(x, start, n);
    let sum = 0;
    for (let j = start; j < start + n; j++) {
      const e = Math.exp(x[j] - largest);
      out[j] = e;
      sum += e;
    }
    for (let j = start; j < start + n; j++) out[j] /= sum;
  }
}

/** softmax of every row of [rows, n] without the columns after the row in its block of n rows: they give 0. */
export function causalSoftmaxRows(x: Real, n: number, out: Real): void {
  for (let start = 0, p = 0; start < x.length; start += n, p++) {
    const count = (p % n) + 1;
    softmaxRows(x.subarray(start, start + count), count, out.subarray(start, start + count));
    out.fill(0, start + count, start + n);
  }
}

/** out = a (s - sum_j s_j a_j), row by row of n. */
export function softmaxJacobianRows(a: Real, s: Real, n: number, out: Real): void {
  for (let start = 0; start < a.length; start += n) {
    let dot = 0;
    for (let j = start; j < start + n; j++) dot += a[j] * s[j];
    for (let j = start; j < start + n; j++) out[j] = a[j] * (s[j] - dot);
  }
}

/** out[p] = log sum_j exp(x_pj). */
export function logSumExpRows(x: Real, n: number, out: Real): void {
  for (let p = 0; p < out.length; p++) {
    const start = p * n;
    const largest = rowMaximum(x, start, n);
    let sum = 0;
    for (let j = start; j < start + n; j++) sum += Math.exp(x[j] - largest);
    out[p] = largest + Math.log(sum);
  }
}

/**
 * With W = sum_j t_pj: losses[p] = W log sum_j exp(y_pj) - sum_j y_pj t_pj and gradient = factor (W softmax(y) - t), from one exponential an entry; rows of n.
 */
export function crossEntropyRows(y: Real, t: Real, n: number, factor: number, losses: Real, gradient: Real): void {
  for (let p = 0; p < losses.length; p++) {
    const start = p * n;
    const largest = rowMaximum(y, start, n);
    let sum = 0;
    let fit = 0;
    let mass = 0;
    for (let j = start; j < start + n; j++) {
      const e = Math.exp(y[j] - largest);
      gradient[j] = e;
      sum += e;
      fit += y[j] * t[j];
      mass += t[j];
    }
    losses[p] = mass * (largest + Math.log(sum)) - fit;
    const share = mass / sum;
    for (let j = start; j < start + n; j++) gradient[j] = factor * (gradient[j] * share - t[j]);
  }
}

function rowMaximum(x: Real, start: number, n: number): number {
  let largest = x[start];
  for (let j = start + 1; j < start + n; j++) if (x[j] > largest) largest = x[j];
  return largest;
}

/** hat = (x - mean) rstd and rstd = 1 / sqrt(variance + epsilon) of every row of n; two passes, divisor n. */
export function standardiseRows(x: Real, n: number, epsilon: number, hat: Real, rstd: Real): void {
  for (let p = 0; p < rstd.length; p++) {
    const start = p * n;
    let sum = 0;
    for (let j = start; j < start + n; j++) sum += x[j];
    const mean = sum / n;
    let squares = 0;
    for (let j = start; j < start + n; j++) squares += (x[j] - mean) * (x[j] - mean);
    const factor = 1 / Math.sqrt(squares / n + epsilon);
    for (let j = start; j < start + n; j++) hat[j] = (x[j] - mean) * factor;
    rstd[p] = factor;
  }
}

/** out = rstd (u - mean(u) - hat mean(u hat)) of every row of n. */
export function standardiseJacobianRows(u: Real, n: number, hat: Real, rstd: Real, out: Real): void {
  for (let p = 0; p < rstd.length; p++) {
    const start = p * n;
    let sum = 0;
    let dot = 0;
    for (let j = start; j < start + n; j++) {
      sum += u[j];
      dot += u[j] * hat[j];
    }
    const mean = sum / n;
    const along = dot / n;
    for (let j = start; j < start + n; j++) out[j] = rstd[p] * (u[j] - mean - hat[j] * along);
  }
}

/** out[j] = sum_p x_pj y_pj, n columns. */
export function columnDots(x: Real, y: Real, n: number, out: Real): void {
  const sums = new Float64Array(n);
  for (let start = 0; start < x.length; start += n) for (let j = 0; j < n; j++) sums[j] += x[start + j] * y[start + j];
  out.set(sums);
}

/** out = a x + b y + c with rows a, b and c. */
export function combineRows(a: Real, x: Real, b: Real, y: Real, c: Real, out: Real): void {
  const n = c.length;
  for (let start = 0; start < x.length; start += n)
    for (let j = 0; j < n; j++) out[start + j] = a[j] * x[start + j] + b[j] * y[start + j] + c[j];
}

/** [outer, a, b, inner] to [outer, b, a, inner]. */
export function swapMiddle(x: Real, outer: number, a: number, b: number, inner: number, out: Real): void {
  const size = a * b * inner;
  for (let o = 0; o < outer; o++) {
    const base = o * size;
    for (let j = 0, to = base; j < b; j++) {
      for (let i = 0; i < a; i++) {
        const from = base + (i * b + j) * inner;
        for (let k = 0; k < inner; k++) out[to++] = x[from + k];
      }
    }
  }
}

/** out[r] = mean of rows r * count .. (r + 1) * count - 1 of n columns. */
export function meanRuns(x: Real, n: number, count: number, out: Real): void {
  out.fill(0);
  const factor = 1 / count;
  for (let start = 0, i = 0; start < out.length; start += n) {
    for (let k = 0; k < count; k++) for (let j = 0; j < n; j++, i++) out[start + j] += x[i];
    for (let j = 0; j < n; j++) out[start + j] *= factor;
  }
}

/** Every row of out = row: the filled part is copied after itself, doubling each time. */
export function repeatRow(row: Real, out: Real): void {
  if (out.length === 0) return;
  out.set(row);
  for (let filled = row.length; filled < out.length; filled *= 2)
    out.copyWithin(filled, 0, Math.min(filled, out.length - filled));
}

/** out = 0 but out[i, x[i]] = 1, n columns; nothing for an x[i] outside 0 ... n - 1. */
export function putOnes(x: Real, n: number, out: Real): void {
  out.fill(0);
  for (let i = 0; i < x.length; i++) if (x[i] >= 0 && x[i] < n) out[i * n + x[i]] = 1;
}

/** out[i] = row x[i] of the table, n columns; zeros for an x[i] that is no row of it. */
export function gatherByValue(table: Real, n: number, x: Real, out: Real): void {
  const rows = table.length / n;
  for (let i = 0, to = 0; i < x.length; i++, to += n) {
    const isRow = x[i] >= 0 && x[i] < rows;
    for (let j = 0, from = x[i] * n; j < n; j++) out[to + j] = isRow ? table[from + j] : 0;
  }
}

/** out = 0, then row run * rows + x[i] of it += y[i], n columns, the entries of x in `runs` runs. */
export function scatterByValue(y: Real, n: number, x: Real, rows: number, runs: number, out: Real): void {
  out.fill(0);
  const length = x.length / runs;
  for (let i = 0; i < x.length; i++) {
    if (!(x[i] >= 0 && x[i] < rows)) continue;
    const to = (Math.floor(i / length) * rows + x[i]) * n;
    for (let j = 0; j < n; j++) out[to + j] += y[i * n + j];
  }
}

/** out[p, j] = x[p, indices[j]], x of n columns. */
export function takeColumns(x: Real, n: number, indices: Uint32Array, out: Real): void {
  for (let start = 0, at = 0; start < x.length; start += n)
    for (let j = 0; j < indices.length; j++, at++) out[at] = x[start + indices[j]];
}

/** out[p, to + j] = x[p, from + j] for j < count, x of n columns, out of `width`. */
export function copyColumns(
  x: Real,
  n: number,
  from: number,
  count: number,
  out: Real,
  width: number,
  to: number,
): void {
  for (let source = from, target = to; source < x.length; source += n, target += width)
    for (let j = 0; j < count; j++) out[target + j] = x[source + j];
}
