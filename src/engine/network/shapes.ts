/** Shapes of one sample: images [height, width, channels], sequences [tokens, width], vectors [width]; and windows over images. */
import { InputError } from '../../shared/errors.ts';
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
  readonly kernel: readonly [number, number];
  readonly stride: number;
  readonly padding: 'valid' | 'same';
}

/** Raises InputError, naming the layer, where not one whole window fits the image. */
export function windowOver(shape: readonly number[], choice: WindowChoice, who: string): Window2d {
  const [height, width, channels] = imageShape(shape, who);
  const { kernel, stride, padding } = choice;
  if (padding === 'valid' && (kernel[0] > height || kernel[1] > width)) {
    throw new InputError(
      `${who}: a window of ${kernel[0]} x ${kernel[1]} does not fit images of shape [${shape.join(', ')}]`,
    );
  }
  const along = (size: number, window: number): { out: number; before: number } => {
    if (padding === 'valid') return { out: Math.floor((size - window) / stride) + 1, before: 0 };
    const out = Math.ceil(size / stride);
    return { out, before: Math.floor(Math.max(0, (out - 1) * stride + window - size) / 2) };
  };
  const vertical = along(height, kernel[0]);
  const horizontal = along(width, kernel[1]);
  return {
    height,
    width,
    channels,
    kernelHeight: kernel[0],
    kernelWidth: kernel[1],
    stride,
    padTop: vertical.before,
    padLeft: horizontal.before,
    outHeight: vertical.out,
    outWidth: horizontal.out,
  };
}
