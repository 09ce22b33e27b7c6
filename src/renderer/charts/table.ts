/** The data of a chart as a table. */
export interface TableData {
  readonly columns: readonly string[];
  readonly count: number;
  /** Numbers as they are, not rounded. */
  readonly row: (index: number) => readonly (number | string | null)[];
}

/** Said once a table is on the clipboard. */
export const copiedAsCsv = 'Copied as comma-separated values.';

/** Comma-separated values with a line of names. */
export function csvOf({ columns, count, row }: TableData): string {
  const line = (cells: readonly (number | string | null)[]): string =>
    cells
      .map((cell) =>
        typeof cell === 'string' && /[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : (cell ?? ''),
      )
      .join(',');
  return [line(columns), ...Array.from({ length: count }, (_, i) => line(row(i)))].join('\n') + '\n';
}
