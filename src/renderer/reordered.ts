/** The list with one element at another place. */
export function reordered<T>(list: readonly T[], from: number, to: number): T[] {
  const next = list.toSpliced(from, 1);
  next.splice(to, 0, list[from]);
  return next;
}
