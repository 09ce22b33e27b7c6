/** Reading and writing fields of an experiment by path, as the form's fields name them. */
import type { Json } from '../../shared/contract/index.ts';

type Path = readonly (string | number)[];

export function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? (at as Record<string | number, unknown>)[key] : undefined),
    root,
  );
}

/** A copy with the value there; undefined takes the field out. Objects on the way are made. */
export function withValue(root: unknown, path: Path, value: unknown): unknown {
  if (path.length === 0) return value;
  const [key, ...rest] = path;
  if (typeof key === 'number') {
    const list: unknown[] = Array.isArray(root) ? [...(root as unknown[])] : [];
    list[key] = withValue(list[key], rest, value);
    return list;
  }
  const object = typeof root === 'object' && root !== null && !Array.isArray(root) ? { ...root } : {};
  const next = withValue((object as Record<string, unknown>)[key], rest, value);
  if (next === undefined) delete (object as Record<string, unknown>)[key];
  else (object as Record<string, unknown>)[key] = next;
  return object;
}

/**
 * What was written into a field of numbers: a number, a list of them for a sweep ("0.1, 0.05"), undefined where it is empty, or the text itself where it
 * is none of these, so that the check can name it.
 */
export function numbersOf(text: string): Json | undefined {
  const parts = text
    .split(/[,;]/)
    .map((part) => part.replace(/[\s\u2009]/g, '').replace('−', '-'))
    .filter((part) => part !== '');
  if (parts.length === 0) return undefined;
  const numbers = parts.map(Number);
  if (numbers.some((number) => !Number.isFinite(number))) return text;
  return numbers.length === 1 ? numbers[0] : numbers;
}

/** The reverse of `numbersOf`. */
export function numbersText(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (Array.isArray(value)) return value.map(String).join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Problems that belong to a field: "experiment.optimiser.lr: expected ..." -> "expected ...". */
export function problemOf(problems: readonly string[], path: string): string {
  const start = `experiment.${path}`;
  const found = problems.find((problem) => problem.startsWith(`${start}:`) || problem.includes(` of ${path}: `));
  return found === undefined ? '' : found.slice(found.indexOf(': ') + 2);
}
