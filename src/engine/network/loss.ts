/**
 * Losses of one sample from the network's output y [samples, k] and targets T [samples, k] (one-hot rows for classes), with their four maps.
 *   cross-entropy:      l = logsumexp(y) - y_target,  dl/dy = q - T,  S = diag(q) - q q^T   (q = softmax(y))
 *   mean squared error: l = 1/2 sum_k (y_k - t_k)^2,  dl/dy = y - T,  S = identity         (no division by the number of outputs)
 */
import type { LossName } from '../../shared/model.ts';
import type { Backend, Tensor } from '../backend/types.ts';

/** [samples, 1]: l_p. */
export function lossValues(backend: Backend, loss: LossName, y: Tensor, targets: Tensor): Tensor {
  switch (loss) {
    case 'cross-entropy':
      return backend.subtract(backend.logSumExp(y), backend.rowDot(y, targets));
    case 'mse': {
      const residual = backend.subtract(y, targets);
      return backend.scale(backend.rowDot(residual, residual), 0.5);
    }
    default:
      loss satisfies never;
      throw new Error(`unknown loss ${String(loss)}`);
  }
}

/** dl_p/dy, one row a sample, times `factor` (1/B for the gradient of a batch's mean loss). */
export function lossGradient(backend: Backend, loss: LossName, y: Tensor, targets: Tensor, factor = 1): Tensor {
  const prediction = loss === 'cross-entropy' ? backend.softmax(y) : y;
  const delta = backend.subtract(prediction, targets);
  return factor === 1 ? delta : backend.scale(delta, factor);
}

/** `lossValues` and `lossGradient` together, in one pass where the backend has one. */
export function lossAndGradient(
  backend: Backend,
  loss: LossName,
  y: Tensor,
  targets: Tensor,
  factor: number,
): { readonly losses: Tensor; readonly gradient: Tensor } {
  if (loss === 'cross-entropy' && backend.crossEntropy !== undefined) return backend.crossEntropy(y, targets, factor);
  return {
    losses: lossValues(backend, loss, y, targets),
    gradient: lossGradient(backend, loss, y, targets, factor),
  };
}

/** S_p y dot: the derivative of dl_p/dy along y dot. */
export function lossCurvature(backend: Backend, loss: LossName, y: Tensor, yDot: Tensor): Tensor {
  if (loss === 'mse') return yDot;
  const q = backend.softmax(y);
  const centred = backend.subtract(backend.multiply(q, yDot), backend.scaleRows(q, backend.rowDot(q, yDot)));
  return centred;
}
