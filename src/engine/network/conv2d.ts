/**
 * Convolution of images: the places under each window as one row (im2col), times the kernel [kh * kw * in, filters]. A pass in training, after which no tangents are
 * taken, lets the backend decide how many of those rows exist at once.
 */
import type { Conv2dSpec } from '../../shared/model.ts';
import type { Backend, Tensor, Window2d } from '../backend/types.ts';
import { AffineLayer } from './affine.ts';
import { windowOver } from './shapes.ts';
import { sumRows, weightOf } from './types.ts';
import type { Sink, TrainingPass, Weights } from './types.ts';

export class Conv2dLayer extends AffineLayer {
  readonly spec: Conv2dSpec;
  readonly window: Window2d;
  readonly #values: Weights;
  /** The input of a pass in training, which makes no patches. */
  #image: Tensor | null = null;

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
    this.#values = weights;
    this.window = window;
  }

  override forward(backend: Backend, x: Tensor, training?: TrainingPass): Tensor {
    this.#image = null;
    if (training === undefined || backend.convolve === undefined) return super.forward(backend, x);
    this.#image = x;
    const bias = this.bias === null ? null : weightOf(this.#values, this.bias);
    return backend.convolve(x, weightOf(this.#values, this.kernel), bias, this.window);
  }

  override backward(backend: Backend, dy: Tensor, sink: Sink, needInput: boolean): Tensor | null {
    const x = this.#image;
    if (x === null || backend.convolveBack === undefined) return super.backward(backend, dy, sink, needInput);
    const kernel = weightOf(this.#values, this.kernel);
    const isBoth = needInput && sink !== null;
    const both = isBoth ? (backend.convolutionGradients?.(x, dy, kernel, this.window) ?? null) : null;
    const dx = both?.dx ?? (needInput ? backend.convolveBack(dy, kernel, this.window) : null);
    if (sink !== null) {
      if (both !== null) sink.add(this.kernel, both.gradient);
      else if (sink.convolution !== undefined) sink.convolution(this.kernel, x, dy, this.window);
      else sink.product(this.kernel, backend.patches(x, this.window), true, dy, false);
      if (this.bias !== null) sumRows(backend, sink, this.bias, () => dy);
    }
    return dx;
  }

  protected override gather(backend: Backend, x: Tensor): Tensor {
    return backend.patches(x, this.window);
  }

  protected override scatter(backend: Backend, columns: Tensor): Tensor {
    return backend.scatterPatches(columns, this.window);
  }
}
