/** The settings in which an experiment that is being written differs from the one it came from. Pure. */
import { plainText } from '../format.ts';

export interface Change {
  /** "optimiser.lr". */
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

/** Leaves by path; a list without objects is one leaf. */
function leavesOf(value: unknown, path: string, leaves: Map<string, unknown>): Map<string, unknown> {
  if (Array.isArray(value) && value.some((each) => typeof each === 'object' && each !== null)) {
    value.forEach((each, index) => leavesOf(each, `${path}[${index}]`, leaves));
  } else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    for (const [key, each] of Object.entries(value)) leavesOf(each, path === '' ? key : `${path}.${key}`, leaves);
  } else leaves.set(path, value);
  return leaves;
}

/** In the order of the first experiment, then fields that only the second has. A missing value is ''. */
export function changesBetween(from: unknown, to: unknown): Change[] {
  if (to === undefined) return [];
  const before = leavesOf(from, '', new Map());
  const after = leavesOf(to, '', new Map());
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((path) => {
    const [a, b] = [plainText(before.get(path)), plainText(after.get(path))];
    return a === b ? [] : [{ path, before: a, after: b }];
  });
}
