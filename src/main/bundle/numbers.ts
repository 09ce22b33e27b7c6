/** Two tables of what a figure draws (`plottedCsv`), compared cell by cell. */
import { rowsOf } from '../../data/formats/csv-text.ts';

export type TableComparison =
  | { readonly verdict: 'equal' }
  /** Equal up to rounding: the largest difference, relative to the largest number of its column. */
  | { readonly verdict: 'rounding'; readonly difference: number }
  /** In words: which row and column first, and how far they are apart. */
  | { readonly verdict: 'differs'; readonly difference: number | null; readonly where: string };

/** Relative to a column's largest number: what another library or order of summation may change. */
export const roundingOfFigures = 1e-9;

/** `expected`: the table that was kept; `found`: the one drawn now. */
export function compareTables(expected: string, found: string): TableComparison {
  if (expected === found) return { verdict: 'equal' };
  const [before, now] = [expected, found].map((text) =>
    [...rowsOf(text, ',', 'the table')].map(({ fields }) => fields),
  );
  const [head = [], ...rows] = before;
  if (now[0]?.join() !== head.join())
    return {
      verdict: 'differs',
      difference: null,
      where: `its columns are ${now[0]?.join(', ')}, and were ${head.join(', ')}`,
    };
  if (now.length !== before.length)
    return { verdict: 'differs', difference: null, where: `it has ${now.length - 1} rows, and had ${rows.length}` };
  const largest = head.map((_, c) => rows.reduce((most, row) => Math.max(most, magnitude(row[c])), 0));
  let worst = 0;
  for (const [r, row] of rows.entries()) {
    for (const [c, was] of row.entries()) {
      const is = now[r + 1][c];
      if (is === was) continue;
      const difference = Math.abs(Number(is) - Number(was)) / largest[c];
      // Words, and numbers where there was none before, have no distance.
      if (was === '' || is === '' || !(difference <= roundingOfFigures))
        return {
          verdict: 'differs',
          difference: Number.isFinite(difference) ? difference : null,
          where: `row ${r + 1}, ${head[c]}: ${is === '' ? 'nothing' : is}, and was ${was === '' ? 'nothing' : was}`,
        };
      worst = Math.max(worst, difference);
    }
  }
  return { verdict: 'rounding', difference: worst };
}

function magnitude(field: string | undefined): number {
  const value = Math.abs(Number(field));
  return Number.isFinite(value) ? value : 0;
}
