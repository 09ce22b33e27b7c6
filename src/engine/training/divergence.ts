/**
 * When training counts as diverged. The measure is the mean loss over the training set, compared with a reference that a sensible run does not stay above: the
 * larger of the loss before training and the loss of the best constant prediction (which needs no network at all).
 *   - a loss that is NaN or infinite: at once;
 *   - more than 1,000 times the reference at the end of any epoch: at once;
 *   - more than 10 times the reference at the end of the training: then.
 * A large learning rate may well lift the loss for a while before it settles (Lewkowycz et al., "The large learning rate phase of deep learning: the catapult
 * mechanism", 2020), hence the wide margin on the way. The rule looks at one loss alone, so a run that was interrupted and resumed ends like one that was not.
 */

/** Times the reference. */
export const divergenceLimits = { onTheWay: 1000, atTheEnd: 10 } as const;

/**
 * Why a run with this mean training loss has diverged, in words that follow "the loss "; null if it has not.
 * @param initial the loss before training; NaN if it is not known
 * @param constant the loss of the best constant prediction over the training set (`SampleLoss.constant`)
 */
export function divergence(loss: number, initial: number, constant: number, isEnd: boolean): string | null {
  if (!Number.isFinite(loss)) return `became ${loss}`;
  const reference = Number.isFinite(initial) ? Math.max(initial, constant) : constant;
  const limit = isEnd ? divergenceLimits.atTheEnd : divergenceLimits.onTheWay;
  if (!(reference > 0 && loss > limit * reference)) return null;
  const what = reference === initial ? 'the loss before training' : 'the loss of a constant prediction';
  return `rose to ${loss.toPrecision(3)}, over ${limit} times ${what} (${reference.toPrecision(3)}),`;
}
