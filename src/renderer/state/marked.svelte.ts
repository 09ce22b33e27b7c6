/** What is marked in one chart is shown in all others: the run or direction under the pointer, and the directions that a drag has chosen. */

/** Directions of one measurement along which it was measured: those of all samples, or of a half. */
export function directionsKey(measurement: string, set: 'all' | 'A' | 'B'): string {
  return `${measurement}/${set}`;
}

export interface Hover {
  /** The chart under the pointer. */
  readonly chart: string;
  /** Id of the run, or of the setup. */
  readonly run: string;
  /** Number of the direction, from 1, where the chart has a point for each. */
  readonly direction: number | null;
}

export class Marked {
  hover = $state.raw<Hover | null>(null);
  /** Numbers of directions, from 1, by `directionsKey`. */
  directions = $state.raw<ReadonlyMap<string, ReadonlySet<number>>>(new Map());

  /** Marks these in place of those marked before. Empty lists mark none. */
  mark(lists: ReadonlyMap<string, readonly number[]>): void {
    this.directions = new Map(
      [...lists].filter(([, list]) => list.length > 0).map(([key, list]) => [key, new Set(list)]),
    );
  }
}

/** One path of small rings. */
export function ringsPath(points: Iterable<readonly [x: number, y: number]>, radius = 4): string {
  let path = '';
  for (const [x, y] of points)
    if (Number.isFinite(x + y))
      path += `M${(x - radius).toFixed(1)} ${y.toFixed(1)}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0`;
  return path;
}
