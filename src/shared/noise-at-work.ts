/**
 * What the noise of SGD does, from numbers that C, H and Q give: noise scaled by the loss and its alignment, stability under sampling, the change of the loss in one
 * step, the Takeuchi criterion. All of one layer, the others held fixed, and to second order in the step.
 *
 * Letters: P samples, B batch size, eta learning rate, mu momentum, L mean loss, K outputs, p = (P - B) / (B (P - 1)) the factor of C in a batch drawn without replacement
 * (1 / B with it).
 */
import { findRow, headlineCutoff } from './estimands.ts';
import type { Estimand } from './estimands.ts';
import type { CutoffRow } from './slopes.ts';

/** Numbers of a measurement that the rest follows from. */
export interface NoiseAtWork {
  /** K. */
  readonly outputs: number;
  readonly trace_CH: number;
  /** ||H||_F^2. */
  readonly norm_H: number;
  /** g^T H g, g the mean gradient. */
  readonly gradient_curvature: number;
  /** lambda_max(Q - H^2): the largest mean squared deviation of h_p from H along one direction. */
  readonly curvature_variance: number;
  /** tr G, tr(CG) and ||G||_F^2 of the Gauss-Newton part, if it is not H itself. */
  readonly gauss_newton?: { readonly trace: number; readonly trace_C: number; readonly norm: number } | undefined;
  /** Absent in measurements of earlier versions. */
  readonly linear_stability?: LinearStability;
  /** sum C_ii / H_ii over the directions with H_ii > cutoff H_11 whose values exceed their floors, by cutoff. */
  readonly takeuchi: readonly { readonly cutoff: number; readonly sum: number; readonly n: number }[];
}

/** Largest learning rates at which the layer's minimum is linearly stable for batches without replacement (engine/curvature/linear-stability.ts). */
export interface LinearStability {
  /** Number of directions of positive curvature for which the condition was evaluated, and of negative curvature, along which no rate is stable. */
  readonly directions: number;
  readonly negative: number;
  /** By batch size: 1, 2, 5, 10, ... and all samples. */
  readonly rates: readonly { readonly batch: number; readonly rate: number }[];
  /** Whether every rate was found to within 1e-4; else some are slightly too large. */
  readonly converged: boolean;
}

/** p: cov of a batch's gradient is p C. */
export function batchFactor(batch: number, population: number, withReplacement = false): number {
  if (!(batch >= 1 && population >= 1 && (withReplacement || batch <= population)))
    throw new Error(`batchFactor: expected a batch of 1 to ${population} samples, found ${batch}`);
  if (withReplacement) return 1 / batch;
  return batch === population ? 0 : (population - batch) / (batch * (population - 1));
}

/**
 * tr C / ((2 L / K) tr H). Under mean squared error, l = 1/2 sum_k r_k^2, with residuals that are isotropic over the outputs and independent of the Jacobian, C =
 * E[J^T r r^T J] is (2 L / K) H, so 1 (Mori, Ziyin, Liu & Ueda, ICML 2022, arXiv:2105.09557, for K = 1: C ~ 2 L H). Without the K ten outputs look like a refutation.
 */
export function lossScaledTrace(traceC: number, traceH: number, loss: number, outputs: number): number {
  return traceC / (((2 * loss) / outputs) * traceH);
}

/**
 * K tr(CH) / (2 L ||H||_F^2): the alignment of Wu, Wang & Su (NeurIPS 2022, arXiv:2207.02628), mu = tr(C G) / (2 L ||G||_F^2) with G = H where the network above the layer
 * is piecewise linear, times K as above. 1 if C = (2 L / K) H.
 */
export function lossScaledAlignment(
  { trace_CH, norm_H, outputs }: Pick<NoiseAtWork, 'trace_CH' | 'norm_H' | 'outputs'>,
  loss: number,
): number {
  return (outputs * trace_CH) / (2 * loss * norm_H);
}

/** What remains of the slope of log C_ii on log H_ii beyond noise proportional to curvature: gamma - 1 over the training set at the headline cutoff; null without a fit. */
export function residualSlope({
  gamma,
}: {
  readonly gamma: Readonly<Record<Estimand, readonly CutoffRow[]>>;
}): number | null {
  const slope = findRow(gamma.training_set, headlineCutoff)?.gamma.ols;
  return slope === null || slope === undefined ? null : slope - 1;
}

/** Both numbers with the Gauss-Newton part G in the place of H, for which E[J^T r r^T J] = (2 L / K) G does not require a piecewise linear network; null if G is H. */
export function lossScaledByGaussNewton(
  { gauss_newton: G, outputs }: NoiseAtWork,
  traceC: number,
  loss: number,
): { readonly trace: number; readonly alignment: number } | null {
  if (G === undefined) return null;
  return {
    trace: lossScaledTrace(traceC, G.trace, loss, outputs),
    alignment: lossScaledAlignment({ trace_CH: G.trace_C, norm_H: G.norm, outputs }, loss),
  };
}

/** The rate of the largest listed batch that is not above, and of the next; null if none was computed. The rate grows with the batch. */
export function linearlyStableRate(
  stability: LinearStability | undefined,
  batch: number,
): { readonly low: number; readonly high: number } | null {
  const rates = stability?.rates ?? [];
  const last = rates.findLastIndex((each) => each.batch <= batch);
  if (last < 0) return null;
  return {
    low: rates[last].rate,
    high: rates[last].batch === batch ? rates[last].rate : (rates[last + 1] ?? rates[last]).rate,
  };
}

/**
 * The largest learning rate that this layer allows under sampling: eta <= 2 a / (a^2 + p s^2), a = lambda_max(H), s^2 = lambda_max(Q - H^2): from (1 - eta a)^2 + eta^2 p s^2 <= 1,
 * the condition lambda_max[(I - eta H)^2 + eta^2 p (Q - H^2)] <= 1 with both largest along one direction (Wu, Ma & E, NeurIPS 2018). p = 0: 2 / a.
 * NaN if no curvature is positive: then no rate is bounded.
 */
export function stableRate(sharpness: number, curvatureVariance: number, factor: number): number {
  if (!(sharpness > 0)) return NaN;
  return (2 * sharpness) / (sharpness ** 2 + factor * Math.max(0, curvatureVariance));
}

/** What eta lambda_max may be at most without sampling: 2 (1 + mu) (heavy ball; Polyak 1964). */
export function stabilityLimit(momentum = 0): number {
  return 2 * (1 + momentum);
}

/** E[dL] of one step, w <- w - eta g_B, to second order: -eta |g|^2 + eta^2 / 2 (g^T H g + p tr(CH)). Exact for a quadratic loss. */
export function oneStepChange(
  { trace_CH, gradient_curvature }: Pick<NoiseAtWork, 'trace_CH' | 'gradient_curvature'>,
  gradientNorm: number,
  rate: number,
  factor: number,
): { readonly descent: number; readonly curvature: number; readonly noise: number; readonly total: number } {
  const descent = -rate * gradientNorm ** 2;
  const curvature = 0.5 * rate ** 2 * gradient_curvature;
  const noise = 0.5 * rate ** 2 * factor * trace_CH;
  return { descent, curvature, noise, total: descent + curvature + noise };
}

/**
 * The variance of w . v_i about a quadratic minimum, S = (1 - eta h)^2 S + eta^2 c with c = p C_ii: eta^2 c / (1 - (1 - eta h)^2); with momentum mu
 * eta c (1 + mu) / (h (1 - mu) [2 (1 + mu) - eta h]). NaN if the rate is not stable. Batches independent.
 */
export function stationaryVariance(curvature: number, noise: number, rate: number, momentum = 0): number {
  const room = stabilityLimit(momentum) - rate * curvature;
  return curvature > 0 && room > 0 ? (rate * noise * (1 + momentum)) / (curvature * (1 - momentum) * room) : NaN;
}

/**
 * The same under epoch shuffling, the last batch of an epoch smaller where B does not divide P: `sizes` B_1 .. B_N of its batches, sum P; C the single-sample noise along
 * v. The noises xi_a of the batches of one epoch have cov(xi_a, xi_b) = C / (P - 1) (P / B_a [a = b] - 1), epochs are independent (Kuehn & Rosenow, arXiv:2306.05300,
 * whose noise is anticorrelated in the same way). The state x = (w, u), u <- mu u - eta (h w + xi), w <- w + u, is carried through an epoch: x_j = A^j x_0 + sum_a A^(j-a) b xi_a.
 * `end`: variance of w at the end of an epoch; `mean`: its mean over the steps of one, which a series of every step shows. With mu = 0, equal batches, c = one batch's
 * variance and rho = 1 - eta h: end = eta^2 c f(N) / (1 - rho^2N), f(j) = N/(N-1) (1 - rho^2j) / (1 - rho^2) - ((1 - rho^j) / (1 - rho))^2 / (N - 1), and within
 * rho^2j end + eta^2 c f(j). NaN if the rate is not stable.
 */
export function epochVariance(
  curvature: number,
  C: number,
  rate: number,
  sizes: readonly number[],
  momentum = 0,
): { readonly end: number; readonly mean: number } {
  const P = sizes.reduce((sum, size) => sum + size, 0);
  if (sizes.length === 0 || !(curvature > 0) || !(stabilityLimit(momentum) > rate * curvature))
    return { end: NaN, mean: NaN };
  const A: Square = [1 - rate * curvature, momentum, -rate * curvature, momentum];
  const increments: { readonly power: Square; readonly noise: Square }[] = [];
  let power: Square = [1, 0, 0, 1];
  let withItself: Square = [0, 0, 0, 0];
  let [s, t] = [0, 0];
  for (const size of sizes) {
    const weight = (rate ** 2 * P) / (size * (P - 1));
    withItself = plus(congruent(A, withItself), [weight, weight, weight, weight]);
    [s, t] = [A[0] * s + A[1] * t - rate, A[2] * s + A[3] * t - rate];
    power = times(A, power);
    const shared = [s * s, s * t, t * s, t * t].map((value) => value / (P - 1));
    increments.push({ power, noise: withItself.map((value, i) => C * (value - shared[i])) as unknown as Square });
  }
  // S = F S F^T + R by doubling: S_2n = S_n + F^n S_n (F^n)^T.
  const last = increments[increments.length - 1];
  let start = last.noise;
  let factor = last.power;
  for (let k = 0; k < 80 && Math.max(...factor.map(Math.abs)) > 1e-20; k++) {
    start = plus(start, congruent(factor, start));
    factor = times(factor, factor);
  }
  let sum = 0;
  for (const each of increments) sum += congruent(each.power, start)[0] + each.noise[0];
  return { end: start[0], mean: sum / sizes.length };
}

/** [a, b, c, d] of the matrix with the rows a b and c d. */
type Square = readonly [number, number, number, number];

function times([a, b, c, d]: Square, [e, f, g, h]: Square): Square {
  return [a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h];
}

/** M S M^T. */
function congruent(matrix: Square, S: Square): Square {
  const [a, b, c, d] = matrix;
  return times(times(matrix, S), [a, c, b, d]);
}

function plus(x: Square, y: Square): Square {
  return [x[0] + y[0], x[1] + y[1], x[2] + y[2], x[3] + y[3]];
}
