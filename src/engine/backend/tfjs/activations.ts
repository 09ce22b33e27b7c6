/** Activations and their derivatives as TensorFlow.js operations. Call inside `tf.tidy`. */
import { seluConstants } from '../../../shared/model.ts';
import type { ActivationFunction } from '../../../shared/model.ts';
import type { Order } from '../types.ts';
import type { Matrix, Tf } from './tensor.ts';

type Map1 = (tf: Tf, z: Matrix) => Matrix;

/** s(z) s(-z): the derivative of the logistic function, without the cancellation of 1 - s. */
const slope: Map1 = (tf, z) => tf.mul(tf.sigmoid(z), tf.sigmoid(tf.neg(z)));

/** 1 - t^2 as (1 - t)(1 + t). */
const tanhSlope = (tf: Tf, t: Matrix): Matrix => tf.mul(tf.sub(1, t), tf.add(1, t));

const density: Map1 = (tf, z) => tf.mul(tf.exp(tf.mul(tf.square(z), -0.5)), 1 / Math.sqrt(2 * Math.PI));
const distribution: Map1 = (tf, z) => tf.mul(tf.add(tf.erf(tf.mul(z, Math.SQRT1_2)), 1), 0.5);

const softplus: Map1 = (tf, z) => tf.add(tf.relu(z), tf.log1p(tf.exp(tf.neg(tf.abs(z)))));

/** 1 if z is above 0, and else 0. */
const above: Map1 = (tf, z) => tf.step(z);

/** 1 if low < z < high, and else 0. */
const between =
  (low: number, high: number): Map1 =>
  (tf, z) =>
    tf.mul(tf.step(tf.sub(z, low)), tf.step(tf.sub(high, z)));

const zeros: Map1 = (tf, z) => tf.zerosLike(z);
const hardsigmoid: Map1 = (tf, z) => tf.div(tf.clipByValue(tf.add(z, 3), 0, 6), 6);

const rootScale = Math.sqrt(2 / Math.PI);
const cubic = 0.044715;
/** tanh u and u' of u = sqrt(2/pi) (z + 0.044715 z^3). */
const geluTanhParts = (tf: Tf, z: Matrix): readonly [Matrix, Matrix] => {
  const square = tf.square(z);
  const u: Matrix = tf.mul(tf.mul(z, rootScale), tf.add(tf.mul(square, cubic), 1));
  return [tf.tanh(u), tf.mul(tf.add(tf.mul(square, 3 * cubic), 1), rootScale)];
};

type Maps = readonly [Map1, Map1, Map1];

/** scale times z, or alpha (e^z - 1) below 0. The exponential sees no number above 0, where it might overflow. */
const elu = (alpha: number, scale = 1): Maps => {
  const low: Map1 = (tf, z) => tf.minimum(z, 0);
  const isLow: Map1 = (tf, z) => tf.sub(1, above(tf, z));
  const bent: Map1 = (tf, z) => tf.mul(tf.mul(isLow(tf, z), tf.exp(low(tf, z))), scale * alpha);
  return [
    (tf, z) => tf.add(tf.mul(tf.relu(z), scale), tf.mul(tf.expm1(low(tf, z)), scale * alpha)),
    (tf, z) => tf.add(tf.mul(above(tf, z), scale), bent(tf, z)),
    bent,
  ];
};

const leaky = (slope: number): Maps => [
  (tf, z) => tf.add(tf.relu(z), tf.mul(tf.minimum(z, 0), slope)),
  (tf, z) => tf.add(tf.mul(above(tf, z), 1 - slope), slope),
  zeros,
];

const table: Readonly<Record<Exclude<ActivationFunction, 'leaky-relu' | 'elu'>, Maps>> = {
  relu: [(tf, z) => tf.relu(z), (tf, z) => tf.step(z), (tf, z) => tf.zerosLike(z)],
  tanh: [
    (tf, z) => tf.tanh(z),
    (tf, z) => tanhSlope(tf, tf.tanh(z)),
    (tf, z) => {
      const t = tf.tanh(z);
      return tf.mul(tf.mul(t, -2), tanhSlope(tf, t));
    },
  ],
  sigmoid: [
    (tf, z) => tf.sigmoid(z),
    slope,
    (tf, z) => {
      const [s, r] = [tf.sigmoid(z), tf.sigmoid(tf.neg(z))];
      return tf.mul(tf.mul(s, r), tf.sub(r, s));
    },
  ],
  softplus: [softplus, (tf, z) => tf.sigmoid(z), slope],
  gelu: [
    (tf, z) => tf.mul(z, distribution(tf, z)),
    (tf, z) => tf.add(distribution(tf, z), tf.mul(z, density(tf, z))),
    (tf, z) => tf.mul(density(tf, z), tf.sub(2, tf.square(z))),
  ],
  identity: [(tf, z) => tf.clone(z), (tf, z) => tf.onesLike(z), zeros],
  'gelu-tanh': [
    (tf, z) => tf.mul(tf.mul(z, 0.5), tf.add(geluTanhParts(tf, z)[0], 1)),
    (tf, z) => {
      const [t, slope] = geluTanhParts(tf, z);
      return tf.mul(tf.add(tf.add(t, 1), tf.mul(tf.mul(z, slope), tanhSlope(tf, t))), 0.5);
    },
    (tf, z) => {
      const [t, slope] = geluTanhParts(tf, z);
      const bend = tf.sub(tf.mul(z, 3 * rootScale * cubic), tf.mul(t, tf.square(slope)));
      return tf.mul(tanhSlope(tf, t), tf.add(slope, tf.mul(z, bend)));
    },
  ],
  silu: [
    (tf, z) => tf.mul(z, tf.sigmoid(z)),
    (tf, z) => tf.mul(tf.sigmoid(z), tf.add(tf.mul(z, tf.sigmoid(tf.neg(z))), 1)),
    (tf, z) => {
      const [s, r] = [tf.sigmoid(z), tf.sigmoid(tf.neg(z))];
      return tf.mul(tf.mul(s, r), tf.add(tf.mul(z, tf.sub(r, s)), 2));
    },
  ],
  selu: elu(seluConstants.alpha, seluConstants.scale),
  hardswish: [
    (tf, z) => tf.mul(z, hardsigmoid(tf, z)),
    (tf, z) => tf.add(tf.mul(between(-3, 3)(tf, z), tf.add(tf.div(z, 3), 0.5)), tf.step(tf.sub(z, 3))),
    (tf, z) => tf.div(between(-3, 3)(tf, z), 3),
  ],
  hardsigmoid: [hardsigmoid, (tf, z) => tf.div(between(-3, 3)(tf, z), 6), zeros],
  softsign: [
    (tf, z) => tf.div(z, tf.add(tf.abs(z), 1)),
    (tf, z) => tf.reciprocal(tf.square(tf.add(tf.abs(z), 1))),
    (tf, z) => tf.div(tf.mul(tf.sign(z), -2), tf.pow(tf.add(tf.abs(z), 1), 3)),
  ],
  relu6: [(tf, z) => tf.clipByValue(z, 0, 6), between(0, 6), zeros],
  mish: [
    (tf, z) => tf.mul(z, tf.tanh(softplus(tf, z))),
    (tf, z) => {
      const t = tf.tanh(softplus(tf, z));
      return tf.add(t, tf.mul(tf.mul(z, tf.sigmoid(z)), tanhSlope(tf, t)));
    },
    (tf, z) => {
      const t = tf.tanh(softplus(tf, z));
      const [s, r] = [tf.sigmoid(z), tf.sigmoid(tf.neg(z))];
      const bend = tf.add(tf.mul(z, tf.sub(r, tf.mul(tf.mul(t, s), 2))), 2);
      return tf.mul(tf.mul(tanhSlope(tf, t), s), bend);
    },
  ],
};

/** The derivative of the given order of `fn` at z, elementwise; `coefficient` as in `Backend.activate`. */
export function activation(tf: Tf, fn: ActivationFunction, order: Order, z: Matrix, coefficient?: number): Matrix {
  const maps = fn === 'leaky-relu' ? leaky(coefficient ?? 0.01) : fn === 'elu' ? elu(coefficient ?? 1) : table[fn];
  return maps[order](tf, z);
}
