/**
 * The slow, obvious reference: per-sample gradients and Hessians entry by entry from an own forward pass in hyper-dual numbers, then C, H and Q by
 * dense loops exactly as they are defined. No formula of docs/theory.md for layers is used, and nothing of src/engine.
 */
import { add, apply, constant, exp, log, multiply, subtract } from '../../src/engine/verify/hyper-dual.ts';
import type { HyperDual } from '../../src/engine/verify/hyper-dual.ts';

export interface OracleLayer {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly bias: boolean;
  /** After the layer; null behind the last. */
  readonly activation: 'relu' | 'tanh' | 'sigmoid' | 'gelu' | 'softplus' | 'identity' | null;
}

export interface OracleNetwork {
  readonly layers: readonly OracleLayer[];
  readonly loss: 'cross-entropy' | 'mse' | 'binary-cross-entropy';
  readonly weights: Readonly<Record<string, readonly number[]>>;
}

export interface OracleMoments {
  readonly C: number[];
  readonly H: number[];
  readonly Q: number[];
  readonly mean_gradient: number[];
  readonly loss: number;
}

function activate(kind: OracleLayer['activation'], z: HyperDual): HyperDual {
  switch (kind) {
    case null:
    case 'identity':
      return z;
    case 'relu':
      return z.a > 0 ? z : constant(0);
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
      return apply(
        z,
        z.a * normalDistribution(z.a),
        normalDistribution(z.a) + z.a * density,
        density * (2 - z.a * z.a),
      );
    }
    default:
      kind satisfies never;
      throw new Error('unknown activation');
  }
}

/** Phi(z) by its power series: z within a few units of 0. */
export function normalDistribution(z: number): number {
  let term = z;
  let sum = z;
  for (let k = 1; k < 200; k++) {
    term *= (z * z) / (2 * k + 1);
    sum += term;
  }
  return 0.5 + (sum * Math.exp(-0.5 * z * z)) / Math.sqrt(2 * Math.PI);
}

function forward(
  network: OracleNetwork,
  weights: Readonly<Record<string, readonly HyperDual[]>>,
  input: readonly number[],
): HyperDual[] {
  let x = input.map(constant);
  for (const layer of network.layers) {
    const kernel = weights[`${layer.name}.kernel`];
    const next: HyperDual[] = [];
    for (let k = 0; k < layer.outputs; k++) {
      let z = layer.bias ? weights[`${layer.name}.bias`][k] : constant(0);
      for (let i = 0; i < layer.inputs; i++) z = add(z, multiply(x[i], kernel[i * layer.outputs + k]));
      next.push(activate(layer.activation, z));
    }
    x = next;
  }
  return x;
}

function lossOf(network: OracleNetwork, y: readonly HyperDual[], target: readonly number[]): HyperDual {
  let loss = constant(0);
  if (network.loss === 'mse') {
    for (const [k, value] of y.entries()) {
      const residual = subtract(value, constant(target[k]));
      loss = add(loss, multiply(constant(0.5), multiply(residual, residual)));
    }
    return loss;
  }
  if (network.loss === 'binary-cross-entropy') {
    for (const [k, value] of y.entries())
      loss = add(loss, subtract(log(add(constant(1), exp(value))), multiply(constant(target[k]), value)));
    return loss;
  }
  let sum = constant(0);
  for (const value of y) sum = add(sum, exp(value));
  loss = log(sum);
  for (const [k, value] of y.entries()) loss = subtract(loss, multiply(constant(target[k]), value));
  return loss;
}

/** Gradient [d], Hessian [d, d] and value of one sample's loss with respect to one parameter, entry by entry. */
export function oracleSample(
  network: OracleNetwork,
  parameter: string,
  input: readonly number[],
  target: readonly number[],
): { readonly gradient: number[]; readonly hessian: number[]; readonly loss: number } {
  const plain = Object.fromEntries(
    Object.entries(network.weights).map(([name, values]) => [name, values.map(constant)]),
  );
  const d = network.weights[parameter].length;
  const gradient = new Array<number>(d).fill(0);
  const hessian = new Array<number>(d * d).fill(0);
  let loss = 0;
  for (let i = 0; i < d; i++) {
    for (let j = 0; j < d; j++) {
      const moved = plain[parameter].map((w, k) => ({ a: w.a, b: k === i ? 1 : 0, c: k === j ? 1 : 0, d: 0 }));
      const value = lossOf(network, forward(network, { ...plain, [parameter]: moved }, input), target);
      hessian[i * d + j] = value.d;
      gradient[i] = value.b;
      loss = value.a;
    }
  }
  return { gradient, hessian, loss };
}

/** The input of the layer that owns a kernel, and the network's output, in plain numbers. */
export function oracleActivations(
  network: OracleNetwork,
  layer: string,
  input: readonly number[],
): { readonly input: number[]; readonly output: number[] } {
  const weights = Object.fromEntries(
    Object.entries(network.weights).map(([name, values]) => [name, values.map(constant)]),
  );
  const at = network.layers.findIndex((each) => each.name === layer);
  const run = (layers: readonly OracleLayer[]): number[] =>
    forward({ ...network, layers }, weights, input).map((each) => each.a);
  return { input: run(network.layers.slice(0, at)), output: run(network.layers) };
}

/** Moments of one parameter over samples (rows of inputs and of targets, one-hot for classes). */
export function oracleMoments(
  network: OracleNetwork,
  parameter: string,
  inputs: readonly (readonly number[])[],
  targets: readonly (readonly number[])[],
): OracleMoments {
  const d = network.weights[parameter].length;
  const size = inputs.length;
  const C = new Array<number>(d * d).fill(0);
  const H = new Array<number>(d * d).fill(0);
  const Q = new Array<number>(d * d).fill(0);
  const mean = new Array<number>(d).fill(0);
  let loss = 0;
  for (const [p, input] of inputs.entries()) {
    const { gradient, hessian, loss: own } = oracleSample(network, parameter, input, targets[p]);
    loss += own / size;
    for (let i = 0; i < d; i++) {
      mean[i] += gradient[i] / size;
      for (let j = 0; j < d; j++) {
        C[i * d + j] += (gradient[i] * gradient[j]) / size;
        H[i * d + j] += hessian[i * d + j] / size;
        let square = 0;
        for (let k = 0; k < d; k++) square += hessian[i * d + k] * hessian[k * d + j];
        Q[i * d + j] += square / size;
      }
    }
  }
  for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) C[i * d + j] -= mean[i] * mean[j];
  return { C, H, Q, mean_gradient: mean, loss };
}

/** Eigenvalues in decreasing order with their vectors as rows, by Jacobi rotations. */
export function jacobiEigen(matrix: readonly number[], d: number): { values: number[]; vectors: number[][] } {
  const a = Array.from({ length: d }, (_, i) => Array.from({ length: d }, (_, j) => matrix[i * d + j]));
  const v: number[][] = Array.from({ length: d }, (_, i) => Array.from({ length: d }, (_, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < 60; sweep++) {
    for (let p = 0; p < d; p++) {
      for (let q = p + 1; q < d; q++) {
        if (a[p][q] === 0) continue;
        const angle = 0.5 * Math.atan2(2 * a[p][q], a[q][q] - a[p][p]);
        const c = Math.cos(angle);
        const s = Math.sin(angle);
        for (let k = 0; k < d; k++) [a[k][p], a[k][q]] = [c * a[k][p] - s * a[k][q], s * a[k][p] + c * a[k][q]];
        for (let k = 0; k < d; k++) [a[p][k], a[q][k]] = [c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]];
        for (let k = 0; k < d; k++) [v[p][k], v[q][k]] = [c * v[p][k] - s * v[q][k], s * v[p][k] + c * v[q][k]];
      }
    }
  }
  const order = Array.from({ length: d }, (_, i) => i).sort((i, j) => a[j][j] - a[i][i]);
  return { values: order.map((i) => a[i][i]), vectors: order.map((i) => v[i]) };
}
