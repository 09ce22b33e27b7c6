/**
 * All slopes along one set of directions for given weights of the sample blocks: the inner loop of the bootstrap. Buffers are allocated
 * once; `load` takes weights to logarithms, the methods after it take logarithms to slopes.
 *
 * Letters: b block (row), u usable group of directions in decreasing order of the selecting eigenvalue, j member of a group.
 */
import { relations, usabilityOf, type Floors, type Relation } from '../../shared/cutoffs.ts';
import { inverseLeastSquares, leastSquares, orthogonal, type Moments } from '../../shared/fits.ts';
import { estimators, type Estimator } from '../../shared/results.ts';
import type { ProjectedDirections, ProjectionSums } from './blocks.ts';

/** Slopes at one cutoff: [relation][estimator], as indexed by `slopeIndex`. */
export const slopesPerCutoff = relations.length * estimators.length;

export function slopeIndex(cutoff: number, relation: Relation, estimator: Estimator): number {
  return cutoff * slopesPerCutoff + relations.indexOf(relation) * estimators.length + estimators.indexOf(estimator);
}

/** Along usable groups u: natural logarithms, NaN where a resampled value is not positive. */
export interface Logs {
  readonly H: Float64Array;
  readonly C: Float64Array;
  readonly Q: Float64Array;
}

export class DirectionFits {
  /** Usable groups, and for each cutoff how many of them it selects. */
  readonly usable: number;
  readonly selected: readonly number[];

  readonly #parts: readonly (readonly [start: number, end: number])[];
  readonly #sizes: Float64Array;
  /**
   * [rows, 4 m]: curvature, squared curvature, gradient, squared gradient of the m members of usable groups, divided by the number of
   * members and by the group's H, Q, sqrt C and C over all samples, so that means over resamples are near 1.
   */
  readonly #table: Float64Array;
  /** Logarithms of the values of all samples, which the columns of the table are relative to. */
  readonly #base: Logs;
  readonly #members: number;
  /** Members of group u: starts[u] .. starts[u + 1] - 1. */
  readonly #starts: Uint32Array;
  /** How many directions group u stands for. */
  readonly weights: Float64Array;
  /** Logarithms of the values that the last `load` gave. */
  readonly logs: Logs;
  /** How far these lie from the logarithms over all samples. */
  readonly moves: Logs;
  /** The distinct numbers of leading groups that the cutoffs select, at least 3, increasing. */
  readonly prefixes: readonly number[];
  readonly #sums: readonly Float64Array[];
  readonly #part: readonly Logs[];
  /** Groups that the instrument may use: positive in both parts. */
  readonly #inBoth: Uint8Array;

  /**
   * @param sizes samples of each block (row).
   * @param parts rows of the two disjoint parts behind the instrument; one part for no instrument.
   */
  constructor(
    projected: ProjectedDirections,
    sizes: readonly number[],
    parts: readonly (readonly [start: number, end: number])[],
    floors: Floors,
    cutoffs: readonly number[],
  ) {
    const { directions, sums } = projected;
    this.#parts = parts;
    this.#sizes = Float64Array.from(sizes);
    const values = totals(sums, this.#sizes, directions.starts, [0, sizes.length]);
    const usable = range(0, directions.selection.length).filter(
      (g) => usabilityOf(values.H[g], values.C[g], values.Q[g], floors) === 'usable',
    );
    this.usable = usable.length;
    this.selected = cutoffs.map((cutoff) => {
      const threshold = cutoff * directions.largest;
      return usable.filter((g) => directions.selection[g] > threshold).length;
    });
    this.prefixes = [...new Set(this.selected)].filter((n) => n >= 3).sort((a, b) => a - b);

    const members = usable.flatMap((g) => range(directions.starts[g], directions.starts[g + 1]));
    this.#members = members.length;
    this.#starts = new Uint32Array(usable.length + 1);
    usable.forEach((g, u) => (this.#starts[u + 1] = this.#starts[u] + directions.starts[g + 1] - directions.starts[g]));
    this.weights = Float64Array.from(usable, (g) => directions.weights[g]);
    const take = (array: Float64Array) => Float64Array.from(usable, (g) => array[g]);
    const base = { H: take(values.H), C: take(values.C), Q: take(values.Q) };
    this.#base = { H: base.H.map(Math.log), C: base.C.map(Math.log), Q: base.Q.map(Math.log) };
    this.#table = gather(sums, directions.indices.length, sizes.length, members, this.#starts, base);
    this.#sums = parts.map(() => new Float64Array(4 * this.#members));
    const logs = (): Logs => ({
      H: new Float64Array(this.usable),
      C: new Float64Array(this.usable),
      Q: new Float64Array(this.usable),
    });
    this.logs = logs();
    this.moves = logs();
    this.#part = parts.map(logs);
    this.#inBoth = new Uint8Array(this.usable);
    if (parts.length === 2) {
      const [one, two] = parts.map((rows) => totals(sums, this.#sizes, directions.starts, rows));
      usable.forEach((g, u) => {
        const positive = [one, two].every((v) => v.H[g] > 0 && v.C[g] > 0 && v.Q[g] > 0);
        this.#inBoth[u] = positive ? 1 : 0;
      });
    }
  }

  /** Takes weights of the blocks (how often each was drawn, times any constant per part) to logarithms. */
  load(weights: Float64Array): void {
    const width = 4 * this.#members;
    let samples = 0;
    for (let k = 0; k < this.#parts.length; k++) {
      const [start, end] = this.#parts[k];
      let n = 0;
      for (let b = start; b < end; b++) n += weights[b] * this.#sizes[b];
      weightedSum(this.#table, width, start, end, weights, this.#sums[k]);
      samples += n;
      if (this.#parts.length > 1) this.#toLogs(this.#sums[k], n, this.#part[k], undefined);
    }
    const [first, second] = this.#sums;
    if (second) for (let c = 0; c < width; c++) first[c] += second[c];
    this.#toLogs(first, samples, this.logs, this.moves);
  }

  /** Every slope but Theil-Sen's, at every cutoff, into `out` [cutoffs * slopesPerCutoff]; NaN where undefined. */
  slopes(out: Float64Array): void {
    const { H, C, Q } = this.logs;
    const gamma = new PairSums();
    const gammaQ = new PairSums();
    const onQ = new PairSums();
    const instrument = this.#part.length === 2 ? new InstrumentSums(this.#part[0], this.#part[1]) : undefined;
    out.fill(NaN);
    let u = 0;
    for (const prefix of this.prefixes) {
      for (; u < prefix; u++) {
        const h = H[u];
        const c = C[u];
        const q = Q[u];
        // One comparison with NaN is enough: the sum is NaN where any of them is.
        const all = h + c + q;
        if (all !== all) continue;
        const weight = this.weights[u];
        gamma.add(weight, h, c);
        gammaQ.add(weight, h, q);
        onQ.add(weight, q, c);
        if (instrument && this.#inBoth[u] === 1) instrument.add(u, weight);
      }
      for (let cutoff = 0; cutoff < this.selected.length; cutoff++) {
        if (this.selected[cutoff] !== prefix) continue;
        const at = cutoff * slopesPerCutoff;
        gamma.write(out, at);
        gammaQ.write(out, at + estimators.length);
        onQ.write(out, at + 2 * estimators.length);
        if (instrument) instrument.write(out, at);
      }
    }
  }

  #toLogs(sum: Float64Array, samples: number, out: Logs, moves: Logs | undefined): void {
    const m = this.#members;
    const starts = this.#starts;
    const { H, C, Q } = out;
    const base = this.#base;
    const perSample = 1 / samples;
    for (let u = 0; u < this.usable; u++) {
      let h = 0;
      let q = 0;
      let c = 0;
      const end = starts[u + 1];
      for (let j = starts[u]; j < end; j++) {
        const g = sum[2 * m + j];
        h += sum[j];
        q += sum[m + j];
        c += sum[3 * m + j] - g * g * perSample;
      }
      h = logNearOne(h * perSample);
      c = logNearOne(c * perSample);
      q = logNearOne(q * perSample);
      H[u] = base.H[u] + h;
      C[u] = base.C[u] + c;
      Q[u] = base.Q[u] + q;
      if (moves === undefined) continue;
      moves.H[u] = h;
      moves.C[u] = c;
      moves.Q[u] = q;
    }
  }
}

/**
 * log r, NaN for r <= 0. Near 1, where resampled ratios lie, by the series of 2 atanh((r - 1) / (r + 1)) to an error of 3e-9: a third of the
 * time of Math.log, which takes the rest.
 */
function logNearOne(r: number): number {
  const z = (r - 1) / (r + 1);
  if (!(z < 0.25 && z > -0.25)) return r > 0 ? Math.log(r) : NaN;
  const s = z * z;
  return 2 * z * (1 + s * (1 / 3 + s * (1 / 5 + s * (1 / 7 + s * (1 / 9 + s * (1 / 11))))));
}

/** out = sum over rows start..end-1 of weights[row] times the row of `table` [rows, width]; four rows of weight a pass over `out`. */
function weightedSum(
  table: Float64Array,
  width: number,
  start: number,
  end: number,
  weights: Float64Array,
  out: Float64Array,
): void {
  out.fill(0);
  let row = start;
  const next = (): number => {
    while (row < end && weights[row] === 0) row++;
    return row < end ? row++ : -1;
  };
  for (;;) {
    const r0 = next();
    if (r0 < 0) return;
    const [r1, r2, r3] = [next(), next(), next()];
    // A row that is not there counts nothing: the first with weight 0.
    const [w0, a0] = [weights[r0], r0 * width];
    const [w1, a1] = r1 < 0 ? [0, a0] : [weights[r1], r1 * width];
    const [w2, a2] = r2 < 0 ? [0, a0] : [weights[r2], r2 * width];
    const [w3, a3] = r3 < 0 ? [0, a0] : [weights[r3], r3 * width];
    for (let c = 0; c < width; c++)
      out[c] += w0 * table[a0 + c] + w1 * table[a1 + c] + (w2 * table[a2 + c] + w3 * table[a3 + c]);
  }
}

/** Weighted sums of one relation over the leading groups. */
class PairSums {
  #count = 0;
  #w = 0;
  #x = 0;
  #y = 0;
  #xx = 0;
  #xy = 0;
  #yy = 0;

  add(w: number, x: number, y: number): void {
    this.#count++;
    this.#w += w;
    this.#x += w * x;
    this.#y += w * y;
    this.#xx += w * x * x;
    this.#xy += w * x * y;
    this.#yy += w * y * y;
  }

  /** Puts the slopes that are functions of the moments where they belong, from `at` on; leaves NaN with fewer than 3 groups. */
  write(out: Float64Array, at: number): void {
    if (this.#count < 3) return;
    const meanX = this.#x / this.#w;
    const meanY = this.#y / this.#w;
    const m: Moments = {
      n: this.#count,
      meanX,
      meanY,
      sxx: this.#xx - this.#x * meanX,
      sxy: this.#xy - this.#x * meanY,
      syy: this.#yy - this.#y * meanY,
    };
    out[at + estimators.indexOf('ols')] = leastSquares(m).slope;
    out[at + estimators.indexOf('ols_inverse')] = inverseLeastSquares(m);
    out[at + estimators.indexOf('orthogonal')] = orthogonal(m);
  }
}

/** Weighted sums behind the split-half instrument of all three relations; the parts are numbered 1 and 2. */
class InstrumentSums {
  readonly #one: Logs;
  readonly #two: Logs;
  #count = 0;
  readonly #sums = new Float64Array(15);

  constructor(one: Logs, two: Logs) {
    this.#one = one;
    this.#two = two;
  }

  add(u: number, w: number): void {
    const h1 = this.#one.H[u];
    const c1 = this.#one.C[u];
    const q1 = this.#one.Q[u];
    const h2 = this.#two.H[u];
    const c2 = this.#two.C[u];
    const q2 = this.#two.Q[u];
    const all = h1 + c1 + q1 + h2 + c2 + q2;
    if (all !== all) return;
    this.#count++;
    const s = this.#sums;
    s[0] += w;
    s[1] += w * h1;
    s[2] += w * h2;
    s[3] += w * c1;
    s[4] += w * c2;
    s[5] += w * q1;
    s[6] += w * q2;
    s[7] += w * h1 * h2;
    s[8] += w * h2 * c1;
    s[9] += w * h1 * c2;
    s[10] += w * h2 * q1;
    s[11] += w * h1 * q2;
    s[12] += w * q1 * q2;
    s[13] += w * q2 * c1;
    s[14] += w * q1 * c2;
  }

  /** The instrument's slopes of the three relations; NaN where the parts do not vary together. */
  write(out: Float64Array, at: number): void {
    if (this.#count < 3) return;
    const s = this.#sums;
    const product = (xy: number, x: number, y: number) => s[xy] - (s[x] * s[y]) / s[0];
    const ratio = (above: number, below: number) => (below > 0 ? above / (2 * below) : NaN);
    const HH = product(7, 1, 2);
    const iv = at + estimators.indexOf('iv');
    out[iv] = ratio(product(8, 2, 3) + product(9, 1, 4), HH);
    out[iv + estimators.length] = ratio(product(10, 2, 5) + product(11, 1, 6), HH);
    out[iv + 2 * estimators.length] = ratio(product(13, 6, 3) + product(14, 5, 4), product(12, 5, 6));
  }
}

/** H_ii, C_ii, Q_ii of every group from the given rows, each block counted once. */
function totals(
  sums: ProjectionSums,
  sizes: Float64Array,
  starts: Uint32Array,
  [from, to]: readonly [number, number],
): { H: Float64Array; C: Float64Array; Q: Float64Array } {
  const groups = starts.length - 1;
  const k = starts[groups];
  let samples = 0;
  for (let b = from; b < to; b++) samples += sizes[b];
  const total = (array: Float64Array, j: number) => {
    let sum = 0;
    for (let b = from; b < to; b++) sum += array[b * k + j];
    return sum / samples;
  };
  const out = { H: new Float64Array(groups), C: new Float64Array(groups), Q: new Float64Array(groups) };
  for (let g = 0; g < groups; g++) {
    const size = starts[g + 1] - starts[g];
    for (let j = starts[g]; j < starts[g + 1]; j++) {
      out.H[g] += total(sums.curvature, j) / size;
      out.Q[g] += total(sums.squaredCurvature, j) / size;
      out.C[g] += (total(sums.squaredGradient, j) - total(sums.gradient, j) ** 2) / size;
    }
  }
  return out;
}

/** The table of DirectionFits; `members` are columns of the sums, `starts` and `base` go by usable groups. */
function gather(
  sums: ProjectionSums,
  k: number,
  rows: number,
  members: readonly number[],
  starts: Uint32Array,
  base: Logs,
): Float64Array {
  const m = members.length;
  const table = new Float64Array(rows * 4 * m);
  for (let u = 0; u + 1 < starts.length; u++) {
    const size = starts[u + 1] - starts[u];
    const columns: readonly (readonly [Float64Array, number])[] = [
      [sums.curvature, 1 / (size * base.H[u])],
      [sums.squaredCurvature, 1 / (size * base.Q[u])],
      [sums.gradient, 1 / Math.sqrt(size * base.C[u])],
      [sums.squaredGradient, 1 / (size * base.C[u])],
    ];
    for (let at = starts[u]; at < starts[u + 1]; at++) {
      columns.forEach(([array, scale], quantity) => {
        for (let b = 0; b < rows; b++) table[(b * 4 + quantity) * m + at] = scale * array[b * k + members[at]];
      });
    }
  }
  return table;
}

function range(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, i) => start + i);
}
