/** Forecasts the time and memory of a measurement before it starts. */
import { InputError } from '../../shared/errors.ts';
import type { ConvergenceChoice } from '../../shared/results.ts';
import type { FactorLayout } from './factors.ts';
import { chunkSize } from './moments.ts';
import { sideBySideLimit } from './cross-fit.ts';

export interface ExactForecast {
  /** Peak memory in bytes. */
  readonly bytes: number;
  /** Bytes of the arrays that are stored. */
  readonly storedBytes: number;
}

/** Additional parts of an exact measurement that take memory of their own. */
export interface MemoryExtras {
  readonly assumptions?: boolean | undefined;
  readonly convergence?: ConvergenceChoice | undefined;
}

/** Memory of an exact measurement: packed sums of two halves, one chunk of factors, d x d matrices, and LAPACK's workspace (2 d^2). */
export function forecastExact(
  layout: FactorLayout,
  { assumptions = false, convergence }: MemoryExtras = {},
): ExactForecast {
  const d = layout.inner * layout.outer;
  const row = layout.leftWidth + layout.blocks * layout.blockWidth;
  const packed = 2 * layout.leftWidth * layout.blocks * layout.blockWidth;
  const factors = chunkSize(layout) * row;
  const ownGaussNewton = layout.blocks === 4 ? 1 : 0;
  const matrices = 3 + ownGaussNewton;
  // Vectors and the cross-fitting's matrix; side by side a second set of vectors and two workspaces (then one matrix of the half-sample).
  const work = d <= sideBySideLimit ? 3 + 4 : 2 + 2;
  // Packed sums of two blocks more, held to the end, and a product.
  const assumed = assumptions ? 4 * layout.leftWidth * layout.blockWidth + d * d : 0;
  // The first result is held while half of the samples are measured again.
  const held = convergence === 'full' ? packed + (matrices + 1) * d * d : 0;
  return {
    bytes: 8 * (packed + factors + (matrices + work) * d * d + assumed + held),
    // The Gauss-Newton matrix is stored also if it is H.
    storedBytes: 8 * (4 * d * d + 12 * d),
  };
}

/** "12.3 GB": decimal units. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`;
}

/** Raises InputError, with the figures and the alternative, if an exact measurement would take more than `limit` bytes. */
export function checkMemory(layout: FactorLayout, limit: number | undefined, extras?: MemoryExtras): void {
  const { bytes } = forecastExact(layout, extras);
  if (limit === undefined || bytes <= limit) return;
  const d = layout.inner * layout.outer;
  throw new InputError(
    `${layout.parameter}: an exact measurement of d = ${d} weights would take ${formatBytes(bytes)} of memory (matrices of ${d} x ${d}); ` +
      `${formatBytes(limit)} are allowed. Measure another layer exactly, or this one by the projected method, which needs no d x d matrix`,
  );
}
