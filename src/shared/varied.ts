/** The settings in which runs differ, and names for the runs made from them. Pure: works on experiments as stored by this version or another. */
import { InputError } from './errors.ts';
import { describeModel, parseModel } from './model.ts';
import { settingText } from './settings.ts';

export type Leaf = number | string | boolean;

/** A setting in which runs differ: its value in each of them, null if a run has none. */
export interface Varied {
  /** "optimiser.lr"; "dataset", "model" and "activation" summarise several fields. */
  readonly path: string;
  readonly values: readonly (Leaf | null)[];
}

/** Leaves by dotted path, in the order of the JSON. A list without objects in it is one leaf, its JSON; lists of objects are numbered. */
export function leavesOf(value: unknown, path = '', leaves = new Map<string, Leaf>()): Map<string, Leaf> {
  if (Array.isArray(value)) {
    if (value.every((item) => item === null || typeof item !== 'object')) leaves.set(path, JSON.stringify(value));
    else value.forEach((item, index) => leavesOf(item, `${path}[${index}]`, leaves));
  } else if (isObject(value)) {
    for (const [key, item] of Object.entries(value)) leavesOf(item, path === '' ? key : `${path}.${key}`, leaves);
  } else if (value !== null && value !== undefined) {
    leaves.set(path, value as Leaf);
  }
  return leaves;
}

/** The settings in which experiments differ: by path, one value an experiment, undefined if it has none. Equal ones are left out unless `all`. */
export function differencesOf(experiments: readonly unknown[], all = false): Map<string, (Leaf | undefined)[]> {
  const leaves = experiments.map((experiment) => leavesOf(experiment));
  const differences = new Map<string, (Leaf | undefined)[]>();
  for (const path of new Set(leaves.flatMap((own) => [...own.keys()]))) {
    const values = leaves.map((other) => other.get(path));
    if (all || values.some((value) => value !== values[0])) differences.set(path, values);
  }
  return differences;
}

/** The name of a dataset: its own name, that of a published set, or that of its file or folder. Undefined if it is not a dataset. */
export function datasetName(dataset: unknown): string | undefined {
  if (typeof dataset === 'string') return dataset;
  if (!isObject(dataset)) return undefined;
  const { name, source, kind, path } = dataset;
  if (typeof name === 'string') return name;
  const known = typeof source === 'string' ? published[source] : undefined;
  if (known !== undefined) return known;
  const place = typeof path === 'string' ? /([^/\\]+)[/\\]*$/.exec(path)?.[1] : undefined;
  const of = typeof source === 'string' ? source : kind;
  return place ?? (typeof of === 'string' ? of : undefined);
}

const published: Readonly<Record<string, string>> = {
  mnist: 'MNIST',
  'fashion-mnist': 'Fashion-MNIST',
  'cifar-10': 'CIFAR-10',
  glyphs: 'glyphs',
  'gaussian-mixture': 'Gaussian mixture',
  'teacher-student': 'teacher and student',
  'known-gamma': 'known gamma',
};

/** A short description of the model; undefined for one that this version does not know. */
export function modelName(model: unknown): string | undefined {
  try {
    return describeModel(parseModel(model));
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/** Fields that identify the run rather than describe it. */
const notSettings: ReadonlySet<string> = new Set(['name', 'seed', 'description']);
const datasetIdentity: ReadonlySet<string> = new Set([
  'dataset',
  'dataset.source',
  'dataset.name',
  'dataset.path',
  'dataset.test_path',
]);
const isArchitecture = (path: string): boolean => path.startsWith('model.layers') || path === 'model.input';
const isMeasurement = (path: string): boolean => path.startsWith('measurements');

/**
 * The settings in which runs differ, as people speak of them: another file or source is another dataset, other layers are another model (or activation,
 * where only that differs). Name and seed identify the run and are left out; what was measured counts only if nothing else differs.
 */
export function variedSettings(experiments: readonly unknown[]): Varied[] {
  const entries = [...differencesOf(experiments)]
    .filter(([path]) => !notSettings.has(path))
    .map(([path, values]): Varied => ({ path, values: values.map((value) => value ?? null) }));
  const training = entries.filter(({ path }) => !isMeasurement(path));
  const settings: Varied[] = [];
  const isOther = training.some(({ path }) => datasetIdentity.has(path));
  const layers = training.filter(({ path }) => isArchitecture(path));
  let [hasDataset, hasModel] = [false, false];
  for (const each of training) {
    if (each.path.startsWith('dataset') && isOther) {
      if (!hasDataset) settings.push(datasetOf(experiments, training));
      hasDataset = true;
      // A field that only one of the sources has is part of what distinguishes them.
      if (!datasetIdentity.has(each.path) && each.values.every((value) => value !== null)) settings.push(each);
    } else if (isArchitecture(each.path)) {
      if (!hasModel) settings.push(...modelOf(experiments, layers));
      hasModel = true;
    } else settings.push(each);
  }
  return settings.length > 0 ? settings : entries;
}

function datasetOf(experiments: readonly unknown[], training: readonly Varied[]): Varied {
  const values = experiments.map((experiment) => datasetName(partOf(experiment, 'dataset')) ?? null);
  const places = training.find(({ path }) => path === 'dataset.path')?.values;
  // Two folders with the same name are distinguished by their whole paths.
  return {
    path: 'dataset',
    values: new Set(values).size > 1 || places === undefined ? values : values.map((value, i) => places[i] ?? value),
  };
}

function modelOf(experiments: readonly unknown[], layers: readonly Varied[]): Varied[] {
  if (layers.length === 1 && layers[0].values.every((value) => value !== null)) {
    const [only] = layers;
    return [only.path.endsWith('.function') ? { ...only, path: 'activation' } : only];
  }
  const [first] = layers;
  if (layers.every(({ path, values }) => path.endsWith('.function') && values.every((v, i) => v === first.values[i])))
    return [{ path: 'activation', values: first.values }];
  const values = experiments.map((experiment) => modelName(partOf(experiment, 'model')) ?? null);
  const exact = experiments.map((_, i) => JSON.stringify(layers.map((each) => each.values[i])));
  const described = new Set(values.map((value, i) => `${exact[i]} ${value}`)).size;
  // If the descriptions do not distinguish all models, they are numbered.
  return [
    {
      path: 'model',
      values:
        new Set(values).size === described
          ? values
          : values.map((value, i) => `${value ?? 'model'} (${[...new Set(exact)].indexOf(exact[i]) + 1})`),
    },
  ];
}

/** The most settings in one name. */
const mostInName = 3;

export interface Named {
  readonly name: string;
  readonly seed: number | null;
}

/**
 * A name for each run, none twice: by the settings in which they differ, up to three; where more differ, the run's own name if no other has it, else that and the
 * first three. Seeds are numbered unless they are left out (`seeds` false: the caller takes the seeds of one setup together, and only different setups differ).
 */
export function namesByDifference(runs: readonly Named[], varied: readonly Varied[], seeds = true): string[] {
  const settings = (i: number, most: number): string =>
    varied
      .slice(0, most)
      .map(({ path, values }) => settingText(path, values[i]))
      .join(', ');
  const unique = new Set(runs.map(({ name }) => name)).size === runs.length;
  const isLong = varied.length > mostInName;
  const base = runs.map(({ name }, i) => {
    if (varied.length === 0) return seeds && !unique ? '' : name;
    if (!isLong) return settings(i, mostInName);
    return unique ? name : `${name}, ${settings(i, mostInName)}`;
  });
  const differs = new Set(runs.map(({ seed }) => seed)).size > 1;
  const numbered = base.map((text, i) => {
    const { seed, name } = runs[i];
    if (!seeds || !differs || seed === null || (isLong && unique) || (varied.length === 0 && unique))
      return text || name;
    return text === '' ? `seed ${seed}` : `${text}, seed ${seed}`;
  });
  const seen = new Map<string, number>();
  return numbered.map((text) => {
    const count = (seen.get(text) ?? 0) + 1;
    seen.set(text, count);
    return count === 1 ? text : `${text} (${count})`;
  });
}

/** The setting that makes the best axis: the number with the most values, else the name with the most; undefined if nothing differs. */
export function defaultAxis(varied: readonly Varied[]): string | undefined {
  const distinct = ({ values }: Varied): number => new Set(values).size;
  const isNumeric = ({ values }: Varied): boolean => values.every((value) => typeof value === 'number');
  return varied.toSorted((a, b) => Number(isNumeric(b)) - Number(isNumeric(a)) || distinct(b) - distinct(a))[0]?.path;
}

function partOf(experiment: unknown, key: string): unknown {
  return isObject(experiment) ? experiment[key] : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
