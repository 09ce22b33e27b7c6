/** z = W^T a + b on every position: as matrices Z = A W + b. W [in, out], b [1, out]. */
import type { DenseSpec } from '../../shared/model.ts';
import type { Backend, Tensor } from '../backend/types.ts';
import { AffineLayer } from './affine.ts';
import { sizeOf } from './shapes.ts';
import type { Weights } from './types.ts';

export class DenseLayer extends AffineLayer {
  /** On every vector of a sequence, and on every place of an image. */
  constructor(spec: DenseSpec, inputShape: readonly number[], weights: Weights) {
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
        positions: sizeOf(inputShape.slice(0, -1)),
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
