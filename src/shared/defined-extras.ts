/** Results beside the exponents, reduced to the numbers that exceed rounding (rounding.ts); null is shown as a dash with the reason. */
import type { AssumptionColumn } from './assumptions.ts';
import type { MinibatchNoiseSummary } from './minibatch.ts';
import { lossScaledAlignment, lossScaledTrace, type NoiseAtWork } from './noise-at-work.ts';
import type { MeasurementSummary } from './results.ts';
import { definedSharpness, isRounding, traceRounding, withoutRounding, zeroReason } from './rounding.ts';

/** Why the cosine and the commutator of C with a matrix of the table of assumptions are undefined; null if they are defined. F equals G there, and both are 0 if H is 0. */
export function assumptionReason(
  summary: MeasurementSummary,
  { matrices }: Pick<AssumptionColumn, 'matrices'>,
): string | null {
  const behind = matrices.map((matrix) => (matrix === 'Q' ? 'Q' : matrix === 'E' ? 'C' : 'H'));
  return zeroReason(summary, [...new Set(['C' as const, ...behind])]);
}

/** What a measurement says about the noise at work; a number is null if it rests on a matrix that is 0 up to rounding, which `reason` names. */
export interface DefinedNoise {
  readonly scaledTrace: number | null;
  readonly alignment: number | null;
  readonly traceCH: number | null;
  readonly gradientCurvature: number | null;
  readonly sharpness: number | null;
  /** Null counts as 0 for stability: single samples then have the curvature of their mean. */
  readonly curvatureVariance: number | null;
  readonly reason: string | null;
}

export function definedNoise(summary: MeasurementSummary, noise: NoiseAtWork): DefinedNoise {
  const { trace, loss, cosine_CH, floor } = summary;
  const zero = zeroReason(summary, ['C', 'H', 'Q']);
  const hasBoth = !isRounding(summary, 'C') && !isRounding(summary, 'H');
  // The alignment of two matrices that share no direction is 0, not the rounding error that is left of it.
  const traceCH = withoutRounding(cosine_CH) === 0 ? 0 : noise.trace_CH;
  const sharpness = definedSharpness(summary);
  const varianceRounding = Math.max(traceRounding(summary, 'Q'), floor.H * (2 * Math.abs(sharpness ?? 0) + floor.H));
  const hasVariance = Math.abs(noise.curvature_variance) > varianceRounding;
  const isSquare = !hasVariance && !isRounding(summary, 'Q');
  const reasons = [zero, isSquare ? 'Q is the square of H up to rounding' : null].filter((each) => each !== null);
  return {
    scaledTrace: hasBoth && loss > 0 ? lossScaledTrace(trace.C, trace.H, loss, noise.outputs) : null,
    alignment: hasBoth && loss > 0 ? lossScaledAlignment({ ...noise, trace_CH: traceCH }, loss) : null,
    traceCH: hasBoth ? traceCH : null,
    gradientCurvature: isRounding(summary, 'H') ? null : noise.gradient_curvature,
    sharpness,
    curvatureVariance: hasVariance ? noise.curvature_variance : null,
    reason: reasons.length === 0 ? null : reasons.join('; '),
  };
}

/** The noise of minibatches as it is shown: if C is 0 up to rounding nothing can be compared with it, and each comparison is null. */
export function definedMinibatchNoise(summary: MeasurementSummary): MinibatchNoiseSummary | undefined {
  const { minibatch_noise: noise } = summary;
  if (noise === undefined || !isRounding(summary, 'C')) return noise;
  const none = { variance: null, trace: null, between: null, epoch_sum: null };
  const along = { measured: [], predicted: [], standard_error: [], z: [] };
  return { ...noise, modes: noise.modes.map((mode) => ({ ...mode, ...none, ...along })) };
}
