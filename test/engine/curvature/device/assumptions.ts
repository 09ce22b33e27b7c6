/** What two measurements say of the old assumption, held against each other. */
import { expect } from 'vitest';
import type { AssumptionArrays, AssumptionsSummary } from '../../../../src/shared/assumptions.ts';
import { gap } from '../../network/support.ts';

interface Assumed {
  readonly summary: { readonly assumptions?: AssumptionsSummary };
  readonly arrays: Partial<AssumptionArrays>;
}

/** @param slopes tolerance of slopes and intervals above the cutoff 1e-2: logarithms enlarge relative errors of small values */
export function expectSameAssumptions(found: Assumed, own: Assumed, tolerance: number, slopes: number): void {
  for (const key of ['G_diagonal', 'F_diagonal', 'E_diagonal'] as const)
    expect(gap(found.arrays[key] ?? [], own.arrays[key] ?? []), key).toBeLessThan(tolerance);
  const [columns, expected] = [found, own].map(({ summary }) => summary.assumptions?.columns ?? []);
  expect(columns.map(({ matrices }) => matrices)).toEqual(expected.map(({ matrices }) => matrices));
  expect(found.summary.assumptions?.precision).toBe('float32');
  expect(own.summary.assumptions?.precision).toBeUndefined();
  for (const [c, column] of columns.entries()) {
    const name = column.matrices.join();
    const other = expected[c];
    expect(Math.abs(column.cosine - other.cosine), name).toBeLessThan(tolerance);
    expect(Math.abs(column.commutator_ratio - other.commutator_ratio), name).toBeLessThan(10 * tolerance);
    expect(Math.abs(column.commutator_baseline.mean - other.commutator_baseline.mean), name).toBeLessThan(
      10 * tolerance,
    );
    for (const estimand of ['training_set', 'cross_fitted'] as const) {
      const [a, b] = [column.rows[estimand][1], other.rows[estimand][1]];
      expect(a.n, name).toBe(b.n);
      expect(a.slope === null, name).toBe(b.slope === null);
      expect(Math.abs((a.slope ?? 0) - (b.slope ?? 0)), `${name} ${estimand}`).toBeLessThan(slopes);
      expect(a.interval === undefined, name).toBe(b.interval === undefined);
      for (const end of [0, 1] as const)
        expect(Math.abs((a.interval?.[end] ?? 0) - (b.interval?.[end] ?? 0)), `${name} ${estimand}`).toBeLessThan(
          10 * slopes,
        );
    }
  }
  for (const { matrices, equal, expected: isExpected } of found.summary.assumptions?.identities ?? [])
    if (isExpected) expect(equal, matrices.join()).toBe(true);
}
