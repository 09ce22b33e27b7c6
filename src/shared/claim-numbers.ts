/** The numbers of a claim that are shown with its verdict: those it rests on, and those beside it. */
import type { Estimand } from './estimands.ts';
import type { MeasurementSummary } from './results.ts';
import { cutoffInForce, type CutoffRow, type Interval } from './slopes.ts';

/** A number that a verdict rests on, or that is shown beside it. */
export interface ClaimNumber {
  /** "gamma", "gamma_calibrated", "C_on_Q", "gamma_minus_gamma_Q", "scatter_on_H", "prefactor_on_H", "r_squared", "commutator_ratio", "directions", ... */
  readonly name: string;
  /** Null for numbers of the whole measurement. */
  readonly estimand: Estimand | null;
  readonly value: number | null;
  readonly interval: Interval | null;
}

/** What is shown beside a verdict without deciding it: scatters in decades, prefactors at slope 1. */
export function besideNumbers(claim: string, estimand: Estimand, row: CutoffRow): ClaimNumber[] {
  const number = (name: string, value: number | null | undefined): ClaimNumber[] =>
    value === undefined ? [] : [{ name, estimand, value, interval: null }];
  const prefactor = (level: number | null | undefined): number | null | undefined =>
    typeof level === 'number' ? Math.exp(level) : level;
  switch (claim) {
    case 'C_on_Q':
      return [
        ...number('r_squared', row.C_on_Q.r_squared),
        ...number('residual_scatter', row.C_on_Q.scatter),
        ...number('prefactor_on_Q', prefactor(row.C_on_Q.level)),
      ];
    case 'Q_rather_than_H':
      return [
        ...number('scatter_on_H', row.gamma.scatter_unit),
        ...number('scatter_on_Q', row.C_on_Q.scatter_unit),
        ...number('slope_on_H', row.gamma.ols),
        ...number('slope_on_Q', row.C_on_Q.ols),
        ...number('prefactor_on_H', prefactor(row.gamma.level)),
        ...number('prefactor_on_Q', prefactor(row.C_on_Q.level)),
      ];
    default:
      return [];
  }
}

/**
 * What theories say of the prefactors at slope 1: C/H = 1 by the Fisher identity (a log-likelihood at its true parameters), 2 L / K for isotropic residuals under mean squared
 * error (Mori et al., arXiv:2105.09557, for K = 1), and C_dual/Q where the duality was measured: C/Q times the median of C_dual,ii / C_ii.
 */
export function predictedPrefactors(
  { loss, noise_at_work: noise, duality }: Partial<Pick<MeasurementSummary, 'loss' | 'noise_at_work' | 'duality'>>,
  row: CutoffRow,
): ClaimNumber[] {
  const number = (name: string, value: number | null | undefined): ClaimNumber[] =>
    typeof value === 'number' ? [{ name, estimand: null, value, interval: null }] : [];
  const dual = duality?.moments.all?.rows.find((each) => each.cutoff === row.cutoff)?.median_ratio;
  const level = row.C_on_Q.level;
  return [
    ...number('prefactor_fisher', 1),
    ...number('prefactor_loss', loss === undefined || noise === undefined ? null : (2 * loss) / noise.outputs),
    ...number('prefactor_dual', typeof dual === 'number' && typeof level === 'number' ? dual * Math.exp(level) : null),
  ];
}

export function sizeNumbers(estimand: Estimand, row: CutoffRow): ClaimNumber[] {
  return [
    { name: 'directions', estimand, value: row.n, interval: null },
    { name: 'decades', estimand, value: row.decades, interval: null },
    { name: 'cutoff_in_force', estimand, value: cutoffInForce(row), interval: null },
  ];
}
