/**
 * Which tensor of a file belongs to which of the model. Names come from the layout; a beginning that all of them have in the file ("model.backbone.") is found; where modules are
 * called otherwise, a user says so by name, or has them taken in the order of the file.
 */
import { InputError } from '../shared/errors.ts';

/** A tensor of the model, the name that the layout gives it in a file, and the shape that it must have there. */
export interface ExpectedTensor<T extends { readonly name: string } = { readonly name: string }> {
  readonly target: T;
  readonly source: string;
  readonly sourceShape: readonly number[];
}

interface Shaped {
  readonly shape: readonly number[];
}

export interface NameChoice {
  /**
   * Names in the file by names of the model: a tensor's by a tensor's ("fc1.kernel": "0.weight"), or a module's by a layer's ("fc1": "0"). Default: none.
   */
  readonly names?: Readonly<Record<string, string>> | undefined;
  /** Layers take the file's modules one after the other, by their shapes. Default false. */
  readonly inOrder?: boolean | undefined;
}

/**
 * The expected tensors with their names in the file. What is missing keeps the layout's name, for the caller to say so. Raises InputError for names of no layer or tensor of the
 * model, and if the file's order does not fit.
 */
export function findTensors<E extends ExpectedTensor>(
  expected: readonly E[],
  places: ReadonlyMap<string, Shaped>,
  { names = {}, inOrder = false }: NameChoice = {},
): E[] {
  const ordered = inOrder ? orderedNames(places, expected) : {};
  if (ordered === null)
    throw new InputError(
      'the tensors of the file do not fit the layers in their order, by their shapes; name them one by one',
    );
  const given = { ...ordered, ...byTensor(names, expected) };
  const named = expected.map((each) => ({ ...each, source: given[each.target.name] ?? each.source }));
  const open = expected.filter(({ target }) => given[target.name] === undefined).map(({ source }) => source);
  const prefix = commonPrefix(open, places);
  if (prefix === '') return named;
  return named.map((each) =>
    given[each.target.name] === undefined ? { ...each, source: `${prefix}${each.source}` } : each,
  );
}

/** Names by tensors of the model, those given for a whole layer among them. */
function byTensor(
  names: Readonly<Record<string, string>>,
  expected: readonly ExpectedTensor[],
): Record<string, string> {
  const sources: Record<string, string> = {};
  for (const [key, name] of Object.entries(names)) {
    const tensor = expected.find(({ target }) => target.name === key);
    if (tensor !== undefined) {
      sources[key] = name;
      continue;
    }
    const layer = expected.filter(
      ({ source, target }) => target.name.startsWith(`${key}.`) && source.startsWith(`${key}.`),
    );
    if (layer.length === 0) {
      const layers = [...new Set(expected.map(({ source }) => ownerOf(source)))].join(', ');
      throw new InputError(`"${key}": the model has no layer or tensor of that name; it has ${layers}`);
    }
    for (const { source, target } of layer) sources[target.name] ??= `${name}${source.slice(key.length)}`;
  }
  return sources;
}

/** What stands before all of the names in the file, ending in a dot; empty if they are there as they are, or none fits all. */
export function commonPrefix(names: readonly string[], places: ReadonlyMap<string, unknown>): string {
  const [first] = names;
  if (first === undefined || names.every((name) => places.has(name))) return '';
  const prefixes = [...places.keys()].flatMap((key) =>
    key.endsWith(`.${first}`) ? [key.slice(0, -first.length)] : [],
  );
  const fitting = prefixes.filter((prefix) => names.every((name) => places.has(`${prefix}${name}`)));
  return fitting.length === 1 ? fitting[0] : '';
}

/**
 * Names for the layers one after the other if the file calls them otherwise ("0.weight", "2.weight"): its tensors are taken in groups of one prefix, in the
 * order of the numbers in them (files are sorted by letters), and a layer takes the next group that has what it needs in the right shapes. Null if none is left.
 */
export function orderedNames(
  places: ReadonlyMap<string, Shaped>,
  expected: readonly ExpectedTensor[],
): Record<string, string> | null {
  const groups = grouped([...places.keys()]).toSorted(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
  const names: Record<string, string> = {};
  let at = 0;
  for (const [, layer] of grouped(expected.map(({ source }) => source))) {
    const layerTensors = expected.filter(({ source }) => layer.includes(source));
    const nameIn = (prefix: string, source: string): string => `${prefix}${source.slice(source.lastIndexOf('.'))}`;
    const fits = (prefix: string): boolean =>
      layerTensors.every(
        ({ source, sourceShape }) => places.get(nameIn(prefix, source))?.shape.join() === sourceShape.join(),
      );
    while (at < groups.length && !fits(groups[at][0])) at++;
    if (at === groups.length) return null;
    for (const { target, source } of layerTensors) names[target.name] = nameIn(groups[at][0], source);
    at++;
  }
  return names;
}

/** What stands before a name's last dot. */
function ownerOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('.')));
}

/** Names by what stands before their last dot, in the order of their first. */
function grouped(names: readonly string[]): [string, string[]][] {
  const groups = new Map<string, string[]>();
  for (const name of names) groups.set(ownerOf(name), [...(groups.get(ownerOf(name)) ?? []), name]);
  return [...groups];
}

/** Advice for a user whose names do not fit. */
export const namingAdvice =
  'call the layers of the model as the modules are called there ("encoder.0.fc1"), or say which is which: --map FILE with {"layer": "module", ...} as JSON, or --match order ' +
  '(one after the other, by their shapes)';
