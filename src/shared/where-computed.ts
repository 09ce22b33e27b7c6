/** Which parts of a measurement were computed in single precision (on a device, or on the cpu if asked for) and which on the cpu in double precision. */
import type { MeasurementSummary } from './results.ts';

export interface WhereComputed {
  /** In float32, by `precision_reached.device`. */
  readonly single: readonly string[];
  /** In float64, by the cpu. */
  readonly double: readonly string[];
}

/** null: all of it by the cpu in float64. */
export function whereComputed(summary: MeasurementSummary): WhereComputed | null {
  const { precision_reached: reached, method, duality, assumptions, minibatch_noise: noise, density } = summary;
  if (reached === undefined) return null;
  const single: string[] = [];
  const double: string[] = [];
  if (method === 'exact') {
    single.push('passes', 'packed sums of C, H and Q by chunks');
    if (reached.along !== undefined) single.push("the samples' values along directions, by blocks");
    double.push('sums over chunks', 'eigendecompositions', 'diagonals', 'cross-fitting');
  } else {
    single.push('products with H');
    // Measurements of earlier versions left these to the cpu.
    const values = "the samples' values along the directions";
    if (reached.products === undefined) double.push(values);
    else single.push(values);
    double.push('mean gradient and trace of C', 'the orthogonal basis', "Q's entries off the diagonal");
  }
  if (density !== undefined)
    (method === 'exact' || reached.products !== undefined ? single : double).push('products of the spectral density');
  if (duality !== undefined) double.push('duality');
  if (assumptions?.precision === 'float32') {
    const isExact = method === 'exact';
    single.push(isExact ? 'packed sums of F and G' : 'derivatives of the outputs for F and G');
    double.push(isExact ? 'products of C with E, F, G, Q and H^2' : 'F and G from them');
  } else if (assumptions !== undefined) double.push('the old assumption');
  if (noise !== undefined) double.push('minibatch noise');
  if (summary.half_sample?.gamma.cross_fitted !== undefined) double.push('the half-sample');
  double.push('fits and intervals');
  return { single, double };
}
