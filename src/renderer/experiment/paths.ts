/** Reading and writing fields of an experiment by path, as the form's fields name them. */
import type { Json } from '../../shared/contract/index.ts';
import { settingName } from '../../shared/settings.ts';

type Path = readonly (string | number)[];

export function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? (at as Record<string | number, unknown>)[key] : undefined),
    root,
  );
}

/** A copy with the value there; undefined removes the field. Missing objects on the path are created. */
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
 * The content of a field of numbers: a number, a list of them for a sweep ("0.1, 0.05"), undefined if it is empty, or the text itself where it
 * is none of these, so that the check can name it.
 */
export function numbersOf(text: string): Json | undefined {
  const parts = text
    .split(/[,;]/)
    .map((part) => part.replace(/[\s\u202f]/g, '').replace('−', '-'))
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

/** A problem as the check names it: "experiment.optimiser.lr: expected ...", "value 2 of optimiser.lr: experiment.optimiser.lr: expected ...". */
const problemForm = /^(?:value (\d+) of ([^:]+): )?experiment\.([^:]+): (.*)$/s;

/** Problems at the fields of the form; all others are shown beside it. */
const fieldForm =
  /^(name|model\.input|optimiser\.(lr|momentum|weight_decay)|batch_size|dataset\.subset\.count|epochs|stop_at_loss|seed|measurements\[\d+\]\.samples|model\.layers\[\d+\].*)$/;

/** What is wrong at a path, without the place: "expected ...", "value 2: expected ..."; '' if nothing is. `inside`: also at longer paths that begin with it. */
export function problemOf(problems: readonly string[], path: string, inside = false): string {
  for (const problem of problems) {
    const [, value, , place, text] = problemForm.exec(problem) ?? [];
    if (place === undefined || !(place === path || (inside && place.startsWith(path)))) continue;
    const rest = place.slice(path.length).replace(/^\./, '');
    return [rest, value === undefined ? '' : `value ${value}`, text].filter((part) => part !== '').join(': ');
  }
  return '';
}

/** Problems that no field of the form shows. */
export function problemsBeside(problems: readonly string[]): readonly string[] {
  return problems.filter((problem) => !fieldForm.test(problemForm.exec(problem)?.[3] ?? ''));
}

/**
 * A problem as it reads where no field shows it: "schedule of the learning rate: expected ...", "learning rate, value 2: expected ...". An unknown key is given
 * as it was written, because it has to be found in the JSON.
 */
export function problemText(problem: string): string {
  const [, value, axis, place, text] = problemForm.exec(problem) ?? [];
  if (place === undefined) return problem.replace(/^experiment: /, '');
  const name = text === 'unknown field' ? place : settingName(place);
  const which =
    value === undefined ? '' : axis === place ? `, value ${value}` : ` with value ${value} of ${settingName(axis)}`;
  return `${name}${which}: ${text}`;
}
