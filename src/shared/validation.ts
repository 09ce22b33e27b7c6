/** Parsing of `unknown` by a valibot schema; errors name the place, what was expected and what was found. */
import * as v from 'valibot';
import { InputError } from './errors.ts';

/**
 * The value that `schema` makes of `input`. Raises an InputError listing every issue (five at most), each as
 * "model.layers[2].units: expected ..., received ...", with `what` as the root's name.
 */
export function parseWith<const S extends v.GenericSchema>(schema: S, input: unknown, what: string): v.InferOutput<S> {
  const result = v.safeParse(schema, input, { abortPipeEarly: true });
  if (result.success) return result.output;
  const lines = [...new Set(result.issues.map((issue) => issueLine(issue, what)))];
  const more = lines.length > 5 ? `\n(and ${lines.length - 5} more)` : '';
  throw new InputError(lines.slice(0, 5).join('\n') + more);
}

function issueLine(issue: v.BaseIssue<unknown>, what: string): string {
  let place = what;
  for (const item of issue.path ?? []) {
    const key = item.key;
    // valibot treats an array as an object without fields.
    if (item.type === 'object' && Array.isArray(item.input)) return `${place}: expected an object, received an array`;
    place += typeof key === 'number' ? `[${key}]` : `.${String(key)}`;
  }
  if (issue.type === 'strict_object' && issue.received === 'undefined')
    return `${place}: expected this field, found nothing`;
  if (issue.expected === 'Object') return `${place}: expected an object, received ${issue.received}`;
  if (issue.type === 'strict_object' && issue.expected === 'never') return `${place}: unknown field`;
  // valibot's own sentence, where a schema has none: 'Invalid type: Expected ("a" | "b") but received "c"'.
  if (issue.message.startsWith('Invalid') && issue.expected !== null)
    return `${place}: expected ${expectedText(issue.expected)}, received ${issue.received}`;
  return `${place}: ${issue.message}`;
}

/** '("a" | "b" | "c")' as '"a", "b" or "c"'. */
function expectedText(expected: string): string {
  const choices = expected.replace(/^\((.*)\)$/, '$1').split(' | ');
  const last = choices.pop() ?? '';
  return choices.length === 0 ? last : `${choices.join(', ')} or ${last}`;
}

/** What to say of a choice (as valibot quotes it) that is none of `choices`, with the one that another spelling of its name may mean: "leaky_relu", "CrossEntropyLoss", "bce". */
export function notOneOf(choices: readonly string[], received: string): string {
  const expected = `expected one of ${choices.join(', ')}`;
  if (received === 'undefined') return `${expected}, found nothing`;
  const plain = received.toLowerCase().replace(/[^a-z0-9]/g, '').replace(/loss$/, ''); // prettier-ignore
  const initials = (name: string): string => name.replace(/([a-z0-9])[a-z0-9]*-?/g, '$1');
  const meant = choices.find(
    (name) => name.replaceAll('-', '') === plain || (name.includes('-') && initials(name) === plain),
  );
  return `${expected}, received ${received}${meant === undefined ? '' : `; did you mean "${meant}"?`}`;
}

/** Integer in [low, high]. */
export const integer = (low: number, high = Number.MAX_SAFE_INTEGER): v.GenericSchema<number> =>
  v.pipe(
    v.number(`expected an integer of at least ${low}`),
    v.check(
      (x) => Number.isSafeInteger(x) && x >= low && x <= high,
      (issue) => `expected an integer ${range(low, high)}, received ${issue.input}`,
    ),
  );

/** Finite number in [low, high]. */
export const real = (low = -Infinity, high = Infinity): v.GenericSchema<number> =>
  v.pipe(
    v.number('expected a number'),
    v.check(
      (x) => Number.isFinite(x) && x >= low && x <= high,
      (issue) => `expected a number ${range(low, high)}, received ${issue.input}`,
    ),
  );

/** Finite number > 0. */
export const positive: v.GenericSchema<number> = v.pipe(
  v.number('expected a number above 0'),
  v.check(
    (x) => Number.isFinite(x) && x > 0,
    (issue) => `expected a number above 0, received ${issue.input}`,
  ),
);

function range(low: number, high: number): string {
  const openEnd = high === Infinity || high === Number.MAX_SAFE_INTEGER;
  if (low === -Infinity && openEnd) return 'that is finite';
  return openEnd ? `of at least ${low}` : `from ${low} to ${high}`;
}

/** Parses JSON text; an InputError names `what` and where the text goes wrong. */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new InputError(`${what}: not valid JSON (${error instanceof Error ? error.message : String(error)})`);
  }
}

/** Parses JSON text; null if it is none. */
export function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
