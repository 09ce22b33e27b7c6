/** z = W^T a + b on every position: as matrices Z = A W + b. W [in, out], b [1, out]. */
import { InputError } from '../../shared/errors.ts';
import type { DenseSpec } from '../../shared/model.ts';
import type { Backend, Tensor } from '../backend/types.ts';
import { AffineLayer } from './affine.ts';
import type { Weights } from './types.ts';

export class DenseLayer extends AffineLayer {
  /** Raises InputError for an image input (a flatten is missing). */
  constructor(spec: DenseSpec, inputShape: readonly number[], weights: Weights) {
    if (inputShape.length === 3) {
      throw new InputError(
        `layer "${spec.name}" (dense) got images of shape [${inputShape.join(', ')}]; expected vectors or a sequence: put {"type": "flatten"} before it`,
      );
    }
    const inner = inputShape[inputShape.length - 1];
    super(
      {
        name: spec.name,
        kind: 'dense',
        kernelShape: [inner, spec.units],
        inner,
        outer: spec.units,
        fanIn: inner,
        fanOut: spec.units,
        bias: spec.bias,
        positions: inputShape.length === 2 ? inputShape[0] : 1,
        outputShape: [...inputShape.slice(0, -1), spec.units],
      },
      weights,
    );
  }

  protected override gather(_backend: Backend, x: Tensor): Tensor {
    return x;
  }

  protected override scatter(_backend: Backend, columns: Tensor): Tensor {
    return columns;
  }
}
