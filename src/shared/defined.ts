/** Optional fields. In the program's own option types they may also be undefined, so that options can be passed on unchanged; in file formats a field is either present or absent. */

/** T with every field optional, and undefined wherever it may be absent. */
export type Optional<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** T with fields that may be set. */
export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** T without undefined: what may be undefined is optional instead. */
export type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** A copy without the fields that are undefined. */
export function definedOf<const T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}
