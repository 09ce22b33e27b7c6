/** Bias and coverage of the calibrated exponent on samples of known gamma (`covature validate`). */
import type { Blas } from '../../engine/blas/types.ts';
import { calibrate, extrapolate } from '../../engine/statistics/calibration.ts';
import type { SubsampleSlope } from '../../engine/statistics/calibration.ts';
import type { Estimated } from '../../shared/results.ts';
import { Random } from '../../shared/random.ts';
import { crossFitSamples, drawSamples } from './samples.ts';
import type { Population } from './samples.ts';

export interface CalibrationCase {
  readonly population: Population;
  readonly cutoff: number;
  /** Leading directions that are measured, as by the projected method; default all. */
  readonly found?: number | undefined;
}

/** Means over replicates; coverage: the share of 95 % intervals that hold the true exponent. */
export interface CalibrationResult extends CalibrationCase {
  readonly replicates: number;
  readonly crossFitted: Score;
  readonly simulated: Score;
  readonly extrapolated: Score;
}

export interface Score {
  readonly mean: number;
  /** Mean less the true exponent, and the standard error of it. */
  readonly bias: number;
  readonly standard_error: number;
  readonly coverage: number;
  /** Replicates that gave a value. */
  readonly found: number;
}

/** Parts of the samples whose cross-fitted slopes are extrapolated. */
const parts = [1, 2, 4, 8] as const;

export function validateCalibration(
  blas: Blas,
  { population, cutoff, found: leading = population.dimensions }: CalibrationCase,
  options: { readonly replicates: number; readonly resamples: number; readonly seed: number },
): CalibrationResult {
  const { replicates, resamples, seed } = options;
  const estimates = { crossFitted: [], simulated: [], extrapolated: [] } as Record<
    'crossFitted' | 'simulated' | 'extrapolated',
    Estimated[]
  >;
  for (let r = 0; r < replicates; r++) {
    const name = `validate ${JSON.stringify(population)} ${r}`;
    const drawn = drawSamples(blas, population, new Random(seed, name));
    const fit = { cutoffs: [cutoff], seed: seed + r, found: leading };
    const { halves, rows, traceH } = crossFitSamples(drawn, 0, population.samples, { ...fit, resamples });
    const summary = calibrate(blas, {
      halves,
      samples: Math.floor(population.samples / 2),
      traceH,
      dimensions: population.dimensions,
      rows,
      seed: seed + r,
    });
    const row = summary?.rows[0];
    if (row !== undefined) {
      estimates.crossFitted.push(row.measured);
      if (row.simulated !== null) estimates.simulated.push(row.simulated);
      const slopes = parts.map((part): SubsampleSlope => {
        const size = Math.floor(population.samples / part);
        const values = Array.from({ length: part }, (_, k) => {
          const each = part === 1 ? rows : crossFitSamples(drawn, k * size, size, { ...fit, resamples: 0 }).rows;
          return each[0].gamma.ols ?? NaN;
        });
        return { samples: size, slope: values.reduce((sum, x) => sum + x, 0) / part, subsamples: part };
      });
      const line = extrapolate(slopes, row.measured);
      if (line !== null) estimates.extrapolated.push(line);
    }
    blas.release(drawn.x);
    blas.release(drawn.y);
  }
  const score = (values: readonly Estimated[]): Score => {
    const n = values.length;
    const mean = values.reduce((sum, { value }) => sum + value, 0) / n;
    const variance = values.reduce((sum, { value }) => sum + (value - mean) ** 2, 0) / Math.max(1, n - 1);
    const holds = ({ interval: [low, high] }: Estimated): boolean =>
      low <= population.gamma && population.gamma <= high;
    return {
      mean,
      bias: mean - population.gamma,
      standard_error: Math.sqrt(variance / n),
      coverage: values.filter(holds).length / n,
      found: n,
    };
  };
  return {
    population,
    cutoff,
    found: leading < population.dimensions ? leading : undefined,
    replicates,
    crossFitted: score(estimates.crossFitted),
    simulated: score(estimates.simulated),
    extrapolated: score(estimates.extrapolated),
  };
}

/** Parts of the table in docs/statistics.md. */
export const casesNames = ['base', 'tails', 'found'] as const;
export type CasesName = (typeof casesNames)[number];

/**
 * `base`: four exponents, three numbers of samples for the dimensions, light and heavy tails; `tails`: heavier ones, and sizes of samples that are not log-normal; `found`: where only
 * the leading directions are measured and the trace is known.
 */
export function calibrationCases(cutoff: number, name: CasesName): CalibrationCase[] {
  const dimensions = 150;
  const cases = (
    exponents: readonly number[],
    ratios: readonly number[],
    tails: readonly Pick<Population, 'tail' | 'sizes'>[],
    found?: number,
  ): CalibrationCase[] =>
    exponents.flatMap((gamma) =>
      ratios.flatMap((ratio) =>
        tails.map((tail) => ({
          population: { gamma, dimensions, decades: 4, samples: ratio * dimensions, ...tail },
          cutoff,
          found,
        })),
      ),
    );
  switch (name) {
    case 'base':
      return cases([1, 1.2, 1.5, 2], [4, 12, 40], [{ tail: 0 }, { tail: 0.8 }]);
    case 'tails':
      return cases([1, 1.5, 2], [12, 40], [{ tail: 1.5 }, { tail: 0.8, sizes: 'two sizes' }]);
    case 'found':
      return cases([1, 1.2, 1.5, 2], [12, 40], [{ tail: 0 }, { tail: 0.8 }], 40);
    default:
      name satisfies never;
      throw new Error(`unknown cases ${String(name)}`);
  }
}
