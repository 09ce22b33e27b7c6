/** The loss of one sample in hyper-dual numbers, from what the model format says, and its second derivatives at the outputs. */
import type { LossSpec } from '../../shared/model.ts';
import { add, constant, exp, log, multiply, scale, subtract } from './hyper-dual.ts';
import type { HyperDual } from './hyper-dual.ts';
import { zero } from './values.ts';
import type { Values } from './values.ts';

type Settings = Exclude<LossSpec, string>;

/** l of one sample: `target` one-hot, soft or a vector; of a sequence of outputs a class number a position. */
export function lossOfSample(loss: LossSpec, { shape, x }: Values, target: readonly number[]): HyperDual {
  const settings: Settings = typeof loss === 'string' ? { type: loss } : loss;
  switch (settings.type) {
    case 'mse': {
      const sum = x
        .map((value, k) => subtract(value, constant(target[k])))
        .reduce((total, r) => add(total, multiply(r, r)), zero);
      return scale(sum, settings.mean_over_outputs === true ? 1 / x.length : 0.5);
    }
    case 'binary-cross-entropy': {
      const one = constant(1);
      const sum = x
        .map((y, k) => subtract(log(add(one, exp(y))), scale(y, target[k])))
        .reduce((total, each) => add(total, each), zero);
      return scale(sum, settings.mean_over_outputs === true ? 1 / x.length : 1);
    }
    case 'cross-entropy': {
      const width = shape[shape.length - 1];
      const rows = x.length / width;
      if (rows === 1) return ofRow(settings, x, target);
      const answered = Array.from({ length: rows }, (_, row) => row).filter((row) => target[row] !== -100);
      const sum = answered
        .map((row) => {
          const oneHot = Array.from({ length: width }, (_, k) => (k === target[row] ? 1 : 0));
          return ofRow(settings, x.slice(row * width, (row + 1) * width), oneHot);
        })
        .reduce((total, each) => add(total, each), zero);
      return scale(sum, 1 / Math.max(1, answered.length));
    }
    default:
      settings satisfies never;
      throw new Error('verify: unknown loss');
  }
}

/** -sum_k w_k ((1 - s) t_k + s / K) log p_k. */
function ofRow(
  settings: Extract<Settings, { readonly type: 'cross-entropy' }>,
  y: readonly HyperDual[],
  target: readonly number[],
): HyperDual {
  const largest = Math.max(...y.map((value) => value.a));
  const total = y.reduce((sum, value) => add(sum, exp(subtract(value, constant(largest)))), zero);
  const normaliser = add(log(total), constant(largest));
  const smoothing = settings.label_smoothing ?? 0;
  return y.reduce((sum, value, k) => {
    const share = (1 - smoothing) * target[k] + smoothing / y.length;
    return add(sum, scale(subtract(normaliser, value), share * (settings.class_weights?.[k] ?? 1)));
  }, zero);
}

/** d2 l / dy dy^T [K, K] over all K outputs of a sample, from `lossOf` itself. */
export function outputCurvature(
  loss: LossSpec,
  shape: readonly number[],
  y: readonly number[],
  target: readonly number[],
): Float64Array {
  const K = y.length;
  const S = new Float64Array(K * K);
  for (let k = 0; k < K; k++) {
    for (let m = k; m < K; m++) {
      const x = y.map((a, i) => ({ a, b: i === k ? 1 : 0, c: i === m ? 1 : 0, d: 0 }));
      S[k * K + m] = S[m * K + k] = lossOfSample(loss, { shape, x }, target).d;
    }
  }
  return S;
}
