/**
 * Weighted Theil-Sen: the slope t at which half of all pairs, each weighing w_i w_j, have a slope above t; with equal weights the
 * Theil-Sen estimate.
 */

/** Points in increasing order of x, prepared for counting; buffers are reused from call to call. */
export class WeightedSlopes {
  readonly #x: Float64Array;
  readonly #y: Float64Array;
  readonly #w: Float64Array;
  readonly #values: Float64Array;
  readonly #weights: Float64Array;
  readonly #spareValues: Float64Array;
  readonly #spareWeights: Float64Array;
  #n = 0;
  #pairs = 0;

  constructor(capacity: number) {
    const array = () => new Float64Array(capacity);
    this.#x = array();
    this.#y = array();
    this.#w = array();
    this.#values = array();
    this.#weights = array();
    this.#spareValues = array();
    this.#spareWeights = array();
  }

  clear(): void {
    this.#n = 0;
    this.#pairs = 0;
  }

  /** Adds a point; x must not decrease from call to call. */
  add(x: number, y: number, weight: number): void {
    this.#x[this.#n] = x;
    this.#y[this.#n] = y;
    this.#w[this.#n] = weight;
    this.#n++;
  }

  /** Call after the last point: sums the weights of the pairs. */
  close(): void {
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < this.#n; i++) {
      sum += this.#w[i];
      squares += this.#w[i] * this.#w[i];
    }
    this.#pairs = (sum * sum - squares) / 2;
  }

  get count(): number {
    return this.#n;
  }

  /** Share of the pairs, by weight, with a slope above t: falls from 1 to 0. */
  above(t: number): number {
    for (let i = 0; i < this.#n; i++) this.#values[i] = this.#y[i] - t * this.#x[i];
    this.#weights.set(this.#w.subarray(0, this.#n));
    return this.#rising() / this.#pairs;
  }

  /**
   * The median slope to within `tolerance`, searched from `start` outwards; the middle of the two middle slopes if exactly half of the
   * weight lies above a whole range. NaN with fewer than 2 points.
   */
  median(start: number, tolerance: number): number {
    if (this.#n < 2) return NaN;
    const lower = this.#crossing(start, tolerance, (share) => share > 0.5);
    if (this.above(lower + tolerance) !== 0.5) return lower;
    return (lower + this.#crossing(lower + tolerance, tolerance, (share) => share >= 0.5)) / 2;
  }

  /** Where `isBelow(above(t))` turns from true to false as t grows. */
  #crossing(start: number, tolerance: number, isBelow: (share: number) => boolean): number {
    let step = 64 * tolerance;
    let low = start;
    let high = start;
    if (isBelow(this.above(start))) {
      do {
        low = high;
        high += step;
        step *= 2;
      } while (isBelow(this.above(high)) && step < 1e12);
    } else {
      do {
        high = low;
        low -= step;
        step *= 2;
      } while (!isBelow(this.above(low)) && step < 1e12);
    }
    while (high - low > tolerance) {
      const middle = (low + high) / 2;
      if (middle <= low || middle >= high) break;
      if (isBelow(this.above(middle))) low = middle;
      else high = middle;
    }
    return (low + high) / 2;
  }

  /** Weight of the pairs i < j with values rising from i to j: a merge sort into decreasing order that carries the weights along. */
  #rising(): number {
    const n = this.#n;
    let values = this.#values;
    let weights = this.#weights;
    let toValues = this.#spareValues;
    let toWeights = this.#spareWeights;
    let rising = 0;
    const run = 8;
    for (let start = 0; start < n; start += run) {
      const end = start + run < n ? start + run : n;
      for (let j = start + 1; j < end; j++) {
        const value = values[j];
        const weight = weights[j];
        let passed = 0;
        let k = j - 1;
        while (k >= start && values[k] < value) {
          passed += weights[k];
          values[k + 1] = values[k]!;
          weights[k + 1] = weights[k]!;
          k--;
        }
        values[k + 1] = value;
        weights[k + 1] = weight;
        rising += passed * weight;
      }
    }
    for (let width = run; width < n; width *= 2) {
      for (let start = 0; start < n; start += 2 * width) {
        const split = start + width < n ? start + width : n;
        const end = start + 2 * width < n ? start + 2 * width : n;
        let remaining = 0;
        for (let l = start; l < split; l++) remaining += weights[l];
        let left = start;
        let right = split;
        let k = start;
        while (left < split && right < end) {
          if (values[left] < values[right]) {
            rising += remaining * weights[right];
            toValues[k] = values[right]!;
            toWeights[k++] = weights[right++]!;
          } else {
            remaining -= weights[left];
            toValues[k] = values[left]!;
            toWeights[k++] = weights[left++]!;
          }
        }
        while (left < split) {
          toValues[k] = values[left]!;
          toWeights[k++] = weights[left++]!;
        }
        while (right < end) {
          toValues[k] = values[right]!;
          toWeights[k++] = weights[right++]!;
        }
      }
      [values, toValues] = [toValues, values];
      [weights, toWeights] = [toWeights, weights];
    }
    return rising;
  }
}
