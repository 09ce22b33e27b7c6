/**
 * All slopes along one set of directions for given weights of the sample blocks: the inner loop of the bootstrap. Buffers are allocated
 * once; `sum` takes rows of weights to sums, `load` one of them to logarithms, the methods after it take logarithms to slopes.
 *
 * Letters: b block (row), u usable group of directions in decreasing order of the selecting eigenvalue, j member of a group.
 */
import { estimators, type Estimator } from '../../shared/slopes.ts';
import { relations, usabilityOf, type Floors, type Relation, type Triple } from '../../shared/cutoffs.ts';
import type { ProjectedDirections } from './blocks.ts';
import { gather, range, totals } from './direction-table.ts';
import type { RowProducts } from './row-products.ts';
import { InstrumentSums, PairSums } from './slope-sums.ts';

/** Numbers at one cutoff: the slopes [relation][estimator], as indexed by `slopeIndex`, and the difference of scatters. */
export const slopesPerCutoff = relations.length * estimators.length + 1;

/** Scatter of C on H less that of C on Q about their lines of slope 1, in decades. */
export function scatterIndex(cutoff: number): number {
  return (cutoff + 1) * slopesPerCutoff - 1;
}

export function slopeIndex(cutoff: number, relation: Relation, estimator: Estimator): number {
  return cutoff * slopesPerCutoff + relations.indexOf(relation) * estimators.length + estimators.indexOf(estimator);
}

/** All slopes by all estimators, or least squares of C on Q alone, which takes a fraction of the time; the others are then NaN. */
export type WantedSlopes = 'all' | 'C_on_Q';

/** Rows of weights that are summed at once. */
export const resampleBatch = 32;

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
  readonly #base: Triple;
  readonly #members: number;
  /** Members of group u: starts[u] .. starts[u + 1] - 1. */
  readonly #starts: Uint32Array;
  /** How many directions group u stands for. */
  readonly weights: Float64Array;
  /** Logarithms of the values that the last `load` gave. */
  readonly logs: Triple;
  /** How far these lie from the logarithms over all samples. */
  readonly moves: Triple;
  /** The distinct numbers of leading groups that the cutoffs select, at least 3, increasing. */
  readonly prefixes: readonly number[];
  readonly #products: RowProducts;
  readonly #wanted: WantedSlopes;
  /** By part: sums [batch, 4 m] for the rows of weights that `sum` was given, and the samples that these count. */
  readonly #sums: readonly Float64Array[];
  readonly #counts: readonly Float64Array[];
  readonly #part: readonly Triple[];
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
    products: RowProducts,
    wanted: WantedSlopes = 'all',
  ) {
    this.#products = products;
    this.#wanted = wanted;
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
    this.#table = products.allocate(sizes.length * 4 * this.#members);
    gather(sums, directions.indices.length, sizes.length, members, this.#starts, base, this.#table);
    this.#sums = parts.map(() => products.allocate(resampleBatch * 4 * this.#members));
    this.#counts = parts.map(() => new Float64Array(resampleBatch));
    const logs = (): Triple => ({
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

  /**
   * Takes rows of weights of the blocks (how often each was drawn, times any constant per part) to sums.
   * @param weights rows `width` apart, of which the first `sizes.length` entries count.
   * @param rows at most `batch`.
   */
  sum(weights: Float64Array, width: number, rows: number): void {
    const columns = 4 * this.#members;
    this.#parts.forEach(([start, end], k) => {
      const table = this.#table.subarray(start * columns, end * columns);
      this.#products.multiply(rows, end - start, columns, weights.subarray(start), width, table, this.#sums[k]);
      for (let r = 0; r < rows; r++) {
        let n = 0;
        for (let b = start; b < end; b++) n += weights[r * width + b] * this.#sizes[b];
        this.#counts[k][r] = n;
      }
    });
  }

  /** Takes the sums of row r to logarithms. */
  load(r: number): void {
    const width = 4 * this.#members;
    const sums = this.#sums.map((all) => all.subarray(r * width, (r + 1) * width));
    let samples = 0;
    for (let k = 0; k < sums.length; k++) {
      const n = this.#counts[k][r];
      samples += n;
      if (sums.length > 1 && this.#wanted === 'all') this.#toLogs(sums[k], n, this.#part[k], undefined);
    }
    const [first, second] = sums;
    if (second) for (let c = 0; c < width; c++) first[c] += second[c];
    this.#toLogs(first, samples, this.logs, this.moves);
  }

  /** `sum` and `load` of one row. */
  loadOne(weights: Float64Array): void {
    this.sum(weights, weights.length, 1);
    this.load(0);
  }

  release(): void {
    for (const array of [this.#table, ...this.#sums]) this.#products.release(array);
  }

  /** Every wanted slope but Theil-Sen's, at every cutoff, into `out` [cutoffs * slopesPerCutoff]; NaN if undefined. */
  slopes(out: Float64Array): void {
    if (this.#wanted === 'C_on_Q') {
      this.#slopesOnQ(out);
      return;
    }
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
        // One comparison with NaN is enough: the sum is NaN if any of them is.
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
        const offset = cutoff * slopesPerCutoff;
        gamma.write(out, offset);
        gammaQ.write(out, offset + estimators.length);
        onQ.write(out, offset + 2 * estimators.length);
        if (instrument) instrument.write(out, offset);
        out[scatterIndex(cutoff)] = (gamma.unitScatter() - onQ.unitScatter()) / Math.LN10;
      }
    }
  }

  /** Least squares of C on Q alone, along the same directions. */
  #slopesOnQ(out: Float64Array): void {
    const { H, C, Q } = this.logs;
    const onQ = new PairSums();
    out.fill(NaN);
    let u = 0;
    for (const prefix of this.prefixes) {
      for (; u < prefix; u++) {
        const all = H[u] + C[u] + Q[u];
        if (all === all) onQ.add(this.weights[u], Q[u], C[u]);
      }
      const slope = onQ.leastSquares();
      for (const [cutoff, selected] of this.selected.entries())
        if (selected === prefix) out[slopeIndex(cutoff, 'C_on_Q', 'ols')] = slope;
    }
  }

  #toLogs(sum: Float64Array, samples: number, out: Triple, moves: Triple | undefined): void {
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
