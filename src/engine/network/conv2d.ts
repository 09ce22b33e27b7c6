/** Convolution of images: the places under each window as one row (im2col), times the kernel [kh * kw * in, filters]. */
import type { Conv2dSpec } from '../../shared/model.ts';
import type { Backend, Tensor, Window2d } from '../backend/types.ts';
import { AffineLayer } from './affine.ts';
import { windowOver } from './shapes.ts';
import type { Weights } from './types.ts';

export class Conv2dLayer extends AffineLayer {
  readonly spec: Conv2dSpec;
  readonly window: Window2d;

  /** Raises InputError unless the input is images that hold a window. */
  constructor(spec: Conv2dSpec, inputShape: readonly number[], weights: Weights) {
    const window = windowOver(inputShape, spec, `layer "${spec.name}" (conv2d)`);
    const area = spec.kernel[0] * spec.kernel[1];
    super(
      {
        name: spec.name,
        kind: 'conv2d',
        kernelShape: [...spec.kernel, window.channels, spec.filters],
        inner: area * window.channels,
        outer: spec.filters,
        fanIn: area * window.channels,
        fanOut: area * spec.filters,
        bias: spec.bias,
        positions: window.outHeight * window.outWidth,
        outputShape: [window.outHeight, window.outWidth, spec.filters],
      },
      weights,
    );
    this.spec = spec;
    this.window = window;
  }

  protected override gather(backend: Backend, x: Tensor): Tensor {
    return backend.patches(x, this.window);
  }

  protected override scatter(backend: Backend, columns: Tensor): Tensor {
    return backend.scatterPatches(columns, this.window);
  }
}
