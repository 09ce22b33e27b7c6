/** Activations and their derivatives on plain arrays. Each loop is written out: a function call an element costs more than the arithmetic. */
import type { ActivationFunction } from '../../shared/model.ts';
import type { Real } from '../blas/types.ts';
import { erf } from './erf.ts';
import type { Order } from './types.ts';

type Map1 = (z: Real, out: Real) => void;

const relu: readonly Map1[] = [
  (z, out) => {
    // Math.max lets NaN through (a diverging run must be seen) and has no branch to mispredict.
    for (let i = 0; i < z.length; i++) out[i] = Math.max(z[i], 0);
  },
  (z, out) => {
    for (let i = 0; i < z.length; i++) out[i] = z[i] > 0 ? 1 : 0;
  },
  (_z, out) => {
    out.fill(0);
  },
];

const tanh: readonly Map1[] = [
  (z, out) => {
    for (let i = 0; i < z.length; i++) out[i] = Math.tanh(z[i]);
  },
  (z, out) => {
    for (let i = 0; i < z.length; i++) {
      const t = Math.tanh(z[i]);
      out[i] = (1 - t) * (1 + t);
    }
  },
  (z, out) => {
    for (let i = 0; i < z.length; i++) {
      const t = Math.tanh(z[i]);
      out[i] = -2 * t * (1 - t) * (1 + t);
    }
  },
];

const logistic = (z: number): number => 1 / (1 + Math.exp(-z));

const sigmoid: readonly Map1[] = [
  (z, out) => {
    for (let i = 0; i < z.length; i++) out[i] = logistic(z[i]);
  },
  (z, out) => {
    for (let i = 0; i < z.length; i++) out[i] = logistic(z[i]) * logistic(-z[i]);
  },
  (z, out) => {
    for (let i = 0; i < z.length; i++) {
      const s = logistic(z[i]);
      const r = logistic(-z[i]);
      out[i] = s * r * (r - s);
    }
  },
];

const softplus: readonly Map1[] = [
  (z, out) => {
    for (let i = 0; i < z.length; i++) {
      const x = z[i];
      out[i] = (x < 0 ? 0 : x) + Math.log1p(Math.exp(-Math.abs(x)));
    }
  },
  sigmoid[0],
  sigmoid[1],
];

const density = (z: number): number => Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
const distribution = (z: number): number => 0.5 * (1 + erf(z * Math.SQRT1_2));

/** gelu(z) = z Phi(z), Phi the standard normal distribution function. */
const gelu: readonly Map1[] = [
  (z, out) => {
    for (let i = 0; i < z.length; i++) out[i] = z[i] * distribution(z[i]);
  },
  (z, out) => {
    for (let i = 0; i < z.length; i++) out[i] = distribution(z[i]) + z[i] * density(z[i]);
  },
  (z, out) => {
    for (let i = 0; i < z.length; i++) out[i] = density(z[i]) * (2 - z[i] * z[i]);
  },
];

const identity: readonly Map1[] = [
  (z, out) => {
    out.set(z);
  },
  (_z, out) => {
    out.fill(1);
  },
  (_z, out) => {
    out.fill(0);
  },
];

const table: Readonly<Record<ActivationFunction, readonly Map1[]>> = { relu, tanh, sigmoid, gelu, softplus, identity };

/** out = the derivative of the given order of `fn` at z, elementwise. */
export function activateInto(fn: ActivationFunction, order: Order, z: Real, out: Real): void {
  table[fn][order](z, out);
}

/** out = f'(z) * dy, elementwise. `out` may not be `dy`. */
export function activateBackwardInto(fn: ActivationFunction, z: Real, dy: Real, out: Real): void {
  if (fn === 'relu') {
    for (let i = 0; i < z.length; i++) out[i] = z[i] > 0 ? dy[i] : 0;
    return;
  }
  table[fn][1](z, out);
  for (let i = 0; i < z.length; i++) out[i] *= dy[i];
}
