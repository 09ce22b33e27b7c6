/**
 * The spectral density of H by stochastic Lanczos quadrature (Lin, Saad & Yang, "Approximating spectral densities of large matrices", SIAM Review 58, 2016;
 * Ghorbani, Krishnan & Xiao 2019). From a random unit vector z, m Lanczos steps give nodes theta_i and weights tau_i = (first component of the i-th
 * eigenvector of T)^2 with sum_i tau_i f(theta_i) = z . f(H) z, exactly for polynomials f of degree < 2 m; the mean over vectors z estimates tr f(H) / d.
 *   density(x) = mean_z sum_i tau_i N(x; theta_i, sigma^2)
 * Its error is the standard error of that mean over the vectors.
 */
import type { MeasurementInput } from '../measurement-input.ts';
import type { Real } from '../../blas/types.ts';
import type { DensitySpec, DensitySummary, Estimate } from '../../../shared/density.ts';
import { Random } from '../../../shared/random.ts';
import type { Pool } from '../../parallel/pool.ts';
import { Basis, scaleBy } from './basis.ts';
import { openSession } from './session.ts';
import type { SessionOptions } from './session.ts';

export interface DensityOptions {
  readonly seed: number;
  /** Lanczos steps m, >= 2; default 80 (at most d). */
  readonly steps?: number | undefined;
  /** Random vectors, >= 2; default 8. */
  readonly vectors?: number | undefined;
  /** Points of the grid, >= 2; default 512. */
  readonly points?: number | undefined;
  /** Standard deviation of the smoothing over the width of the spectrum, > 0; default 0.005. */
  readonly smoothing?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Share done, 0 to 1. */
  readonly onProgress?: ((share: number) => void) | undefined;
}

export interface SpectralDensity {
  /** Grid, increasing, four sigma beyond the outermost nodes; density and its standard error there. The density integrates to 1. */
  readonly x: Float64Array;
  readonly density: Float64Array;
  readonly standardError: Float64Array;
  readonly sigma: number;
  /** By vector: nodes ascending and their weights, which add up to 1. */
  readonly nodes: readonly Float64Array[];
  readonly weights: readonly Float64Array[];
  /** tr H / d and tr H^2 / d with their standard errors. */
  readonly mean: { readonly value: number; readonly standardError: number };
  readonly meanSquare: { readonly value: number; readonly standardError: number };
}

/** @param apply out = H v, both [d] in the pool's memory. */
export async function lanczosDensity(
  pool: Pool,
  d: number,
  apply: (v: Real, out: Real) => Promise<void>,
  options: DensityOptions,
): Promise<SpectralDensity> {
  const steps = Math.min(d, options.steps ?? 80);
  const count = options.vectors ?? 8;
  const points = options.points ?? 512;
  const smoothing = options.smoothing ?? 0.005;
  if (!(steps >= 1 && count >= 2 && points >= 2 && smoothing > 0))
    throw new Error(
      `spectral density: expected steps >= 1, vectors >= 2, points >= 2 and smoothing > 0; received ${steps}, ${count}, ${points}, ${smoothing}`,
    );
  const random = new Random(options.seed, 'spectral density');
  const basis = new Basis(pool, steps + 1, d);
  const w = pool.allocate('float64', d);
  const nodes: Float64Array[] = [];
  const weights: Float64Array[] = [];
  for (let z = 0; z < count; z++) {
    const quadrature = await quadratureFrom(pool, basis, w, apply, steps, random, (step) => {
      options.signal?.throwIfAborted();
      options.onProgress?.((z + step / steps) / count);
    });
    nodes.push(quadrature.nodes);
    weights.push(quadrature.weights);
  }
  basis.release();
  pool.blas.release(w);
  options.onProgress?.(1);
  const low = Math.min(...nodes.map((each) => each[0]));
  const high = Math.max(...nodes.map((each) => each[each.length - 1]));
  // A spectrum of one value still has a width to draw.
  const sigma = smoothing * (high > low ? high - low : Math.abs(high) || 1);
  const x = Float64Array.from(
    { length: points },
    (_, i) => low - 4 * sigma + (i * (high - low + 8 * sigma)) / (points - 1),
  );
  const curves = nodes.map((each, z) => smoothed(x, each, weights[z], sigma));
  const pointMeans = Array.from(x, (_, i) => meanOf(curves.map((curve) => curve[i])));
  const moment = (power: number): { value: number; standardError: number } =>
    meanOf(nodes.map((each, z) => each.reduce((sum, node, i) => sum + weights[z][i] * node ** power, 0)));
  return {
    x,
    density: Float64Array.from(pointMeans, (each) => each.value),
    standardError: Float64Array.from(pointMeans, (each) => each.standardError),
    sigma,
    nodes,
    weights,
    mean: moment(1),
    meanSquare: moment(2),
  };
}

/** The density of the Hessian of a parameter, or of the whole network; a device makes the products. Raises InputError as `openSession` does. */
export async function measureDensity(
  pool: Pool,
  input: MeasurementInput,
  options: DensityOptions & Pick<SessionOptions, 'parameter' | 'samples' | 'cacheBytes' | 'device'>,
): Promise<SpectralDensity> {
  const session = await openSession(pool, input, options);
  try {
    return await lanczosDensity(pool, session.space.d, (v, out) => session.operator.apply(v, out), options);
  } finally {
    await session.close();
  }
}

/** As a measurement's summary keeps it; numbers of the curve to 6 digits. Raises InputError as `openSession` does. */
export async function summariseDensity(
  pool: Pool,
  input: MeasurementInput,
  { probes, steps, seed }: DensitySpec,
  options: Omit<DensityOptions, 'seed' | 'steps' | 'vectors'> &
    Pick<SessionOptions, 'parameter' | 'samples' | 'device'>,
): Promise<DensitySummary> {
  const spectrum = await measureDensity(pool, input, { ...options, seed, steps, vectors: probes });
  const { nodes, weights, sigma } = spectrum;
  const share = (isInside: (node: number) => boolean): Estimate =>
    estimate(meanOf(nodes.map((each, z) => each.reduce((sum, x, i) => sum + (isInside(x) ? weights[z][i] : 0), 0))));
  return {
    probes,
    steps: Math.max(...nodes.map(({ length }) => length)),
    seed,
    sigma,
    grid: rounded(spectrum.x, 9),
    density: rounded(spectrum.density, 6),
    standard_error: rounded(spectrum.standardError, 6),
    lowest: Math.min(...nodes.map((each) => each[0])),
    highest: Math.max(...nodes.map((each) => each[each.length - 1])),
    mean: estimate(spectrum.mean),
    mean_square: estimate(spectrum.meanSquare),
    negative: share((x) => x < -3 * sigma),
    near_zero: share((x) => Math.abs(x) <= 3 * sigma),
    positive: share((x) => x > 3 * sigma),
  };
}

const estimate = ({ value, standardError }: { value: number; standardError: number }): Estimate => ({
  value,
  standard_error: standardError,
});

const rounded = (values: Float64Array, digits: number): number[] =>
  Array.from(values, (value) => Number(value.toPrecision(digits)));

async function quadratureFrom(
  pool: Pool,
  basis: Basis,
  w: Real,
  apply: (v: Real, out: Real) => Promise<void>,
  steps: number,
  random: Random,
  onStep: (step: number) => void,
): Promise<{ nodes: Float64Array; weights: Float64Array }> {
  await basis.fresh(0, basis.row(0), random);
  const diagonal: number[] = [];
  const below: number[] = [];
  let scale = 0;
  for (let j = 0; j < steps; j++) {
    onStep(j);
    await apply(basis.row(j), w);
    const { along, norm } = await basis.orthogonalise(j + 1, w);
    diagonal.push(along[j]);
    scale = Math.max(scale, Math.abs(along[j]), norm);
    // The Krylov space of z ends: the quadrature is exact.
    if (j + 1 === steps || !(norm > 1e-12 * scale)) break;
    below.push(norm);
    const next = basis.row(j + 1);
    next.set(w);
    scaleBy(next, 1 / norm);
  }
  const n = diagonal.length;
  const T = pool.allocate('float64', n * n) as Float64Array;
  const values = pool.allocate('float64', n) as Float64Array;
  for (let i = 0; i < n; i++) {
    T[i * n + i] = diagonal[i];
    if (i + 1 < n) T[i * n + i + 1] = T[(i + 1) * n + i] = below[i];
  }
  pool.blas.eigh(n, T, values);
  const result = {
    nodes: Float64Array.from(values),
    weights: Float64Array.from({ length: n }, (_, i) => T[i * n] ** 2),
  };
  pool.blas.release(T);
  pool.blas.release(values);
  return result;
}

function smoothed(x: Float64Array, nodes: Float64Array, weights: Float64Array, sigma: number): Float64Array {
  const factor = 1 / (sigma * Math.sqrt(2 * Math.PI));
  return x.map((at) =>
    nodes.reduce((sum, node, i) => sum + weights[i] * factor * Math.exp(-0.5 * ((at - node) / sigma) ** 2), 0),
  );
}

/** Mean and its standard error, sqrt(s^2 / n) with divisor n - 1. */
function meanOf(values: readonly number[]): { value: number; standardError: number } {
  const n = values.length;
  const value = values.reduce((sum, each) => sum + each, 0) / n;
  const variance = values.reduce((sum, each) => sum + (each - value) ** 2, 0) / (n - 1);
  return { value, standardError: Math.sqrt(variance / n) };
}
