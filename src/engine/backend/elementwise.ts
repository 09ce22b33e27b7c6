/** Activations and their derivatives on plain arrays. Each loop is written out, because a function call per element costs more than the arithmetic. */
import type { ActivationFunction } from '../../shared/model.ts';
import type { Real } from '../blas/types.ts';
import { seluConstants } from '../../shared/model.ts';
import { erf } from './erf.ts';
import type { Order } from './types.ts';

type Map1 = (z: Real, out: Real) => void;

const relu: readonly Map1[] = [
  (z, out) => {
    // Math.max passes NaN on (a diverging run must show) and has no branch to mispredict.
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

/** f, f' and f'' as functions of one number, for functions that are rarer than those above. */
type Triple = readonly [(z: number) => number, (z: number) => number, (z: number) => number];

const siluTriple: Triple = [
  (z) => z * logistic(z),
  (z) => logistic(z) * (1 + z * logistic(-z)),
  (z) => {
    const [s, r] = [logistic(z), logistic(-z)];
    return s * r * (2 + z * (r - s));
  },
];

/** z (1 + tanh u) / 2 with u = sqrt(2/pi) (z + 0.044715 z^3). */
const geluTanhTriple: Triple = [
  (z) => 0.5 * z * (1 + Math.tanh(rootOf(z))),
  (z) => {
    const t = Math.tanh(rootOf(z));
    return 0.5 * (1 + t) + 0.5 * z * (1 - t) * (1 + t) * rootSlope(z);
  },
  (z) => {
    const t = Math.tanh(rootOf(z));
    const [u1, u2] = [rootSlope(z), rootScale * 6 * cubic * z];
    return (1 - t) * (1 + t) * (u1 + z * (0.5 * u2 - t * u1 * u1));
  },
];
const rootScale = Math.sqrt(2 / Math.PI);
const cubic = 0.044715;
function rootOf(z: number): number {
  return rootScale * (z + cubic * z * z * z);
}
function rootSlope(z: number): number {
  return rootScale * (1 + 3 * cubic * z * z);
}

/** z tanh u with u = softplus(z): u' = s, u'' = s r for the logistic functions s of z and r of -z. */
const mishTriple: Triple = [
  (z) => z * Math.tanh(softplusOf(z)),
  (z) => {
    const t = Math.tanh(softplusOf(z));
    return t + z * (1 - t) * (1 + t) * logistic(z);
  },
  (z) => {
    const t = Math.tanh(softplusOf(z));
    const [s, r] = [logistic(z), logistic(-z)];
    return (1 - t) * (1 + t) * s * (2 + z * (r - 2 * t * s));
  },
];
function softplusOf(z: number): number {
  return (z < 0 ? 0 : z) + Math.log1p(Math.exp(-Math.abs(z)));
}

const softsignTriple: Triple = [
  (z) => z / (1 + Math.abs(z)),
  (z) => 1 / (1 + Math.abs(z)) ** 2,
  (z) => (-2 * Math.sign(z)) / (1 + Math.abs(z)) ** 3,
];

const hardsigmoidTriple: Triple = [
  (z) => Math.min(Math.max(z + 3, 0), 6) / 6,
  (z) => (z > -3 && z < 3 ? 1 / 6 : 0),
  () => 0,
];

const hardswishTriple: Triple = [
  (z) => (z * Math.min(Math.max(z + 3, 0), 6)) / 6,
  (z) => (z <= -3 ? 0 : z < 3 ? z / 3 + 0.5 : 1),
  (z) => (z > -3 && z < 3 ? 1 / 3 : 0),
];

const relu6Triple: Triple = [(z) => Math.min(Math.max(z, 0), 6), (z) => (z > 0 && z < 6 ? 1 : 0), () => 0];

/** scale times z, or alpha (e^z - 1) below 0. */
const eluTriple = (alpha: number, scale = 1): Triple => [
  (z) => scale * (z > 0 ? z : alpha * Math.expm1(z)),
  (z) => scale * (z > 0 ? 1 : alpha * Math.exp(z)),
  (z) => (z > 0 ? 0 : scale * alpha * Math.exp(z)),
];

const leakyTriple = (slope: number): Triple => [(z) => (z > 0 ? z : slope * z), (z) => (z > 0 ? 1 : slope), () => 0];

const looped = (triple: Triple): readonly Map1[] =>
  triple.map((f): Map1 => (z, out) => {
    for (let i = 0; i < z.length; i++) out[i] = f(z[i]);
  });

const table: Readonly<Record<Exclude<ActivationFunction, 'leaky-relu' | 'elu'>, readonly Map1[]>> = {
  relu,
  tanh,
  sigmoid,
  gelu,
  softplus,
  identity,
  'gelu-tanh': looped(geluTanhTriple),
  silu: looped(siluTriple),
  selu: looped(eluTriple(seluConstants.alpha, seluConstants.scale)),
  hardswish: looped(hardswishTriple),
  hardsigmoid: looped(hardsigmoidTriple),
  softsign: looped(softsignTriple),
  relu6: looped(relu6Triple),
  mish: looped(mishTriple),
};

function mapOf(fn: ActivationFunction, order: Order, coefficient: number | undefined): Map1 {
  if (fn === 'leaky-relu') return looped(leakyTriple(coefficient ?? 0.01))[order];
  if (fn === 'elu') return looped(eluTriple(coefficient ?? 1))[order];
  return table[fn][order];
}

/** out = the derivative of the given order of `fn` at z, elementwise; `coefficient` as in `Backend.activate`. */
export function activateInto(fn: ActivationFunction, order: Order, z: Real, out: Real, coefficient?: number): void {
  mapOf(fn, order, coefficient)(z, out);
}

/** out = f'(z) * dy, elementwise. `out` may not be `dy`. */
export function activateBackwardInto(fn: ActivationFunction, z: Real, dy: Real, out: Real, coefficient?: number): void {
  if (fn === 'relu') {
    for (let i = 0; i < z.length; i++) out[i] = z[i] > 0 ? dy[i] : 0;
    return;
  }
  mapOf(fn, 1, coefficient)(z, out);
  for (let i = 0; i < z.length; i++) out[i] *= dy[i];
}
