/** Reference lines, such as the bounds 1 and 2 of gamma: an axis fits its data, and extends to a guide that is near. */

/** Share of the data's range that an axis grows by, to show a guide. */
const reach = 0.25;

/** The range from `low` to `high`, grown to the guides within a quarter of it at either end; positions in the units of the axis (logarithms on a logarithmic one). */
export function withGuides(low: number, high: number, guides: readonly number[]): readonly [number, number] {
  const room = reach * (high - low);
  const near = guides.filter((value) => value >= low - room && value <= high + room);
  return [Math.min(low, ...near), Math.max(high, ...near)];
}
