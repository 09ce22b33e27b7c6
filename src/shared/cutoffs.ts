/**
 * Fits of C_ii, Q_ii and H_ii over the directions with H_ii > cutoff * H_11, for both estimands (docs/theory.md, "Two estimands of gamma").
 *
 * `prepareDiagonals` takes logarithms and running sums once; after that every estimator except Theil-Sen is available at any cutoff in constant
 * time, so that a cutoff can be dragged. Index i: direction, in decreasing order of the selecting eigenvalue; u: usable direction.
 */
import type { CutoffRow, Slopes } from './slopes.ts';
import { standardCutoffs } from './estimands.ts';
import { curvature, inverseLeastSquares, leastSquares, orthogonal, residualScatter, unitScatter } from './fits.ts';
import { RunningMoments, RunningProduct } from './running-sums.ts';
import { theilSen } from './theil-sen.ts';

/** Values along directions i, all of one length. */
export interface Triple {
  readonly H: Float64Array;
  readonly C: Float64Array;
  readonly Q: Float64Array;
}

/** The input of a fit. */
export interface Diagonals extends Triple {
  /**
   * Eigenvalues by which directions are selected, in decreasing order. Training set: H itself. Cross-fitted: the eigenvalues of the
   * half that gave the directions, while H, C and Q come from the other half.
   */
  readonly selection: Float64Array;
  /** The same values from two disjoint halves of the samples behind H, C and Q; used only by the `iv` estimator. */
  readonly parts?: readonly [Triple, Triple];
}

/** Values smaller in size than these cannot be told from zero in this arithmetic. All >= 0. */
export interface Floors {
  readonly H: number;
  readonly C: number;
  readonly Q: number;
}

export interface FitOptions {
  /** Whether to compute Theil-Sen, which takes milliseconds for 2,500 directions where the rest takes microseconds; defaults to true. */
  readonly theilSen?: boolean;
}

/** With fewer usable directions than this there is no slope. */
export const fewestDirections = 3;

/** Logarithms and running sums of one set of directions; `fitAt` reads it. */
export interface PreparedDiagonals {
  /** Selecting eigenvalues of all directions. */
  readonly selection: Float64Array;
  /** Natural logarithms along usable directions u; `index[u]` is the direction's number i. */
  readonly logH: Float64Array;
  readonly logC: Float64Array;
  readonly logQ: Float64Array;
  readonly index: Uint32Array;
  /** Entry i: how many of the first i directions are usable, have a value that is not positive, have a value below its floor. */
  readonly usable: Uint32Array;
  readonly nonPositive: Uint32Array;
  readonly belowFloor: Uint32Array;
  readonly running: Readonly<Record<Relation, RunningMoments>>;
  /** Of the first i directions, those usable in both parts; and the products that the instrument needs. */
  readonly instrument?:
    | {
        readonly usable: Uint32Array;
        readonly products: Readonly<Record<Relation, InstrumentProducts>>;
      }
    | undefined;
}

/** The three straight lines: log y on log x. */
export const relations = ['gamma', 'gamma_Q', 'C_on_Q'] as const;
export type Relation = (typeof relations)[number];

/** Which quantity is on which axis. */
export const axesOf = {
  gamma: { x: 'H', y: 'C' },
  gamma_Q: { x: 'H', y: 'Q' },
  C_on_Q: { x: 'Q', y: 'C' },
} as const satisfies Record<Relation, { readonly x: keyof Triple; readonly y: keyof Triple }>;

/** cov(x2, y1), cov(x1, y2), cov(x1, x2) without divisor; 1 and 2 number the parts. */
interface InstrumentProducts {
  readonly x2y1: RunningProduct;
  readonly x1y2: RunningProduct;
  readonly x1x2: RunningProduct;
}

/**
 * How a direction enters a logarithm. A value smaller in size than its floor cannot be told from zero, whatever its
 * sign; a value at or below minus its floor (or at most 0 if the floor is 0) is truly not positive, which takes precedence.
 */
export function usabilityOf(
  H: number,
  C: number,
  Q: number,
  floors: Floors,
): 'usable' | 'non_positive' | 'below_floor' {
  if ((H <= 0 && H <= -floors.H) || (C <= 0 && C <= -floors.C) || (Q <= 0 && Q <= -floors.Q)) return 'non_positive';
  if (H < floors.H || C < floors.C || Q < floors.Q) return 'below_floor';
  return 'usable';
}

/**
 * Raises an Error if lengths differ, a value is not finite, the selecting eigenvalues increase somewhere, or a floor is negative.
 */
export function prepareDiagonals(diagonals: Diagonals, floors: Floors): PreparedDiagonals {
  const { selection, H, C, Q, parts } = diagonals;
  check(diagonals, floors);
  const d = selection.length;
  const usable = new Uint32Array(d + 1);
  const nonPositive = new Uint32Array(d + 1);
  const belowFloor = new Uint32Array(d + 1);
  for (let i = 0; i < d; i++) {
    const use = usabilityOf(H[i], C[i], Q[i], floors);
    usable[i + 1] = usable[i] + (use === 'usable' ? 1 : 0);
    nonPositive[i + 1] = nonPositive[i] + (use === 'non_positive' ? 1 : 0);
    belowFloor[i + 1] = belowFloor[i] + (use === 'below_floor' ? 1 : 0);
  }
  const index = increases(usable);
  const logs = logarithms(diagonals, index);
  return {
    selection,
    logH: logs.H,
    logC: logs.C,
    logQ: logs.Q,
    index,
    usable,
    nonPositive,
    belowFloor,
    running: byRelation((relation) => {
      const { x, y } = axesOf[relation];
      return new RunningMoments(logs[x], logs[y]);
    }),
    instrument: parts && prepareInstrument(usable, parts),
  };
}

/** How many directions have a selecting eigenvalue above cutoff times the largest; they come first. */
export function selectedCount(selection: ArrayLike<number>, cutoff: number): number {
  const threshold = cutoff * selection[0];
  let low = 0;
  let high = selection.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (selection[middle] > threshold) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The fits over one set of directions at one cutoff, a number >= 0 (any number is allowed: 0 selects all positive eigenvalues). */
export function fitAt(prepared: PreparedDiagonals, cutoff: number, options: FitOptions = {}): CutoffRow {
  if (!(cutoff >= 0)) throw new Error(`fitAt: expected a cutoff of at least 0, found ${cutoff}`);
  const selected = selectedCount(prepared.selection, cutoff);
  const n = prepared.usable[selected];
  let low = Infinity;
  let high = -Infinity;
  for (let u = 0; u < n; u++) {
    const value = prepared.logH[u];
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const instrument = prepared.instrument;
  return {
    cutoff,
    selected,
    non_positive: prepared.nonPositive[selected],
    below_floor: prepared.belowFloor[selected],
    n,
    n_iv: instrument?.usable[selected],
    decades: n > 0 ? (high - low) / Math.LN10 : 0,
    reached:
      selected > 0 && selected === prepared.selection.length
        ? prepared.selection[selected - 1] / prepared.selection[0]
        : undefined,
    ...byRelation((relation) => slopes(prepared, relation, selected, n, options)),
  };
}

/** Rows for the training-set estimand, or for one half's directions of the cross-fitted one. */
export function fitByCutoff(
  diagonals: Diagonals,
  floors: Floors,
  cutoffs: readonly number[] = standardCutoffs,
  options: FitOptions = {},
): CutoffRow[] {
  const prepared = prepareDiagonals(diagonals, floors);
  return cutoffs.map((cutoff) => fitAt(prepared, cutoff, options));
}

function slopes(
  prepared: PreparedDiagonals,
  relation: Relation,
  selected: number,
  n: number,
  options: FitOptions,
): Slopes {
  const { instrument } = prepared;
  const iv = instrument && instrumentSlope(instrument.products[relation], instrument.usable[selected]);
  if (n < fewestDirections)
    return {
      ols: null,
      ols_inverse: null,
      theil_sen: options.theilSen === false ? undefined : null,
      orthogonal: null,
      iv,
      r_squared: null,
      intercept: null,
      scatter: null,
      scatter_unit: null,
      level: null,
      quadratic: null,
    };
  const m = prepared.running[relation].first(n);
  const line = leastSquares(m);
  const { x, y } = axesOf[relation];
  return {
    ols: finite(line.slope),
    ols_inverse: finite(inverseLeastSquares(m)),
    theil_sen: options.theilSen === false ? undefined : finite(theilSen(logsOf(prepared, x), logsOf(prepared, y), n)),
    orthogonal: finite(orthogonal(m)),
    iv,
    r_squared: finite(line.rSquared),
    intercept: finite(line.intercept),
    scatter: finite(residualScatter(m) / Math.LN10),
    scatter_unit: finite(unitScatter(m) / Math.LN10),
    level: finite(m.meanY - m.meanX),
    quadratic: finite(curvature(m, m).coefficient),
  };
}

function instrumentSlope(products: InstrumentProducts, n: number): number | null {
  if (n < fewestDirections) return null;
  const between = products.x1x2.first(n);
  // Without covariance between the parts there is no signal to divide by.
  return between > 0 ? finite((products.x2y1.first(n) + products.x1y2.first(n)) / (2 * between)) : null;
}

function prepareInstrument(
  usable: Uint32Array,
  parts: readonly [Triple, Triple],
): NonNullable<PreparedDiagonals['instrument']> {
  const usableInBoth = new Uint32Array(usable.length);
  for (let i = 0; i + 1 < usable.length; i++) {
    const positive = parts.every((part) => part.H[i] > 0 && part.C[i] > 0 && part.Q[i] > 0);
    usableInBoth[i + 1] = usableInBoth[i] + (positive && usable[i + 1] > usable[i] ? 1 : 0);
  }
  const index = increases(usableInBoth);
  const one = logarithms(parts[0], index);
  const two = logarithms(parts[1], index);
  return {
    usable: usableInBoth,
    products: byRelation((relation) => {
      const { x, y } = axesOf[relation];
      return {
        x2y1: new RunningProduct(two[x], one[y]),
        x1y2: new RunningProduct(one[x], two[y]),
        x1x2: new RunningProduct(one[x], two[x]),
      };
    }),
  };
}

function logsOf(prepared: PreparedDiagonals, quantity: keyof Triple): Float64Array {
  switch (quantity) {
    case 'H':
      return prepared.logH;
    case 'C':
      return prepared.logC;
    case 'Q':
      return prepared.logQ;
    default:
      quantity satisfies never;
      throw new Error(`unknown quantity ${String(quantity)}`);
  }
}

/** Positions where a running count goes up. */
function increases(count: Uint32Array): Uint32Array {
  const index = new Uint32Array(count[count.length - 1]);
  for (let i = 0; i + 1 < count.length; i++) if (count[i + 1] > count[i]) index[count[i]] = i;
  return index;
}

function logarithms(values: Triple, index: Uint32Array): Triple {
  const log = (array: Float64Array) => {
    const logs = new Float64Array(index.length);
    for (let u = 0; u < logs.length; u++) logs[u] = Math.log(array[index[u]]);
    return logs;
  };
  return { H: log(values.H), C: log(values.C), Q: log(values.Q) };
}

/** One value for each of the three lines. */
export function byRelation<T>(make: (relation: Relation) => T): Record<Relation, T> {
  return { gamma: make('gamma'), gamma_Q: make('gamma_Q'), C_on_Q: make('C_on_Q') };
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function check({ selection, H, C, Q, parts }: Diagonals, floors: Floors): void {
  const d = selection.length;
  if (d === 0) throw new Error('fits: no directions');
  const arrays: Record<string, Float64Array> = { selection, H, C, Q };
  parts?.forEach((part, k) => {
    for (const quantity of ['H', 'C', 'Q'] as const) arrays[`${quantity} of part ${k + 1}`] = part[quantity];
  });
  for (const [name, array] of Object.entries(arrays)) {
    if (array.length !== d) throw new Error(`fits: expected ${d} values of ${name}, found ${array.length}`);
    const bad = array.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) throw new Error(`fits: ${name}[${bad}] is ${array[bad]}`);
  }
  for (let i = 1; i < d; i++) {
    if (!(selection[i] <= selection[i - 1]))
      throw new Error(
        `fits: selecting eigenvalues must decrease, but number ${i} is ${selection[i]} after ${selection[i - 1]}`,
      );
  }
  for (const quantity of ['H', 'C', 'Q'] as const)
    if (!(floors[quantity] >= 0)) throw new Error(`fits: the floor of ${quantity} is ${floors[quantity]}`);
}
