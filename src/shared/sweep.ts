/**
 * Sweeps: an experiment with lists of values in place of single values stands for all their combinations. Which lists are sweeps is read off the
 * format itself: a list where the format has none is an axis (`"lr": [0.1, 0.05]`, `"units": [20, 50]`, `"dataset": [{...}, {...}]`); where the format
 * has a list, a list of lists is one (`"input": [[784], [28, 28, 1]]`, `"layers": [[...], [...]]`).
 */
import * as v from 'valibot';
import { InputError } from './errors.ts';
import { experimentSchema, parseExperiment } from './experiment.ts';
import type { Experiment } from './experiment.ts';

/** The most runs that one experiment may stand for. */
export const mostRuns = 2000;
/** The most lists of values that one experiment may hold. */
const mostAxes = 12;

type Path = readonly (string | number)[];

export interface SweepAxis {
  /** "optimiser.lr", "model.layers[0].units". */
  readonly path: string;
  readonly values: readonly unknown[];
}

export interface SweepRun {
  readonly experiment: Experiment;
  /** The value of each axis, in the order of `axes`. */
  readonly choices: readonly { readonly path: string; readonly value: unknown }[];
}

export interface Sweep {
  /** In the order of the document; none for a plain experiment. */
  readonly axes: readonly SweepAxis[];
  /** The product of the axes' lengths. */
  readonly count: number;
  /** Run `index` of `count`; the last axis changes fastest. Raises InputError if this combination is wrong. */
  readonly at: (index: number) => SweepRun;
}

/**
 * Finds the axes of an experiment and checks each of their values, the others at their first. Raises InputError listing what is wrong, as
 * `parseExperiment` does. Combinations that are wrong only together are found by `at`.
 */
export function parseSweep(input: unknown, what = 'experiment'): Sweep {
  const template: unknown = structuredClone(input);
  const swept: { path: Path; values: readonly unknown[] }[] = [];
  for (;;) {
    const axis = nextAxis(template);
    if (axis === undefined) break;
    if (axis.values.length === 0) throw new InputError(`${what}.${textOf(axis.path)}: the list of values is empty`);
    const outer = swept.find(({ path }) => path.every((key, i) => key === axis.path[i]));
    if (outer !== undefined) {
      throw new InputError(
        `${what}.${textOf(axis.path)}: a list of values inside a value of ${textOf(outer.path)}; write the combinations out`,
      );
    }
    swept.push(axis);
    if (swept.length > mostAxes) throw new InputError(`${what}: expected at most ${mostAxes} lists of values`);
    setAt(template, axis.path, axis.values[0]);
  }
  const axes = swept.sort((a, b) => documentOrder(input, a.path, b.path));
  const count = axes.reduce((product, { values }) => product * values.length, 1);
  if (count > mostRuns) {
    const sizes = axes.map(({ path, values }) => `${textOf(path)}: ${values.length}`).join(', ');
    throw new InputError(`${what}: the lists of values make ${count} runs (${sizes}); expected at most ${mostRuns}`);
  }
  const build = (choices: readonly number[]): Experiment => {
    const whole: unknown = structuredClone(template);
    axes.forEach(({ path, values }, i) => {
      setAt(whole, path, structuredClone(values[choices[i]]));
    });
    return parseExperiment(whole, what);
  };
  const first = axes.map(() => 0);
  build(first);
  axes.forEach(({ path, values }, i) => {
    for (let k = 1; k < values.length; k++) {
      try {
        build(first.with(i, k));
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        throw new InputError(`value ${k + 1} of ${textOf(path)}: ${error.message}`, { cause: error });
      }
    }
  });
  return {
    axes: axes.map(({ path, values }) => ({ path: textOf(path), values })),
    count,
    at: (index) => {
      if (!(Number.isInteger(index) && index >= 0 && index < count)) {
        throw new Error(`run ${index} of ${count} was asked for`);
      }
      let rest = index;
      const choices = axes.map(() => 0);
      for (let i = axes.length - 1; i >= 0; i--) {
        choices[i] = rest % axes[i].values.length;
        rest = Math.floor(rest / axes[i].values.length);
      }
      return {
        experiment: build(choices),
        choices: axes.map(({ path, values }, i) => ({ path: textOf(path), value: values[choices[i]] })),
      };
    },
  };
}

/** The sweep with these seeds in place of its own; several are its last and fastest axis. Anything that is not an object is left for `parseSweep` to refuse. */
export function withSeeds(input: unknown, seeds: readonly number[]): unknown {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return input;
  const { seed: _seed, ...others } = input as Readonly<Record<string, unknown>>;
  return { ...others, seed: seeds.length === 1 ? seeds[0] : [...seeds] };
}

/** What decides how long a run takes and what it needs: members of a sweep with the same key cost the same. */
export function costKey(experiment: Experiment): string {
  const { name: _name, seed: _seed, initialisation: _initialisation, optimiser, ...others } = experiment;
  return JSON.stringify([others, optimiser.momentum !== 0, optimiser.nesterov]);
}

/** The first place where there is a list although the format expects something else. */
function nextAxis(template: unknown): { path: Path; values: readonly unknown[] } | undefined {
  const result = v.safeParse(experimentSchema, template, { abortPipeEarly: true });
  if (result.success) return undefined;
  for (const issue of result.issues) {
    let path: Path = (issue.path ?? []).map((item) => item.key as string | number);
    // Where the format distinguishes alternatives by a field, the reported fault is that the list lacks that field.
    const inside = path.findIndex(
      (key, i) => typeof key === 'string' && Array.isArray(getAt(template, path.slice(0, i))),
    );
    if (inside >= 0) path = path.slice(0, inside);
    const values = getAt(template, path);
    const last = path.at(-1);
    if (!Array.isArray(values) || last === undefined || issue.expected === 'never') continue;
    if (typeof last === 'string') {
      // A list where the format expects a list, but of the wrong length for instance, is not an axis.
      if (inside >= 0 || (issue.kind === 'schema' && issue.type !== 'array')) return { path, values };
      continue;
    }
    // An entry of a list is a list: an axis where all of them are.
    const parent = path.slice(0, -1);
    const siblings = getAt(template, parent);
    if (parent.length > 0 && Array.isArray(siblings) && siblings.every(Array.isArray)) {
      return { path: parent, values: siblings };
    }
  }
  return undefined;
}

function getAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<string | number, unknown> | undefined)?.[key], root);
}

function setAt(root: unknown, path: Path, value: unknown): void {
  (getAt(root, path.slice(0, -1)) as Record<string | number, unknown>)[path.at(-1)!] = value;
}

/** "model.layers[0].units". */
function textOf(path: Path): string {
  return path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? key : `${text}.${key}`),
    '',
  );
}

function documentOrder(root: unknown, a: Path, b: Path): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    if (a[i] === b[i]) continue;
    const keys = Object.keys(getAt(root, a.slice(0, i)) as object);
    return keys.indexOf(String(a[i])) - keys.indexOf(String(b[i]));
  }
  return a.length - b.length;
}
