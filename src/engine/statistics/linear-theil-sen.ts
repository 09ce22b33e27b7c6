/**
 * Theil-Sen in thousands of resamples. Searching each median of slopes would take longer than everything else together; but a resample
 * moves every point a little, and to first order the median moves by
 *
 *   T* - T = sum_u c_u (dy_u - T dx_u),   c_u = sum_v w_u w_v K_uv sign(x_u - x_v) / sum_(u<v) w_u w_v K_uv |x_u - x_v|,
 *
 * with dx_u, dy_u how far point u moved and K_uv the density, at 0, of the difference of the two residuals in a resample: normal around the
 * difference e_u - e_v in the sample with the variance by which a resample scatters it. What this leaves out on average
 * (noise in x flattens Theil-Sen as it flattens least squares) is measured on a few resamples that are searched exactly, and added; what it
 * misses from one of them to the next, a median's steps, is reported as a variance.
 */
import { axesOf, relations, type Relation } from '../../shared/cutoffs.ts';
import { slopeIndex, type DirectionFits } from './direction-fits.ts';
import { WeightedSlopes } from './weighted-theil-sen.ts';

/** Resamples that are searched exactly. */
export const pilots = 12;

interface Term {
  readonly relation: Relation;
  /** Leading groups. */
  readonly n: number;
  readonly cutoffs: readonly number[];
  readonly estimate: number;
  readonly coefficients: Float64Array;
  /** Mean of (exact - linear) over the pilots. */
  correction: number;
  /** Variance of (exact - linear) over the pilots. */
  missed: number;
}

export class LinearTheilSen {
  readonly #fits: DirectionFits;
  readonly #base: { readonly H: Float64Array; readonly C: Float64Array; readonly Q: Float64Array };
  readonly #points: WeightedSlopes;
  readonly #terms: Term[];

  /**
   * Expects `fits` loaded with the sample itself; fills the Theil-Sen entries of `estimate`. Afterwards `fits` is loaded with the last
   * pilot.
   */
  constructor(fits: DirectionFits, estimate: Float64Array, pilotCount: number, weightsOf: (r: number) => Float64Array) {
    this.#fits = fits;
    this.#points = new WeightedSlopes(fits.usable);
    this.#base = { H: fits.logs.H.slice(), C: fits.logs.C.slice(), Q: fits.logs.Q.slice() };
    const medians = this.#medians((relation, prefix) => {
      const ols = estimate[slopeIndex(this.#cutoffsOf(prefix)[0], relation, 'ols')];
      return Number.isFinite(ols) ? ols : 1;
    }, 1e-8);
    const scatter = this.#scatter(medians, pilotCount, weightsOf);
    this.#terms = medians.map(({ relation, n, median }, t) => ({
      relation,
      n,
      cutoffs: this.#cutoffsOf(n),
      estimate: median,
      coefficients: this.#coefficients(relation, n, median, scatter[t]),
      correction: 0,
      missed: 0,
    }));
    for (const term of this.#terms)
      for (const cutoff of term.cutoffs) estimate[slopeIndex(cutoff, term.relation, 'theil_sen')] = term.estimate;

    if (pilotCount < 2) return;
    const misses = this.#terms.map((): number[] => []);
    for (let r = 0; r < pilotCount; r++) {
      fits.loadOne(weightsOf(r));
      const linear = this.#terms.map((term) => this.#linear(term));
      let next = 0;
      // In the order of the terms, which came from the same call.
      this.#medians(() => linear[next++], 1e-4).forEach(({ median }, t) => misses[t].push(median - linear[t]));
    }
    this.#terms.forEach((term, t) => {
      term.correction = mean(misses[t]);
      term.missed = (mean(misses[t].map((miss) => (miss - term.correction) ** 2)) * pilotCount) / (pilotCount - 1);
    });
  }

  /** Puts the variance that the expansion misses where the Theil-Sen slopes stand in `out`. */
  missed(out: Float64Array): void {
    for (const term of this.#terms)
      for (const cutoff of term.cutoffs) out[slopeIndex(cutoff, term.relation, 'theil_sen')] = term.missed;
  }

  /**
   * The Theil-Sen entries of `out` for what `fits` was last loaded with, with the mean correction if that is a resample (a sample that
   * lacks one block of many has none).
   */
  slopes(out: Float64Array, resample: boolean): void {
    for (const term of this.#terms) {
      const slope = this.#linear(term) + (resample ? term.correction : 0);
      for (const cutoff of term.cutoffs) out[slopeIndex(cutoff, term.relation, 'theil_sen')] = slope;
    }
  }

  #linear({ relation, n, estimate, coefficients }: Term): number {
    const { x, y } = axesOf[relation];
    const dx = this.#fits.moves[x];
    const dy = this.#fits.moves[y];
    let move = 0;
    for (let u = 0; u < n; u++) move += coefficients[u] * (dy[u] - estimate * dx[u]);
    if (!Number.isNaN(move)) return estimate + move;
    // Some value is not positive in this resample: without it.
    move = 0;
    for (let u = 0; u < n; u++) {
      const shift = dy[u] - estimate * dx[u];
      if (!Number.isNaN(shift)) move += coefficients[u] * shift;
    }
    return estimate + move;
  }

  #cutoffsOf(prefix: number): number[] {
    return this.#fits.selected.flatMap((n, cutoff) => (n === prefix ? [cutoff] : []));
  }

  /** Weighted medians of slopes of every relation and prefix, in a fixed order, for what `fits` was last loaded with. */
  #medians(
    start: (relation: Relation, prefix: number) => number,
    tolerance: number,
  ): { relation: Relation; n: number; median: number }[] {
    const { logs, weights, prefixes } = this.#fits;
    return relations.flatMap((relation) => {
      const { x, y } = axesOf[relation];
      const usable = Array.from(logs[x].keys()).filter((u) => !Number.isNaN(logs.H[u] + logs.C[u] + logs.Q[u]));
      const order = usable.sort((a, b) => logs[x][a] - logs[x][b]);
      return prefixes.map((n) => {
        this.#points.clear();
        for (const u of order) if (u < n) this.#points.add(logs[x][u], logs[y][u], weights[u]);
        this.#points.close();
        return { relation, n, median: this.#points.median(start(relation, n), tolerance) };
      });
    });
  }

  /** Variance over the pilots of each group's residual y - T x, per term. */
  #scatter(
    terms: readonly { readonly relation: Relation; readonly median: number }[],
    pilotCount: number,
    weightsOf: (r: number) => Float64Array,
  ): Float64Array[] {
    const squares = terms.map(() => new Float64Array(this.#fits.usable));
    for (let r = 0; r < pilotCount; r++) {
      this.#fits.loadOne(weightsOf(r));
      terms.forEach(({ relation, median }, t) => {
        const { x, y } = axesOf[relation];
        for (let u = 0; u < this.#fits.usable; u++) {
          const shift = this.#fits.moves[y][u] - median * this.#fits.moves[x][u];
          if (!Number.isNaN(shift)) squares[t][u] += (shift * shift) / pilotCount;
        }
      });
    }
    return squares;
  }

  #coefficients(relation: Relation, n: number, slope: number, variance: Float64Array): Float64Array {
    const { x, y } = axesOf[relation];
    const [logX, logY, weights] = [this.#base[x], this.#base[y], this.#fits.weights];
    const coefficients = new Float64Array(n);
    let total = 0;
    for (let u = 0; u < n; u++) {
      for (let v = 0; v < u; v++) {
        const dx = logX[u] - logX[v];
        const residual = logY[u] - logY[v] - slope * dx;
        const spread = variance[u] + variance[v] + 1e-18;
        const exponent = (residual * residual) / (2 * spread);
        if (exponent > 20) continue;
        const density = (weights[u] * weights[v] * Math.exp(-exponent)) / Math.sqrt(spread);
        const signed = dx > 0 ? density : -density;
        coefficients[u] += signed;
        coefficients[v] -= signed;
        total += density * Math.abs(dx);
      }
    }
    return total > 0 ? coefficients.map((c) => c / total) : coefficients;
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
