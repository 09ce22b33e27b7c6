/** Activation functions of hyper-dual numbers, by their definitions: derivatives come from the arithmetic, not from formulas. */
import type { ActivationSpec } from '../../shared/model.ts';
import { add, apply, constant, exp, log, multiply, reciprocal, scale, subtract } from './hyper-dual.ts';
import type { HyperDual } from './hyper-dual.ts';

const one = constant(1);
const zero = constant(0);

const logistic = (z: HyperDual): HyperDual => reciprocal(add(one, exp(scale(z, -1))));
const tanh = (z: HyperDual): HyperDual => subtract(scale(logistic(scale(z, 2)), 2), one);
const softplus = (z: HyperDual): HyperDual => log(add(one, exp(z)));
/** z between two numbers, else the nearer one. */
const clip = (z: HyperDual, low: number, high: number): HyperDual =>
  z.a <= low ? constant(low) : z.a >= high ? constant(high) : z;
const elu = (z: HyperDual, alpha: number): HyperDual => (z.a > 0 ? z : scale(subtract(exp(z), one), alpha));

export function activate(layer: ActivationSpec, z: HyperDual): HyperDual {
  switch (layer.function) {
    case 'identity':
      return z;
    case 'relu':
      return z.a > 0 ? z : zero;
    case 'leaky-relu':
      return z.a > 0 ? z : scale(z, layer.slope ?? 0.01);
    case 'relu6':
      return clip(z, 0, 6);
    case 'tanh':
      return tanh(z);
    case 'sigmoid':
      return logistic(z);
    case 'silu':
      return multiply(z, logistic(z));
    case 'softplus':
      return softplus(z);
    case 'mish':
      return multiply(z, tanh(softplus(z)));
    case 'gelu': {
      const density = Math.exp(-0.5 * z.a * z.a) / Math.sqrt(2 * Math.PI);
      return multiply(z, apply(z, normalDistribution(z.a), density, -z.a * density));
    }
    case 'gelu-tanh': {
      const cube = multiply(multiply(z, z), z);
      const u = scale(add(z, scale(cube, 0.044715)), Math.sqrt(2 / Math.PI));
      return scale(multiply(z, add(one, tanh(u))), 0.5);
    }
    case 'elu':
      return elu(z, layer.alpha ?? 1);
    case 'selu':
      return scale(elu(z, 1.6732632423543772848170429916717), 1.0507009873554804934193349852946);
    case 'hardsigmoid':
      return scale(clip(add(z, constant(3)), 0, 6), 1 / 6);
    case 'hardswish':
      return multiply(z, scale(clip(add(z, constant(3)), 0, 6), 1 / 6));
    case 'softsign':
      return multiply(z, reciprocal(add(one, z.a < 0 ? scale(z, -1) : z)));
    default:
      layer.function satisfies never;
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
