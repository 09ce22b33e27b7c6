/** What the store derives from an experiment's JSON: fields to filter and sort by, the setup that runs of different seeds share, differences. */
import { createHash } from 'node:crypto';
import { InputError } from '../../shared/errors.ts';
import { datasetName, leavesOf, modelName } from '../../shared/varied.ts';
import type { Json, SummaryInput } from './types.ts';

/** Beyond this many fields an experiment is data, not settings; the rest stays only in its JSON. */
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

/**
 * The experiment's settings as summary keys: every leaf outside lists of objects (layers, measurements) by its dotted path, as
 * `optimiser.lr`; besides them `dataset` (its name), `model` (784-50-50-10) and `loss` (the model's, by its type).
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
    const dataset = datasetName(experiment['dataset']);
    if (dataset !== undefined) fields['dataset'] = dataset;
    const model = experiment['model'];
    const loss = isObject(model) ? model['loss'] : undefined;
    // A loss with settings goes by its type too.
    const type = isObject(loss) ? loss['type'] : loss;
    if (typeof type === 'string') {
      fields['loss'] = type;
      fields['model.loss'] = type;
    }
    const described = model === undefined ? undefined : modelName(model);
    if (described !== undefined) fields['model'] = described;
    const activation = activationOf(model);
    if (activation !== undefined) fields['activation'] = activation;
  }
  return fields;
}

/** The one function of all activations of a model; undefined if there are several or none. */
function activationOf(model: Json | undefined): string | undefined {
  const functions = new Set(
    [...leavesOf(model)].flatMap(([path, leaf]) => (path.endsWith('.function') ? String(leaf) : [])),
  );
  return functions.size === 1 ? [...functions][0] : undefined;
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

/** The text of a JSON value; raises `InputError` for what JSON does not hold (NaN, functions, cycles). */
export function jsonText(value: Json, name: string): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value, (_key, item: unknown) => {
      if (typeof item === 'number' && !Number.isFinite(item))
        throw new InputError(`${name}: ${notFinite(value) || 'the value'} is ${item}, which JSON cannot hold`);
      return item;
    });
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${name}: not JSON (${String(error)})`, { cause: error });
  }
  if (text === undefined) throw new InputError(`${name}: expected JSON, got ${typeof value}`);
  return text;
}

/** Where the first number stands that is not finite: "fits[2].gamma"; null if there is none. */
function notFinite(value: unknown, path = ''): string | null {
  if (typeof value === 'number') return Number.isFinite(value) ? null : path;
  if (typeof value !== 'object' || value === null) return null;
  for (const [key, item] of Object.entries(value)) {
    const place = Array.isArray(value) ? `[${key}]` : path === '' ? key : `.${key}`;
    const fault = notFinite(item, path + place);
    if (fault !== null) return fault;
  }
  return null;
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
