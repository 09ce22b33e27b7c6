/** What the store reads off an experiment's JSON: fields to filter and sort by, the setup that runs of different seeds share, differences. */
import { createHash } from 'node:crypto';
import { InputError } from '../../shared/errors.ts';
import { describeModel, parseModel } from '../../shared/model.ts';
import type { Json, SummaryInput } from './types.ts';

/** Beyond so many fields an experiment is data, not settings; the rest stays in its JSON. */
const maximumFields = 200;
const maximumText = 200;

/** Fields of the experiment that say which run it is, not what is run. */
const notSetup: ReadonlySet<string> = new Set(['name', 'seed', 'seeds', 'description']);

/** JSON with sorted keys: equal values give equal texts. */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map((item: Json) => canonicalJson(item)).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value as Record<string, Json | undefined>).filter(([, item]) => item !== undefined);
    entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item!)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

/** 16 hexadecimal digits, equal for experiments that differ in name and seed alone. */
export function setupOf(experiment: Json): string {
  const setup = isObject(experiment)
    ? Object.fromEntries(Object.entries(experiment).filter(([key]) => !notSetup.has(key)))
    : experiment;
  return createHash('sha256').update(canonicalJson(setup)).digest('hex').slice(0, 16);
}

/** Leaves by dotted path, in the order of the JSON. A list without objects in it is one leaf, its JSON; lists of objects are numbered. */
export function leavesOf(value: Json, path = '', leaves = new Map<string, number | string | boolean>()) {
  if (Array.isArray(value)) {
    if (value.every((item) => item === null || typeof item !== 'object')) leaves.set(path, JSON.stringify(value));
    else value.forEach((item, index) => leavesOf(item as Json, `${path}[${index}]`, leaves));
  } else if (isObject(value)) {
    for (const [key, item] of Object.entries(value)) leavesOf(item, path === '' ? key : `${path}.${key}`, leaves);
  } else if (value !== null && value !== undefined) {
    leaves.set(path, value as number | string | boolean);
  }
  return leaves;
}

/**
 * The experiment's settings as summary keys: every leaf outside lists of objects (layers, measurements) by its dotted path, as
 * `optimiser.lr`; besides them `dataset` (its name, else its kind), `model` (784-50-50-10) and `loss` (the model's).
 */
export function fieldsOf(experiment: Json): Record<string, SummaryInput> {
  const fields: Record<string, SummaryInput> = {};
  let count = 0;
  for (const [path, leaf] of leavesOf(experiment)) {
    if (path === '' || path.includes('[') || path === 'name' || path === 'seed') continue;
    if (typeof leaf === 'string' && leaf.length > maximumText) continue;
    if (count++ === maximumFields) break;
    fields[path] = leaf;
  }
  if (isObject(experiment)) {
    const dataset = experiment['dataset'];
    const datasetName = isObject(dataset) ? (dataset['name'] ?? dataset['kind']) : dataset;
    if (typeof datasetName === 'string') fields['dataset'] = datasetName;
    const model = experiment['model'];
    const loss = isObject(model) ? model['loss'] : undefined;
    if (typeof loss === 'string') fields['loss'] = loss;
    const described = modelText(model);
    if (described !== undefined) fields['model'] = described;
  }
  return fields;
}

function modelText(model: Json | undefined): string | undefined {
  if (!isObject(model)) return undefined;
  try {
    return describeModel(parseModel(model));
  } catch (error) {
    // The store keeps experiments of other versions too, whose models this one need not know.
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

export function seedOf(experiment: Json): number | null {
  const seed = isObject(experiment) ? experiment['seed'] : null;
  return typeof seed === 'number' && Number.isSafeInteger(seed) ? seed : null;
}

/** The texts of an experiment, for the search. */
export function textsOf(experiment: Json): string {
  const texts = new Set<string>();
  for (const leaf of leavesOf(experiment).values()) if (typeof leaf === 'string') texts.add(leaf);
  return [...texts].join(' ').slice(0, 1000);
}

/**
 * The settings in which experiments differ: by path, one value an experiment, undefined where it has none. Equal ones are left out unless `all`.
 */
export function differencesOf(
  experiments: readonly Json[],
  all = false,
): Map<string, (number | string | boolean | undefined)[]> {
  const leaves = experiments.map((experiment) => leavesOf(experiment));
  const differences = new Map<string, (number | string | boolean | undefined)[]>();
  for (const own of leaves) {
    for (const path of own.keys()) {
      if (differences.has(path)) continue;
      const values = leaves.map((other) => other.get(path));
      if (all || values.some((value) => value !== values[0])) differences.set(path, values);
    }
  }
  return differences;
}

/** The text of a JSON value; raises `InputError` for what JSON does not hold (NaN, functions, cycles). */
export function jsonText(value: Json, name: string): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value, (key, item: unknown) => {
      if (typeof item === 'number' && !Number.isFinite(item)) {
        throw new InputError(`${name}: ${key || 'the value'} is ${item}, which JSON cannot hold`);
      }
      return item;
    });
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${name}: not JSON (${String(error)})`, { cause: error });
  }
  if (text === undefined) throw new InputError(`${name}: expected JSON, got ${typeof value}`);
  return text;
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
