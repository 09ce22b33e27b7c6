/** Shapes of one sample: images [height, width, channels], sequences [tokens, width], vectors [width]; and windows over images. */
import { InputError } from '../../shared/errors.ts';
import { pairOf, sidesOf } from '../../shared/model.ts';
import type { NumericPadding, Size2d } from '../../shared/model.ts';
import type { Window2d } from '../backend/types.ts';

/** Raises InputError, naming the layer, unless the shape is an image's. */
export function imageShape(shape: readonly number[], who: string): readonly [number, number, number] {
  if (shape.length !== 3) {
    throw new InputError(
      `${who} got an input of shape [${shape.join(', ')}]; expected images [height, width, channels]`,
    );
  }
  return shape as unknown as readonly [number, number, number];
}

/** Raises InputError, naming the layer, unless the shape is a sequence's. */
export function sequenceShape(shape: readonly number[], who: string): readonly [number, number] {
  if (shape.length !== 2)
    throw new InputError(`${who} got an input of shape [${shape.join(', ')}]; expected a sequence [tokens, width]`);
  return shape as unknown as readonly [number, number];
}

export interface WindowChoice {
  readonly kernel: Size2d;
  readonly stride: Size2d;
  readonly padding: 'valid' | 'same' | NumericPadding;
  readonly dilation?: Size2d | undefined;
  /** Whether windows that reach over the end count, as PyTorch's ceil_mode has it; default false. */
  readonly ceil?: boolean | undefined;
}

/** Where windows lie along one axis. */
interface Along {
  readonly out: number;
  readonly before: number;
  readonly after: number;
}

/** Raises InputError, naming the layer, if not one whole window fits the image. */
export function windowOver(shape: readonly number[], choice: WindowChoice, who: string): Window2d {
  const [height, width, channels] = imageShape(shape, who);
  const [kernel, stride, dilation] = [pairOf(choice.kernel), pairOf(choice.stride), pairOf(choice.dilation ?? 1)];
  const spans = [0, 1].map((axis) => (kernel[axis] - 1) * dilation[axis] + 1);
  const along = (axis: 0 | 1): Along => windowsAlong([height, width][axis], spans[axis], stride[axis], choice, axis);
  const [vertical, horizontal] = [along(0), along(1)];
  if (vertical.out < 1 || horizontal.out < 1) {
    const zeros = vertical.before + vertical.after + horizontal.before + horizontal.after > 0;
    throw new InputError(
      `${who}: a window of ${spans[0]} x ${spans[1]} does not fit images of shape [${shape.join(', ')}]${zeros ? ' with their padding' : ''}`,
    );
  }
  return {
    height,
    width,
    channels,
    kernelHeight: kernel[0],
    kernelWidth: kernel[1],
    strideY: stride[0],
    strideX: stride[1],
    dilationY: dilation[0],
    dilationX: dilation[1],
    padTop: vertical.before,
    padLeft: horizontal.before,
    outHeight: vertical.out,
    outWidth: horizontal.out,
  };
}

/** @param span places from a window's first to its last, both counted */
function windowsAlong(size: number, span: number, stride: number, choice: WindowChoice, axis: 0 | 1): Along {
  const { padding } = choice;
  if (padding === 'same') {
    const out = Math.ceil(size / stride);
    const all = Math.max(0, (out - 1) * stride + span - size);
    return { out, before: Math.floor(all / 2), after: Math.ceil(all / 2) };
  }
  const [before, after] = padding === 'valid' ? [0, 0] : sidesOf(padding)[axis];
  const room = size + before + after - span;
  if (room < 0) return { out: 0, before, after };
  if (choice.ceil !== true) return { out: Math.floor(room / stride) + 1, before, after };
  const out = Math.ceil(room / stride) + 1;
  // The last one must begin within the image or the padding before it.
  return { out: (out - 1) * stride >= size + before ? out - 1 : out, before, after };
}

/** Numbers of the shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
