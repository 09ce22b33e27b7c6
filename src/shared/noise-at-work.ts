/**
 * What the noise of SGD does, from numbers that C, H and Q give: noise scaled by the loss and its alignment, stability under sampling, the change of the loss in one
 * step, the Takeuchi criterion. All of one layer, the others held fixed, and to second order in the step.
 *
 * Letters: P samples, B batch size, eta learning rate, mu momentum, L mean loss, K outputs, p = (P - B) / (B (P - 1)) the factor of C in a batch drawn without replacement
 * (1 / B with it).
 */

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
  /** sum C_ii / H_ii over the directions with H_ii > cutoff H_11 whose values exceed their floors, by cutoff. */
  readonly takeuchi: readonly { readonly cutoff: number; readonly sum: number; readonly n: number }[];
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
 * is piecewise linear, times K as above. 1 where C = (2 L / K) H.
 */
export function lossScaledAlignment({ trace_CH, norm_H, outputs }: NoiseAtWork, loss: number): number {
  return (outputs * trace_CH) / (2 * loss * norm_H);
}

/**
 * The largest learning rate that this layer allows under sampling: eta <= 2 a / (a^2 + p s^2), a = lambda_max(H), s^2 = lambda_max(Q - H^2): from (1 - eta a)^2 + eta^2 p s^2 <= 1,
 * the condition lambda_max[(I - eta H)^2 + eta^2 p (Q - H^2)] <= 1 with both largest along one direction (Wu, Ma & E, NeurIPS 2018). p = 0: 2 / a.
 */
export function stableRate(sharpness: number, curvatureVariance: number, factor: number): number {
  return (2 * sharpness) / (sharpness ** 2 + factor * Math.max(0, curvatureVariance));
}

/** What a learning rate is held against without sampling: eta lambda_max <= 2 (1 + mu) (heavy ball; Polyak 1964). */
export function stableSharpness(rate: number, momentum = 0): number {
  return (2 * (1 + momentum)) / rate;
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
 * eta c (1 + mu) / (h (1 - mu) [2 (1 + mu) - eta h]). NaN where the rate is not stable. Batches independent.
 */
export function stationaryVariance(curvature: number, noise: number, rate: number, momentum = 0): number {
  const room = 2 * (1 + momentum) - rate * curvature;
  return curvature > 0 && room > 0 ? (rate * noise * (1 + momentum)) / (curvature * (1 - momentum) * room) : NaN;
}

/**
 * The same under epoch shuffling (no momentum): N batches an epoch of one-batch variance c, rho = 1 - eta h. After j steps within an epoch the noise summed with its
 * decay has variance eta^2 c f(j), f(j) = N/(N-1) (1 - rho^2j) / (1 - rho^2) - ((1 - rho^j) / (1 - rho))^2 / (N - 1), since two batches of an epoch have covariance
 * -c / (N - 1). At the end of an epoch s^2 = eta^2 c f(N) / (1 - rho^2N), within it s_j^2 = rho^2j s^2 + eta^2 c f(j); epochs are independent (compare Kuehn & Rosenow,
 * arXiv:2306.05300). The mean over j = 1..N is what a series of every step shows.
 */
export function shuffledVariance(
  curvature: number,
  noise: number,
  rate: number,
  batches: number,
): { readonly end: number; readonly mean: number } {
  const rho = 1 - rate * curvature;
  const N = batches;
  if (!(N >= 2) || !(Math.abs(rho) < 1)) return { end: NaN, mean: NaN };
  const f = (j: number): number =>
    ((N / (N - 1)) * (1 - rho ** (2 * j))) / (1 - rho ** 2) - ((1 - rho ** j) / (1 - rho)) ** 2 / (N - 1);
  const scale = rate ** 2 * noise;
  const end = (scale * f(N)) / (1 - rho ** (2 * N));
  let sum = 0;
  for (let j = 1; j <= N; j++) sum += rho ** (2 * j) * end + scale * f(j);
  return { end, mean: sum / N };
}
