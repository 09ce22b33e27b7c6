/**
 * Theil-Sen slope: the median of the slopes (y_j - y_i) / (x_j - x_i) over all pairs with different x (Theil 1950, Sen 1968).
 *
 * A pair i < j (x_i < x_j) has a slope above t exactly where the residuals e = y - t x rise from i to j, so counting rising pairs by a
 * merge sort, n log n, tells the rank of t among all slopes (Cole, Salowe, Steiger & Szemeredi, SIAM J. Comput. 18, 1989). A few
 * counts bracket the median; the slopes inside the bracket alone are listed and selected from. Memory and time are about n log n where
 * listing all pairs would take n^2 / 2; no randomness.
 */

/** Median slope over points 0..n-1, in any order. NaN if fewer than two x differ. All values must be finite. */
export function theilSen(x: ArrayLike<number>, y: ArrayLike<number>, n = x.length): number {
  if (!(n <= x.length && n <= y.length))
    throw new Error(`theilSen: ${n} points asked of ${x.length} x and ${y.length} y`);
  if (n < 2) return NaN;
  const order = increasing(x, y, n);
  const sortedX = new Float64Array(n);
  const sortedY = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    sortedX[k] = x[order[k]];
    sortedY[k] = y[order[k]];
  }
  const points = new SlopeRanks(sortedX, sortedY);
  return points.pairs === 0 ? NaN : points.median();
}

/** 0..n-1 in increasing order of `first`, where that is equal in decreasing order of `second`. Merge sort. */
function increasing(first: ArrayLike<number>, second: ArrayLike<number>, n: number): Uint32Array<ArrayBuffer> {
  let from = upTo(n);
  let to = new Uint32Array(n);
  for (let width = 1; width < n; width *= 2) {
    for (let start = 0; start < n; start += 2 * width) {
      const split = Math.min(start + width, n);
      const end = Math.min(start + 2 * width, n);
      let left = start;
      let right = split;
      for (let k = start; k < end; k++) {
        let fromLeft = left < split;
        if (fromLeft && right < end) {
          const i = from[left];
          const j = from[right];
          fromLeft = first[i] < first[j] || (first[i] === first[j] && second[i] >= second[j]);
        }
        to[k] = fromLeft ? from[left++] : from[right++];
      }
    }
    [from, to] = [to, from];
  }
  return from;
}

function upTo(n: number): Uint32Array<ArrayBuffer> {
  const numbers = new Uint32Array(n);
  for (let i = 0; i < n; i++) numbers[i] = i;
  return numbers;
}

/** Pairs are listed outright up to this number. */
const fewPairs = 4096;

/** Points in increasing order of x, equal x in decreasing order of y (so that a pair with equal x never counts as rising). */
class SlopeRanks {
  readonly #x: Float64Array;
  readonly #y: Float64Array;
  readonly #n: number;
  /** Pairs with different x. */
  readonly pairs: number;
  readonly #values: Float64Array;
  readonly #spare: Float64Array;

  constructor(x: Float64Array, y: Float64Array) {
    this.#x = x;
    this.#y = y;
    this.#n = x.length;
    let pairs = (this.#n * (this.#n - 1)) / 2;
    for (let i = 0, run = 0; i < this.#n; i++) {
      run = i > 0 && x[i] === x[i - 1] ? run + 1 : 0;
      pairs -= run;
    }
    this.pairs = pairs;
    this.#values = new Float64Array(this.#n);
    this.#spare = new Float64Array(this.#n);
  }

  median(): number {
    const lower = Math.floor((this.pairs - 1) / 2);
    const upper = Math.floor(this.pairs / 2);
    if (this.pairs <= fewPairs) return middle(this.#allSlopes(), lower, upper);

    // Invariant: #slopes <= low is at most `lower`; #slopes <= high is above `upper`.
    let [low, high] = this.#bracket(lower, upper);
    let belowLow = this.pairs - this.rising(low);
    let belowHigh = this.pairs - this.rising(high);
    const enough = 4 * this.#n;
    for (let round = 0; belowHigh - belowLow > enough && round < 200; round++) {
      // Towards a rank on this side of the median and on that side in turn, by linear interpolation; each third round by halving.
      const target = round % 2 === 0 ? lower - this.#n : upper + this.#n;
      const share = round % 3 === 2 ? 0.5 : (target - belowLow) / (belowHigh - belowLow);
      const t = low + Math.min(Math.max(share, 0.01), 0.99) * (high - low);
      if (!(t > low && t < high)) return low + (high - low) / 2;
      const below = this.pairs - this.rising(t);
      if (below <= lower) [low, belowLow] = [t, below];
      else if (below > upper) [high, belowHigh] = [t, below];
      else break;
    }
    const slopes = this.#slopesBetween(low, high, belowHigh - belowLow);
    return middle(slopes, lower - belowLow, upper - belowLow);
  }

  /** Number of pairs with a slope above t. */
  rising(t: number): number {
    for (let i = 0; i < this.#n; i++) this.#values[i] = this.#y[i] - t * this.#x[i];
    return countRising(this.#values, this.#spare, this.#n);
  }

  /** Slopes around the least-squares slope, moved out until they hold the median. */
  #bracket(lower: number, upper: number): [number, number] {
    const n = this.#n;
    const start = this.#y[0] - this.#y[n - 1];
    const centre = start / (this.#x[0] - this.#x[n - 1]);
    let step = Math.max(Math.abs(centre), 1) / 16;
    let low = centre - step;
    while (this.pairs - this.rising(low) > lower) low -= step *= 2;
    step = Math.max(Math.abs(centre), 1) / 16;
    let high = centre + step;
    while (this.pairs - this.rising(high) <= upper) high += step *= 2;
    return [low, high];
  }

  #allSlopes(): Float64Array {
    const slopes = new Float64Array(this.pairs);
    let count = 0;
    for (let i = 0; i < this.#n; i++) {
      for (let j = i + 1; j < this.#n; j++) {
        const dx = this.#x[j] - this.#x[i];
        if (dx > 0) slopes[count++] = (this.#y[j] - this.#y[i]) / dx;
      }
    }
    return slopes;
  }

  /** The slopes in (low, high]: pairs that rise in y - low x and do not in y - high x. `expected` of them. */
  #slopesBetween(low: number, high: number, expected: number): Float64Array {
    const n = this.#n;
    const slopes = new Float64Array(expected);
    let count = 0;
    // In increasing order of y - low x (ties: falling pairs first, as the count has them), a pair that must be listed is one that
    // rose there and is out of order in y - high x. Merge sort by the latter meets each such pair once.
    const atLow = this.#x.map((x, i) => this.#y[i] - low * x);
    const atHigh = this.#x.map((x, i) => this.#y[i] - high * x);
    let order = increasing(atLow, upTo(n), n);
    let other = new Uint32Array(n);
    for (let width = 1; width < n; width *= 2) {
      for (let start = 0; start < n; start += 2 * width) {
        const split = Math.min(start + width, n);
        const end = Math.min(start + 2 * width, n);
        let left = start;
        let right = split;
        for (let k = start; k < end; k++) {
          const fromRight = right < end && (left >= split || comesFirst(atHigh, order[right], order[left]));
          if (!fromRight) {
            other[k] = order[left++]!;
            continue;
          }
          const j = order[right];
          for (let l = left; l < split; l++) {
            const i = order[l];
            const dx = this.#x[j] - this.#x[i];
            if (count < expected && dx !== 0) slopes[count++] = (this.#y[j] - this.#y[i]) / dx;
          }
          other[k] = order[right++]!;
        }
      }
      [order, other] = [other, order];
    }
    return slopes.subarray(0, count);
  }
}

/** Whether point j stands before point i in increasing order of `values`, equal values in decreasing order of index. */
function comesFirst(values: Float64Array, j: number, i: number): boolean {
  return values[j] < values[i] || (values[j] === values[i] && j > i);
}

/** Number of pairs i < j with values[i] < values[j]. Sorts `values` (decreasing) in the doing; `spare` is scratch of the same length. */
export function countRising(values: Float64Array, spare: Float64Array, n: number): number {
  let rising = 0;
  const run = 8;
  for (let start = 0; start < n; start += run) {
    const end = Math.min(start + run, n);
    for (let j = start + 1; j < end; j++) {
      const value = values[j];
      let k = j - 1;
      while (k >= start && values[k] < value) {
        values[k + 1] = values[k]!;
        k--;
      }
      values[k + 1] = value;
      rising += j - 1 - k;
    }
  }
  let from = values;
  let to = spare;
  for (let width = run; width < n; width *= 2) {
    for (let start = 0; start < n; start += 2 * width) {
      const split = Math.min(start + width, n);
      const end = Math.min(start + 2 * width, n);
      let left = start;
      let right = split;
      let k = start;
      while (left < split && right < end) {
        if (from[left] < from[right]) {
          rising += split - left;
          to[k++] = from[right++]!;
        } else {
          to[k++] = from[left++]!;
        }
      }
      while (left < split) to[k++] = from[left++]!;
      while (right < end) to[k++] = from[right++]!;
    }
    [from, to] = [to, from];
  }
  return rising;
}

/** Mean of the values of two neighbouring or equal ranks; reorders `values`. */
function middle(values: Float64Array, lower: number, upper: number): number {
  const first = select(values, lower);
  if (upper === lower) return first;
  // Everything after rank `lower` is at least as large: the next rank is the smallest of it.
  let next = Infinity;
  for (let i = lower + 1; i < values.length; i++) if (values[i] < next) next = values[i];
  return (first + next) / 2;
}

/** The value of a rank (0: smallest), by partitioning about medians of three; smaller values end before it, larger ones after. */
function select(values: Float64Array, rank: number): number {
  let low = 0;
  let high = values.length - 1;
  while (high > low) {
    const [a, b, c] = [values[low], values[(low + high) >>> 1], values[high]];
    const pivot = Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
    let i = low;
    let j = high;
    while (i <= j) {
      while (values[i] < pivot) i++;
      while (values[j] > pivot) j--;
      if (i > j) break;
      const held = values[i];
      values[i++] = values[j];
      values[j--] = held;
    }
    if (rank <= j) high = j;
    else if (rank >= i) low = i;
    else break;
  }
  return values[rank];
}
