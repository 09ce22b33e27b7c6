/** Layers that look at windows of images, for the oracle. */
import type { LayerSpec } from '../../shared/model.ts';
import { add, multiply, scale } from './hyper-dual.ts';
import type { HyperDual } from './hyper-dual.ts';
import { mean, positions, zero } from './values.ts';
import type { DualWeights, Values } from './values.ts';

type Of<T extends LayerSpec['type']> = Extract<LayerSpec, { readonly type: T }>;

/** Windows along one axis of n places: how many, and where the first begins. */
interface Windows {
  readonly count: number;
  readonly first: number;
  /** Places around the image that count as zeros, after it. */
  readonly after: number;
}

function numbers(size: number | readonly [number, number], axis: 0 | 1): number {
  return typeof size === 'number' ? size : size[axis];
}

function around(padding: Exclude<Of<'conv2d'>['padding'], string>, axis: 0 | 1): readonly [number, number] {
  if (typeof padding === 'number') return [padding, padding];
  const side = padding[axis];
  return typeof side === 'number' ? [side, side] : side;
}

/** By trying one window after the other; `reach`: places from a window's first to its last. */
function windows(
  n: number,
  reach: number,
  step: number,
  padding: Of<'conv2d'>['padding'],
  axis: 0 | 1,
  ceil = false,
): Windows {
  if (padding === 'same') {
    const count = Math.ceil(n / step);
    const zeros = Math.max(0, (count - 1) * step + reach - n);
    return { count, first: -Math.floor(zeros / 2), after: zeros - Math.floor(zeros / 2) };
  }
  const [before, after] = padding === 'valid' ? [0, 0] : around(padding, axis);
  let count = 0;
  for (let start = -before; ceil ? start < n + after : start + reach <= n + after; start += step) {
    // Beyond the image a window that reaches over the end no longer counts, nor one after another that reached it.
    if (ceil && (start >= n || (count > 0 && start - step + reach >= n + after))) break;
    count++;
  }
  return { count, first: -before, after };
}

export function convolve(layer: Of<'conv2d'>, weights: DualWeights, { shape, x }: Values): Values {
  const [height, width, channels] = shape;
  const [kh, kw] = layer.kernel;
  const { filters } = layer;
  const groups = layer.groups ?? 1;
  const [sy, sx] = [numbers(layer.stride, 0), numbers(layer.stride, 1)];
  const [dy, dx] = [numbers(layer.dilation ?? 1, 0), numbers(layer.dilation ?? 1, 1)];
  const down = windows(height, (kh - 1) * dy + 1, sy, layer.padding, 0);
  const across = windows(width, (kw - 1) * dx + 1, sx, layer.padding, 1);
  const kernel = weights[`${layer.name}.kernel`];
  const bias = layer.bias ? weights[`${layer.name}.bias`] : null;
  const seen = channels / groups;
  const y = positions(down.count * across.count, filters, (place, f) => {
    const group = Math.floor((f * groups) / filters);
    let sum = bias?.[f] ?? zero;
    for (let i = 0; i < kh; i++) {
      for (let j = 0; j < kw; j++) {
        const row = Math.floor(place / across.count) * sy + down.first + i * dy;
        const column = (place % across.count) * sx + across.first + j * dx;
        if (row < 0 || row >= height || column < 0 || column >= width) continue;
        for (let c = 0; c < seen; c++) {
          const weight = kernel[((i * kw + j) * seen + c) * filters + f];
          sum = add(sum, multiply(x[(row * width + column) * channels + group * seen + c], weight));
        }
      }
    }
    return sum;
  });
  return { shape: [down.count, across.count, filters], x: y };
}

export function pool(layer: Of<'maxpool2d'> | Of<'avgpool2d'>, { shape, x }: Values): Values {
  const [height, width, channels] = shape;
  const [kh, kw] = [numbers(layer.size, 0), numbers(layer.size, 1)];
  const stride = layer.stride ?? layer.size;
  const [sy, sx] = [numbers(stride, 0), numbers(stride, 1)];
  const down = windows(height, kh, sy, layer.padding ?? 0, 0, layer.ceil);
  const across = windows(width, kw, sx, layer.padding ?? 0, 1, layer.ceil);
  const y = positions(down.count * across.count, channels, (place, c) => {
    const [top, left] = [
      Math.floor(place / across.count) * sy + down.first,
      (place % across.count) * sx + across.first,
    ];
    const real: HyperDual[] = [];
    let all = 0;
    for (let row = top; row < top + kh; row++) {
      for (let column = left; column < left + kw; column++) {
        if (row < height + down.after && column < width + across.after) all++;
        if (row >= 0 && row < height && column >= 0 && column < width)
          real.push(x[(row * width + column) * channels + c]);
      }
    }
    if (layer.type === 'maxpool2d') return real.reduce((most, each) => (each.a > most.a ? each : most));
    return scale(real.reduce(add, zero), 1 / (layer.count_padding === false ? real.length : all));
  });
  return { shape: [down.count, across.count, channels], x: y };
}

export function poolAdaptively(layer: Of<'adaptiveavgpool2d'>, { shape, x }: Values): Values {
  const [height, width, channels] = shape;
  const [oh, ow] = [numbers(layer.size, 0), numbers(layer.size, 1)];
  const bin = (i: number, n: number, of: number): number[] =>
    Array.from({ length: n }, (_, place) => place).filter(
      (place) => place >= Math.floor((i * n) / of) && place < ((i + 1) * n) / of,
    );
  const y = positions(oh * ow, channels, (place, c) =>
    mean(
      bin(Math.floor(place / ow), height, oh).flatMap((row) =>
        bin(place % ow, width, ow).map((column) => x[(row * width + column) * channels + c]),
      ),
    ),
  );
  return { shape: [oh, ow, channels], x: y };
}

export function embedPatches(layer: Of<'patches'>, weights: DualWeights, { shape, x }: Values): Values {
  const [height, width, channels] = shape;
  const { size, units } = layer;
  const [down, across] = [height / size, width / size];
  const kernel = weights[`${layer.name}.kernel`];
  const y = positions(down * across, units, (token, k) => {
    let sum = layer.bias ? weights[`${layer.name}.bias`][k] : zero;
    if (layer.positions) sum = add(sum, weights[`${layer.name}.positions`][token * units + k]);
    const [row, column] = [Math.floor(token / across) * size, (token % across) * size];
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++)
        for (let c = 0; c < channels; c++) {
          const weight = kernel[((i * size + j) * channels + c) * units + k];
          sum = add(sum, multiply(x[((row + i) * width + column + j) * channels + c], weight));
        }
    return sum;
  });
  return { shape: [down * across, units], x: y };
}
