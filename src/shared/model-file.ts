/** What a `.covature-model` file records of a pass in PyTorch, and the result of checking it, also in words. */

/** Every s-th number of an array, s the smallest that keeps at most 4096. */
interface SpreadValues {
  readonly values: Float64Array;
}

/** What PyTorch computed in double precision for the first m samples of the data. */
export interface RecordedPass {
  readonly samples: number;
  /** [m, outputs]. */
  readonly outputs: Float64Array;
  /** [m]. */
  readonly losses: Float64Array;
  /** Of the first sample's loss, by parameter. */
  readonly gradients: ReadonlyMap<string, SpreadValues>;
  /** What layers gave for the first sample, in the order of the model, with the module that the layer was in PyTorch. */
  readonly layers: readonly (SpreadValues & { readonly place: string; readonly module: string })[];
  /** Relative errors below this are agreement. */
  readonly tolerance: number;
}

export interface ModelFileCheck {
  /** Largest relative error of outputs, losses and a sample's gradient against PyTorch's, in double precision. */
  readonly error: number;
  readonly outputs: number;
  readonly losses: number;
  readonly gradients: number;
  /** Samples compared. */
  readonly samples: number;
  readonly torch: string;
}

/**
 * "agrees with PyTorch 2.13.0 to 4e-16 (outputs and losses of 4 samples, and one sample's gradient)".
 * @param numberText formats a number; by default as programs write it
 */
export function agreementText(
  { error, samples, torch }: ModelFileCheck,
  numberText: (value: number) => string = (value) => value.toExponential(0),
): string {
  const to = error === 0 ? 'the last bit' : numberText(error);
  return `agrees with PyTorch ${torch} to ${to} (outputs and losses of ${samples} sample${samples === 1 ? '' : 's'}, and one sample's gradient)`;
}
