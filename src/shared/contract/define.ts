/** The form of an entry in the table of methods. */
import * as v from 'valibot';

export interface MethodDefinition<S extends v.GenericSchema, R> {
  /** The schema that parses the parameters on the main side, in every shell. */
  readonly schema: S;
  /** Exists only in the types. */
  readonly result?: R;
}

/** `method<Result>()(schema)`: two steps, so that the schema's type is inferred. */
export function method<R>() {
  return <const S extends v.GenericSchema>(schema: S): MethodDefinition<S, R> => ({ schema });
}

export const id = v.pipe(
  v.string('expected an id'),
  v.regex(/^[0-9A-Za-z_-]{1,64}$/, 'expected an id of letters, digits, "-" and "_"'),
);

/** The token by which a window follows or stops a request: random, never used twice. */
export const token = v.pipe(id, v.minLength(8, 'expected a token of at least 8 characters'));

/** Ids of the items that a bulk action applies to. */
export const ids = v.pipe(
  v.array(id, 'expected a list of ids'),
  v.minLength(1, 'expected at least one id'),
  v.maxLength(20_000, 'expected at most 20,000 ids'),
);

export const textUpTo = (longest: number): v.GenericSchema<string> =>
  v.pipe(v.string('expected text'), v.maxLength(longest, `expected at most ${longest} characters`));

/** A name of 1 to 200 characters, spaces at its ends taken off. */
export const name = v.pipe(
  v.string('expected a name'),
  v.trim(),
  v.minLength(1, 'expected a name'),
  v.maxLength(200, 'expected at most 200 characters'),
);

/** Fields, columns, summary keys. */
export const key = v.pipe(v.string('expected a name'), v.minLength(1), v.maxLength(200));
export const keys = (most: number) =>
  v.pipe(v.array(key, 'expected a list of names'), v.maxLength(most, `expected at most ${most}`));

export const tag = name;
export const tags = v.pipe(v.array(tag, 'expected a list of tags'), v.maxLength(100));

/** No parameters. */
export const none = v.strictObject({});
