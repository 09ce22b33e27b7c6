/** Reading what any version of the window stored. */
import * as v from 'valibot';

/** A function that reads a stored value; undefined if it is nothing of the kind. A field with a `v.fallback` falls back alone. */
export function readerOf<S extends v.GenericSchema>(schema: S): (stored: unknown) => v.InferOutput<S> | undefined {
  return (stored) => {
    const read = v.safeParse(schema, stored);
    return read.success ? read.output : undefined;
  };
}
