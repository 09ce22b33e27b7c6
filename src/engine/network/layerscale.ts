/** The last axis times a learned vector (Touvron et al. 2021): only the gain of a normalisation. */
import type { LayerScaleSpec } from '../../shared/model.ts';
import type { Backend, Tensor } from '../backend/types.ts';
import { NormLayer } from './norm.ts';
import type { Standardised } from './norm.ts';
import type { Weights } from './types.ts';

export class LayerScaleLayer extends NormLayer {
  constructor(spec: LayerScaleSpec, inputShape: readonly number[], weights: Weights) {
    super({ ...spec, bias: false }, inputShape, weights, true);
  }

  protected override standardise(_backend: Backend, x: Tensor): Standardised {
    return { hat: x, rstd: null };
  }

  protected override constantJacobian(_backend: Backend, u: Tensor): Tensor {
    return u;
  }

  protected override toGroups(_backend: Backend, x: Tensor): Tensor {
    return x;
  }

  protected override fromGroups(_backend: Backend, x: Tensor): Tensor {
    return x;
  }
}
