/**
 * Two problems whose exponent gamma is known exactly, with C ~ Q exactly: a network, its weights, and data. They are the two ends of
 * 1 <= gamma <= 2, for testing measurements of gamma. Both use the mean squared error l_p = |y_p - t_p|^2 / 2, networks without biases, and n
 * eigenvalues lambda_i = 10^(-decades (i - 1) / (n - 1)), i = 1..n, along the columns u_i of a random rotation U.
 *
 * Signs: a Hadamard matrix of order N >= n (a power of two) has rows s_p of N signs with (1/N) sum_p s_p s_p^T = I; its first n columns are used.
 *
 * gamma = 1, each h_p a multiple of a projector, the same multiple for all:
 *   y = w^T a, w = 0 (`fc1.kernel` [n, 1]);  a_p = U diag(sqrt lambda) s_p;  t_p = +1 and -1, both for every a_p.
 *   h_p = a_p a_p^T, and |a_p|^2 = sum_i lambda_i = tau for every p, so h_p^2 = tau h_p:
 *   H = U diag(lambda) U^T,  Q = tau H;  g_p = -t_p a_p, mean 0:  C = E[t^2] E[a a^T] = H.
 *   C_ii = H_ii, C = Q / tau: gamma = gamma_Q = 1.
 *
 * gamma = 2, all h_p alike:
 *   y = V^T w^T x, the input x_p = 1, w = 0 (`fc1.kernel` [1, n]), V = U diag(sqrt lambda) (`fc2.kernel` [n, n]);  t_p = diag(sqrt lambda) s_p and its
 *   negative. This is what a teacher whose first layer jitters isotropically (w = U s_p) would say, the duality's picture of the noise.
 *   h_p = V V^T = U diag(lambda) U^T = H for every p:  Q = H^2;  g_p = -V t_p = -U diag(lambda) s_p, mean 0:  C = U diag(lambda^2) U^T.
 *   C_ii = H_ii^2, C = Q: gamma = gamma_Q = 2.
 *
 * Both hold at the given weights, which are the exact minimum of the loss over fc1 (the mean gradient is 0), on the whole training part or any whole number of
 * its blocks of 2 N samples. gamma = 1 needs no special weights: at any w it holds approximately while Var(w . a) << 1. gamma = 2 needs this V.
 */
import type { ModelSpec } from '../../shared/model.ts';
import { portableExp } from '../../shared/portable.ts';
import { Random } from '../../shared/random.ts';
import { tensor, type StoredTensor } from '../formats/tensors.ts';
import type { RawDataset, Targets } from '../raw.ts';
import { checkSize } from './size.ts';

export interface KnownGammaOptions {
  readonly gamma: 1 | 2;
  readonly seed: number;
  /** n, at least 2: the number of weights of the measured parameter, each with an eigenvalue of its own. */
  readonly dimensions: number;
  /** log10 of the ratio of the largest eigenvalue to the smallest, > 0. */
  readonly decades: number;
  /** The least number of samples; rounded up to a multiple of 2 N. */
  readonly samples: number;
}

export interface KnownGamma {
  /** Doubles; no test part. */
  readonly data: RawDataset;
  readonly model: ModelSpec;
  /** The weights at which the exponent is exact. */
  readonly weights: Readonly<Record<string, StoredTensor>>;
  /** The parameter to measure. */
  readonly parameter: 'fc1.kernel';
  /** lambda, decreasing: the eigenvalues of H; C_ii is their power gamma. */
  readonly eigenvalues: Float64Array;
}

export function knownGamma(options: KnownGammaOptions): KnownGamma {
  const { gamma, seed, dimensions: n, decades } = options;
  let order = 2;
  while (order < n) order *= 2;
  const blocks = Math.ceil(options.samples / (2 * order));
  const count = 2 * order * blocks;
  checkSize('known-gamma', count, n);
  const random = new Random(seed, 'known-gamma');
  const eigenvalues = Float64Array.from({ length: n }, (_, i) => portableExp((-decades * Math.LN10 * i) / (n - 1)));
  const roots = eigenvalues.map(Math.sqrt);
  const rotate = rotation(n, random);

  const inputs = new Float64Array(gamma === 1 ? count * n : count).fill(1);
  const targets = new Float64Array(gamma === 1 ? count : count * n);
  const vector = new Float64Array(n);
  for (let block = 0; block < blocks; block++) {
    // A flipped or moved column leaves the matrix a Hadamard matrix, so that no two blocks need be equal.
    const flips = Float64Array.from({ length: n }, () => (random.below(2) ? 1 : -1));
    const columns = random.permutation(order);
    for (let row = 0; row < order; row++) {
      for (let i = 0; i < n; i++) vector[i] = roots[i] * flips[i] * hadamard(row, columns[i]);
      if (gamma === 1) rotate(vector);
      for (const sign of [1, -1]) {
        const p = 2 * (block * order + row) + (sign < 0 ? 1 : 0);
        if (gamma === 1) {
          inputs.set(vector, p * n);
          targets[p] = sign;
        } else {
          for (let i = 0; i < n; i++) targets[p * n + i] = sign * vector[i];
        }
      }
    }
  }
  const vectors: Targets = { kind: 'vectors', values: targets, width: gamma === 1 ? 1 : n };
  const data: RawDataset = {
    name: `known-gamma-${gamma}`,
    shape: [gamma === 1 ? n : 1],
    classes: null,
    train: { count, inputs, targets: vectors, source: `known-gamma ${gamma}` },
    test: null,
  };
  const dense = (name: string, units: number) => ({ type: 'dense', name, units, bias: false }) as const;
  if (gamma === 1) {
    const model: ModelSpec = { input: [n], layers: [dense('fc1', 1)], loss: 'mse' };
    return {
      data,
      model,
      weights: { 'fc1.kernel': tensor(new Float64Array(n), [n, 1]) },
      parameter: 'fc1.kernel',
      eigenvalues,
    };
  }
  const upper = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    vector.fill(0);
    vector[i] = roots[i]!;
    rotate(vector);
    for (let j = 0; j < n; j++) upper[j * n + i] = vector[j]!;
  }
  return {
    data,
    model: { input: [1], layers: [dense('fc1', n), dense('fc2', n)], loss: 'mse' },
    weights: { 'fc1.kernel': tensor(new Float64Array(n), [1, n]), 'fc2.kernel': tensor(upper, [n, n]) },
    parameter: 'fc1.kernel',
    eigenvalues,
  };
}

/** Element of Sylvester's Hadamard matrix: -1 to the number of ones that row and column share in binary. */
function hadamard(row: number, column: number): 1 | -1 {
  let bits = row & column;
  bits ^= bits >>> 16;
  bits ^= bits >>> 8;
  bits ^= bits >>> 4;
  bits ^= bits >>> 2;
  bits ^= bits >>> 1;
  return bits & 1 ? -1 : 1;
}

/** U in place: v -> U v, a product of four reflections in random planes. */
function rotation(n: number, random: Random): (v: Float64Array) => void {
  const normals = Array.from({ length: 4 }, () => {
    const v = Float64Array.from({ length: n }, () => random.normal());
    const norm = Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));
    return v.map((x) => x / norm);
  });
  return (v) => {
    for (const normal of normals) {
      let along = 0;
      for (let i = 0; i < n; i++) along += normal[i] * v[i];
      for (let i = 0; i < n; i++) v[i] -= 2 * along * normal[i];
    }
  };
}
