/**
 * A forward pass of every layer kind in hyper-dual numbers, written from the model format alone (src/shared/model.ts): plain loops over indices. It shares no code
 * with the network, the backends or the curvature that it is there to check. Samples go through one by one; dropout does nothing and batchnorm uses its
 * running statistics, as in a measurement.
 */
import type { ActivationFunction, LayerSpec, ModelSpec } from '../../shared/model.ts';
import { add, apply, constant, exp, inverseRoot, log, multiply, scale, subtract } from './hyper-dual.ts';
import type { HyperDual } from './hyper-dual.ts';

export type DualWeights = Readonly<Record<string, readonly HyperDual[]>>;

/** Row-major. */
interface Values {
  readonly shape: readonly number[];
  readonly x: readonly HyperDual[];
}

const zero = constant(0);

/** The network's output for one sample. */
export function forwardOutput(model: ModelSpec, weights: DualWeights, input: readonly number[]): HyperDual[] {
  return [...through(model.layers, weights, { shape: model.input, x: input.map(constant) }).x];
}

/** l of one sample: logsumexp(y) - y_target, or 1/2 |y - t|^2; `target` one-hot or a vector. */
export function lossOf(loss: ModelSpec['loss'], y: readonly HyperDual[], target: readonly number[]): HyperDual {
  if (loss === 'mse') {
    return y
      .map((value, k) => subtract(value, constant(target[k])))
      .reduce((sum, r) => add(sum, scale(multiply(r, r), 0.5)), zero);
  }
  const largest = Math.max(...y.map((value) => value.a));
  const total = y.reduce((sum, value) => add(sum, exp(subtract(value, constant(largest)))), zero);
  return y.reduce((sum, value, k) => subtract(sum, scale(value, target[k])), add(log(total), constant(largest)));
}

function through(layers: readonly LayerSpec[], weights: DualWeights, values: Values): Values {
  return layers.reduce((v, layer) => one(layer, weights, v), values);
}

function one(layer: LayerSpec, weights: DualWeights, v: Values): Values {
  switch (layer.type) {
    case 'dense': {
      const inner = v.shape[v.shape.length - 1];
      const rows = v.x.length / inner;
      const kernel = weights[`${layer.name}.kernel`];
      const bias = layer.bias ? weights[`${layer.name}.bias`] : null;
      const x = positions(rows, layer.units, (r, k) => {
        let sum = bias?.[k] ?? zero;
        for (let i = 0; i < inner; i++) sum = add(sum, multiply(v.x[r * inner + i], kernel[i * layer.units + k]));
        return sum;
      });
      return { shape: [...v.shape.slice(0, -1), layer.units], x };
    }
    case 'activation':
      return { ...v, x: v.x.map((z) => activate(layer.function, z)) };
    case 'flatten':
      return { shape: [v.x.length], x: v.x };
    case 'dropout':
      return v;
    case 'conv2d':
      return convolve(layer, weights, v);
    case 'maxpool2d':
      return pool(v, layer.size, layer.stride ?? layer.size, (window) =>
        window.reduce((most, each) => (each.a > most.a ? each : most)),
      );
    case 'avgpool2d':
      return pool(v, layer.size, layer.stride ?? layer.size, mean);
    case 'globalavgpool2d':
    case 'meanpool': {
      const width = v.shape[v.shape.length - 1];
      const rows = v.x.length / width;
      const x = Array.from({ length: width }, (_, c) =>
        mean(Array.from({ length: rows }, (_, r) => v.x[r * width + c])),
      );
      return { shape: [width], x };
    }
    case 'layernorm': {
      const width = v.shape[v.shape.length - 1];
      return normalise(v, weights, layer.name, layer.epsilon, (at) => Math.floor(at / width));
    }
    case 'groupnorm': {
      const width = v.shape[v.shape.length - 1];
      const size = width / layer.groups;
      return normalise(v, weights, layer.name, layer.epsilon, (at) => Math.floor((at % width) / size));
    }
    case 'batchnorm': {
      const width = v.shape[v.shape.length - 1];
      const [m, s] = [weights[`${layer.name}.running_mean`], weights[`${layer.name}.running_variance`]];
      const x = v.x.map((value, at) => {
        const c = at % width;
        const centred = multiply(subtract(value, m[c]), inverseRoot(add(s[c], constant(layer.epsilon))));
        return add(multiply(centred, weights[`${layer.name}.gain`][c]), weights[`${layer.name}.bias`][c]);
      });
      return { ...v, x };
    }
    case 'residual': {
      const main = through(layer.layers, weights, v);
      const other = through(layer.shortcut ?? [], weights, v);
      return { ...main, x: main.x.map((value, at) => add(value, other.x[at])) };
    }
    case 'patches':
      return embed(layer, weights, v);
    case 'attention':
      return attend(layer, weights, v);
    default:
      layer satisfies never;
      throw new Error('verify: unknown layer');
  }
}

function positions(rows: number, width: number, value: (row: number, column: number) => HyperDual): HyperDual[] {
  return Array.from({ length: rows * width }, (_, at) => value(Math.floor(at / width), at % width));
}

function mean(values: readonly HyperDual[]): HyperDual {
  return scale(values.reduce(add, zero), 1 / values.length);
}

type Of<T extends LayerSpec['type']> = Extract<LayerSpec, { readonly type: T }>;

function convolve(layer: Of<'conv2d'>, weights: DualWeights, { shape, x }: Values): Values {
  const [height, width, channels] = shape;
  const [kh, kw] = layer.kernel;
  const { stride, filters } = layer;
  const same = layer.padding === 'same';
  const out = (n: number, k: number): number => (same ? Math.ceil(n / stride) : Math.floor((n - k) / stride) + 1);
  // Zeros around the image, the odd one at the bottom and the right.
  const before = (n: number, k: number): number =>
    same ? Math.floor(Math.max(0, (out(n, k) - 1) * stride + k - n) / 2) : 0;
  const [oh, ow] = [out(height, kh), out(width, kw)];
  const [top, left] = [before(height, kh), before(width, kw)];
  const kernel = weights[`${layer.name}.kernel`];
  const bias = layer.bias ? weights[`${layer.name}.bias`] : null;
  const y = positions(oh * ow, filters, (place, f) => {
    let sum = bias?.[f] ?? zero;
    for (let i = 0; i < kh; i++) {
      for (let j = 0; j < kw; j++) {
        const row = Math.floor(place / ow) * stride - top + i;
        const column = (place % ow) * stride - left + j;
        if (row < 0 || row >= height || column < 0 || column >= width) continue;
        for (let c = 0; c < channels; c++) {
          const weight = kernel[((i * kw + j) * channels + c) * filters + f];
          sum = add(sum, multiply(x[(row * width + column) * channels + c], weight));
        }
      }
    }
    return sum;
  });
  return { shape: [oh, ow, filters], x: y };
}

function pool(
  { shape, x }: Values,
  size: number,
  stride: number,
  combine: (window: readonly HyperDual[]) => HyperDual,
): Values {
  const [height, width, channels] = shape;
  const [oh, ow] = [Math.floor((height - size) / stride) + 1, Math.floor((width - size) / stride) + 1];
  const y = positions(oh * ow, channels, (place, c) => {
    const [row, column] = [Math.floor(place / ow) * stride, (place % ow) * stride];
    const window: HyperDual[] = [];
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++) window.push(x[((row + i) * width + column + j) * channels + c]);
    return combine(window);
  });
  return { shape: [oh, ow, channels], x: y };
}

/** Entries of one group to mean 0 and variance 1 (divisor: their number), then gain and bias by channel. */
function normalise(
  { shape, x }: Values,
  weights: DualWeights,
  name: string,
  epsilon: number,
  groupOf: (at: number) => number,
): Values {
  const width = shape[shape.length - 1];
  const members: number[][] = [];
  for (let at = 0; at < x.length; at++) (members[groupOf(at)] ??= []).push(at);
  const y = new Array<HyperDual>(x.length);
  for (const group of members) {
    const centre = mean(group.map((at) => x[at]));
    const centred = group.map((at) => subtract(x[at], centre));
    const root = inverseRoot(add(mean(centred.map((each) => multiply(each, each))), constant(epsilon)));
    for (const [i, at] of group.entries()) {
      const standard = multiply(centred[i], root);
      y[at] = add(multiply(standard, weights[`${name}.gain`][at % width]), weights[`${name}.bias`][at % width]);
    }
  }
  return { shape, x: y };
}

function embed(layer: Of<'patches'>, weights: DualWeights, { shape, x }: Values): Values {
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

function attend(layer: Of<'attention'>, weights: DualWeights, { shape, x }: Values): Values {
  const [tokens, width] = shape;
  const size = width / layer.heads;
  const project = (values: readonly HyperDual[], role: string): HyperDual[] => {
    const kernel = weights[`${layer.name}.${role}.kernel`];
    return positions(tokens, width, (t, k) => {
      let sum = zero;
      for (let i = 0; i < width; i++) sum = add(sum, multiply(values[t * width + i], kernel[i * width + k]));
      return sum;
    });
  };
  const [query, key, value] = ['query', 'key', 'value'].map((role) => project(x, role));
  const mixed = new Array<HyperDual>(tokens * width);
  for (let head = 0; head < layer.heads; head++) {
    const at = (t: number, k: number): number => t * width + head * size + k;
    for (let t = 0; t < tokens; t++) {
      const seen = layer.causal ? t + 1 : tokens;
      const scores = Array.from({ length: seen }, (_, s) => {
        let sum = zero;
        for (let k = 0; k < size; k++) sum = add(sum, multiply(query[at(t, k)], key[at(s, k)]));
        return scale(sum, 1 / Math.sqrt(size));
      });
      const largest = Math.max(...scores.map((each) => each.a));
      const weight = scores.map((each) => exp(subtract(each, constant(largest))));
      const total = weight.reduce(add, zero);
      const inverse = apply(total, 1 / total.a, -1 / total.a ** 2, 2 / total.a ** 3);
      for (let k = 0; k < size; k++) {
        let sum = zero;
        for (let s = 0; s < seen; s++) sum = add(sum, multiply(multiply(weight[s], inverse), value[at(s, k)]));
        mixed[at(t, k)] = sum;
      }
    }
  }
  return { shape, x: project(mixed, 'output') };
}

function activate(kind: ActivationFunction, z: HyperDual): HyperDual {
  switch (kind) {
    case 'identity':
      return z;
    case 'relu':
      return z.a > 0 ? z : zero;
    case 'tanh': {
      const t = Math.tanh(z.a);
      return apply(z, t, 1 - t * t, -2 * t * (1 - t * t));
    }
    case 'sigmoid': {
      const s = 1 / (1 + Math.exp(-z.a));
      return apply(z, s, s * (1 - s), s * (1 - s) * (1 - 2 * s));
    }
    case 'softplus': {
      const s = 1 / (1 + Math.exp(-z.a));
      return apply(z, Math.log(1 + Math.exp(z.a)), s, s * (1 - s));
    }
    case 'gelu': {
      const density = Math.exp(-0.5 * z.a * z.a) / Math.sqrt(2 * Math.PI);
      const phi = normalDistribution(z.a);
      return apply(z, z.a * phi, phi + z.a * density, density * (2 - z.a * z.a));
    }
    default:
      kind satisfies never;
      throw new Error('verify: unknown activation');
  }
}

/** Phi(z) by its power series: z within a few units of 0, where all terms have one sign. */
export function normalDistribution(z: number): number {
  let term = z;
  let sum = z;
  for (let k = 1; k < 300; k++) {
    term *= (z * z) / (2 * k + 1);
    sum += term;
  }
  return 0.5 + (sum * Math.exp(-0.5 * z * z)) / Math.sqrt(2 * Math.PI);
}
