/** The result of checking a `.covature-model` file, also in words. */

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
