/** Results of a sweep of two settings as a grid. Pure. */
import type { Leaf, Varied } from '../../shared/varied.ts';
import { placeText } from '../state/place.ts';
import type { Member } from './members.ts';

/** Where a press on runs leads: to the run, or to a comparison of several. */
export function hrefOfRuns(runs: readonly string[]): string {
  return placeText(runs.length === 1 ? { screen: 'run', run: runs[0], tab: 'overview' } : { screen: 'compare', runs });
}

export interface MapCell {
  /** Mean over the runs of this cell. */
  readonly value: number;
  /** From the smallest value of the map, 0, to the largest, 1; 0.5 if all are equal. */
  readonly share: number;
  readonly runs: readonly string[];
}

export interface SweepGrid {
  readonly columns: readonly (Leaf | null)[];
  readonly rows: readonly (Leaf | null)[];
  /** [row][column]; null if no run has a result. */
  readonly cells: readonly (readonly (MapCell | null)[])[];
}

/** Values of a setting once each: numbers by size, names as they first come. */
export function valuesOf({ values }: Varied): (Leaf | null)[] {
  const distinct = [...new Set(values)];
  return distinct.every((value) => typeof value === 'number')
    ? distinct.sort((a, b) => Number(a) - Number(b))
    : distinct;
}

export function mapOf(
  across: Varied,
  down: Varied,
  members: readonly Member[],
  order: readonly string[],
  resultOf: (member: Member) => number | null,
): SweepGrid {
  const place = new Map(order.map((id, i) => [id, i]));
  const [columns, rows] = [valuesOf(across), valuesOf(down)];
  const means = rows.map((row) =>
    columns.map((column) => {
      const here = members.filter(({ runs: [first] }) => {
        const index = place.get(first.id) ?? -1;
        return across.values[index] === column && down.values[index] === row;
      });
      const values = here.flatMap((member) => resultOf(member) ?? []);
      if (values.length === 0) return null;
      const value = values.reduce((sum, each) => sum + each, 0) / values.length;
      return { value, runs: here.flatMap(({ runs }) => runs.map(({ id }) => id)) };
    }),
  );
  const all = means.flat().flatMap((cell) => cell?.value ?? []);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  return {
    columns,
    rows,
    cells: means.map((row) =>
      row.map((cell) => cell && { ...cell, share: high > low ? (cell.value - low) / (high - low) : 0.5 }),
    ),
  };
}
