/** Whether a trained network has learned anything, judged by its training loss and the loss of the best constant prediction. */

export type LearningState = 'learned' | 'did not learn' | 'fits perfectly';

export interface LearningNumbers {
  /** Mean training loss at the end. */
  readonly loss: number;
  /** Of the best prediction that is the same for every sample (`constantLoss`, src/engine/training/divergence.ts). */
  readonly constant: number;
  /** On the training set, 0 to 1; null for a regression. */
  readonly accuracy: number | null;
}

/** Share of the constant prediction's loss that has to be gained for anything to count as learned. */
export const leastGain = 0.01;
/** Share of the constant prediction's loss below which a regression counts as fitted perfectly: the limit of single precision. */
const perfectRegression = 1e-6;

/** Null if the data leave nothing to learn (all targets are equal) or the loss is not a number. */
export function learningState({ loss, constant, accuracy }: LearningNumbers): LearningState | null {
  if (!(constant > 0 && Number.isFinite(loss))) return null;
  if (loss > (1 - leastGain) * constant) return 'did not learn';
  if (accuracy === null ? loss < perfectRegression * constant : accuracy === 1) return 'fits perfectly';
  return 'learned';
}

/** An explanation for the run's page; '' for a network that has simply learned. */
export function learningReason(state: LearningState, { loss, constant, accuracy }: LearningNumbers): string {
  const number = (value: number): string => Number(value.toPrecision(3)).toString();
  switch (state) {
    case 'learned':
      return '';
    case 'did not learn':
      return `The training loss ended at ${number(loss)}; the same prediction for every sample already reaches ${number(constant)}. Try another learning rate or initialisation. C and H are those of a network that has learned nothing about the data.`;
    case 'fits perfectly':
      return accuracy === null
        ? `The training loss ended at ${loss.toExponential(1)}, at the limit of single precision: the gradients, and therefore C, are mostly rounding error.`
        : `Every training sample is classified correctly (loss ${number(loss)}): gradients are small, and C is that of the few samples near the boundary.`;
    default:
      state satisfies never;
      throw new Error('unknown state of learning');
  }
}
