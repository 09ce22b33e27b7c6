/** Every position's vector divided by the root of the mean of its squares (Zhang & Sennrich 2019): no mean is taken out. */
import type { RmsNormSpec } from '../../shared/model.ts';
import type { Backend, Tensor } from '../backend/types.ts';
import { NormLayer } from './norm.ts';
import type { Standardised } from './norm.ts';
import type { Weights } from './types.ts';

export class RmsNormLayer extends NormLayer {
  constructor(spec: RmsNormSpec, inputShape: readonly number[], weights: Weights) {
    super({ ...spec, bias: false }, inputShape, weights, false);
  }

  protected override standardise(backend: Backend, x: Tensor): Standardised {
    const squares = backend.scale(backend.rowDot(x, x), 1 / x.cols);
    const rstd = backend.inverseRoot(squares, this.epsilon);
    return { hat: backend.scaleRows(x, rstd), rstd };
  }

  protected override movingJacobian(backend: Backend, u: Tensor, hat: Tensor, rstd: Tensor): Tensor {
    const along = backend.scaleRows(hat, backend.scale(backend.rowDot(u, hat), 1 / hat.cols));
    return backend.scaleRows(backend.subtract(u, along), rstd);
  }

  protected override toGroups(_backend: Backend, x: Tensor): Tensor {
    return x;
  }

  protected override fromGroups(_backend: Backend, x: Tensor): Tensor {
    return x;
  }
}
