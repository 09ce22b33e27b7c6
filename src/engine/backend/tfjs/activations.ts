/** Activations and their derivatives as TensorFlow.js operations. Call inside `tf.tidy`. */
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

const table: Readonly<Record<ActivationFunction, readonly [Map1, Map1, Map1]>> = {
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
  identity: [(tf, z) => tf.clone(z), (tf, z) => tf.onesLike(z), (tf, z) => tf.zerosLike(z)],
};

/** The derivative of the given order of `fn` at z, elementwise. */
export function activation(tf: Tf, fn: ActivationFunction, order: Order, z: Matrix): Matrix {
  return table[fn][order](tf, z);
}
