/** What readers and generators yield, before subsets, scaling and the rest (prepare.ts) make a `Dataset` of it. */

export type RawInputs = Uint8Array | Float32Array | Float64Array;

/** One target a sample: a class number, or a vector of `width` numbers (row-major [count, width]). */
export type Targets =
  | { readonly kind: 'classes'; readonly values: Int32Array }
  | { readonly kind: 'vectors'; readonly values: Float64Array; readonly width: number };

export interface RawPart {
  readonly count: number;
  /** [count, ...shape], row-major. */
  readonly inputs: RawInputs;
  readonly targets: Targets;
  /** Where it came from (a path, or the generator's name), for errors. */
  readonly source: string;
}

export interface RawDataset {
  readonly name: string;
  /** Of one sample: [height, width, channels], [tokens, width] or [features]. */
  readonly shape: readonly number[];
  /** Names of the classes; null where the targets are vectors. */
  readonly classes: readonly string[] | null;
  readonly train: RawPart;
  readonly test: RawPart | null;
}
