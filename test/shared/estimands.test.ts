import { expect, test } from 'vitest';
import { InputError } from '../../src/shared/errors.ts';
import {
  findRow,
  headlineCutoff,
  headlineRow,
  isSameCutoff,
  nearestRow,
  rowAt,
  standardCutoffs,
} from '../../src/shared/estimands.ts';

const rows = standardCutoffs.map((cutoff) => ({ cutoff, fitted: true }));

test('a cutoff is found however it was computed, and no other is taken for it', () => {
  for (const [k, cutoff] of standardCutoffs.entries()) {
    expect(findRow(rows, 10 ** -(k + 1))?.cutoff).toBe(cutoff);
    expect(findRow(rows, cutoff * (1 + 1e-5))).toBeUndefined();
  }
  expect(isSameCutoff(NaN, 1e-4)).toBe(false);
  expect(isSameCutoff(1e-4, NaN)).toBe(false);
  expect(isSameCutoff(0, 1e-8)).toBe(false);
});

test('a cutoff that was not fitted is refused with those that were', () => {
  expect(() => rowAt(rows.slice(0, 2), 1e-3)).toThrow(InputError);
  expect(() => rowAt(rows.slice(0, 2), 1e-3)).toThrow('no fit at the cutoff 0.001: the measurement has 0.1, 0.01');
});

test.each([
  [0.5, 1e-1],
  [2e-4, 1e-4],
  [4e-4, 1e-3],
  [1e-12, 1e-8],
])('the row nearest to %s is that of %s', (cutoff, nearest) => {
  expect(nearestRow(rows, cutoff)?.cutoff).toBe(nearest);
  expect(nearestRow([], cutoff)).toBeUndefined();
});

test('the headline row is the smallest cutoff with a fit down to the headline cutoff', () => {
  const fitted = (row: { fitted: boolean }): boolean => row.fitted;
  expect(headlineRow(rows, fitted)?.cutoff).toBe(headlineCutoff);
  const without = rows.map((row) => (row.cutoff === headlineCutoff ? { ...row, fitted: false } : row));
  expect(headlineRow(without, fitted)?.cutoff).toBe(standardCutoffs[standardCutoffs.indexOf(headlineCutoff) - 1]);
  const tail = rows.map((row) => ({ ...row, fitted: row.cutoff < headlineCutoff }));
  expect(headlineRow(tail, fitted)?.cutoff).toBe(standardCutoffs[standardCutoffs.indexOf(headlineCutoff) + 1]);
  const none = rows.map((row) => ({ ...row, fitted: false }));
  expect(headlineRow(none, fitted)?.cutoff).toBe(standardCutoffs[0]);
});
