/** Every position's vector to mean 0 and variance 1. */
import type { LayerNormSpec } from '../../shared/model.ts';
import type { Backend, Tensor } from '../backend/types.ts';
import { NormLayer } from './norm.ts';
import type { Weights } from './types.ts';

export class LayerNormLayer extends NormLayer {
  constructor(spec: LayerNormSpec, inputShape: readonly number[], weights: Weights) {
    super(spec, inputShape, weights, false);
  }

  protected override toGroups(_backend: Backend, x: Tensor): Tensor {
    return x;
  }

  protected override fromGroups(_backend: Backend, x: Tensor): Tensor {
    return x;
  }
}
