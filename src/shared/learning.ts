/** Whether a network that was trained has learned anything, from its training loss and the loss of the best constant prediction. */

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
/** Share of the constant prediction's loss below which a regression counts as fitted perfectly: single precision ends there. */
const perfectRegression = 1e-6;

/** Null where the data leave nothing to learn (all targets are the same), or the loss is no number. */
export function learningState({ loss, constant, accuracy }: LearningNumbers): LearningState | null {
  if (!(constant > 0 && Number.isFinite(loss))) return null;
  if (loss > (1 - leastGain) * constant) return 'did not learn';
  if (accuracy === null ? loss < perfectRegression * constant : accuracy === 1) return 'fits perfectly';
  return 'learned';
}

/** Why, as a sentence for the run's page; '' for a network that has simply learned. */
export function learningReason(state: LearningState, { loss, constant, accuracy }: LearningNumbers): string {
  const number = (value: number): string => Number(value.toPrecision(3)).toString();
  switch (state) {
    case 'learned':
      return '';
    case 'did not learn':
      return `The training loss ended at ${number(loss)}; the same prediction for every sample already reaches ${number(constant)}. Try another learning rate or initialisation. C and H are those of a network that tells nothing about the data.`;
    case 'fits perfectly':
      return accuracy === null
        ? `The training loss ended at ${loss.toExponential(1)}, at the limit of single precision: gradients, and with them C, are mostly rounding.`
        : `Every training sample is classified right (loss ${number(loss)}): gradients are small, and C is that of the few samples near the boundary.`;
    default:
      state satisfies never;
      throw new Error('unknown state of learning');
  }
}
