/** Layers y = M x without parameters: the four maps are products with M and its transpose. */
import type { Backend, Tensor } from '../backend/types.ts';
import type { Direction, Layer, Sink, Tangent, TrainingPass } from './types.ts';

/** A layer y = M x without parameters, M fixed by the last forward pass. */
export abstract class LinearLayer implements Layer {
  readonly label: string;
  readonly parameters = [];
  readonly outputShape: readonly number[];
  readonly isPiecewiseLinear = true;

  constructor(label: string, outputShape: readonly number[]) {
    this.label = label;
    this.outputShape = outputShape;
  }

  /** M is constant unless a kind overrides this. */
  forward(backend: Backend, x: Tensor, _training?: TrainingPass): Tensor {
    return this.map(backend, x);
  }

  /** M x. */
  protected abstract map(backend: Backend, x: Tensor): Tensor;
  /** M^T y. */
  protected abstract transpose(backend: Backend, y: Tensor): Tensor;

  backward(backend: Backend, dy: Tensor, _sink: Sink, needInput: boolean): Tensor | null {
    return needInput ? this.transpose(backend, dy) : null;
  }

  tangentForward(backend: Backend, xDot: Tangent, _direction: Direction): Tangent {
    return xDot === null ? null : this.map(backend, xDot);
  }

  tangentBackward(backend: Backend, dyDot: Tangent, _direction: Direction, _sink: Sink, needInput: boolean): Tangent {
    return needInput && dyDot !== null ? this.transpose(backend, dyDot) : null;
  }
}
