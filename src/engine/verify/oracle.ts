/**
 * C, H, Q and the Gauss-Newton part of one parameter as they are defined, by the slowest and most obvious way: every entry of every sample's Hessian from a forward
 * pass of its own in hyper-dual numbers (forward.ts), then dense loops. Nothing here comes from the code that it checks. Letters: p sample, d weights.
 */
import type { ModelSpec } from '../../shared/model.ts';
import { forwardOutput } from './forward.ts';
import { constant } from './hyper-dual.ts';
import { lossOfSample, outputCurvature } from './loss.ts';
import type { Values } from './values.ts';

export interface OracleProblem {
  readonly model: ModelSpec;
  /** Values of every parameter and state by name, row-major. */
  readonly weights: Readonly<Record<string, readonly number[]>>;
  /** Rows a sample; targets one-hot for classes, of a sequence a class number a position. */
  readonly inputs: readonly (readonly number[])[];
  readonly targets: readonly (readonly number[])[];
}

/** Matrices [d, d] row-major, divisor the number of samples. */
export interface OracleMatrices {
  readonly C: Float64Array;
  readonly H: Float64Array;
  readonly Q: Float64Array;
  readonly gauss_newton: Float64Array;
  readonly mean_gradient: Float64Array;
  readonly loss: number;
}

export interface OracleOptions {
  /** Aborts the computation with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Share of the forward passes done, some twenty times a second. */
  readonly onProgress?: ((share: number) => void) | undefined;
}

/** The longest time without checking for messages (a cancellation), in milliseconds. */
const longestHold = 50;

/** Lets messages in from time to time: d^2 / 2 forward passes a sample take seconds. */
export async function oracleMatrices(
  problem: OracleProblem,
  parameter: string,
  options: OracleOptions = {},
): Promise<OracleMatrices> {
  const { model, weights, inputs, targets } = problem;
  const base = Object.fromEntries(Object.entries(weights).map(([name, values]) => [name, values.map(constant)]));
  const measuredWeights = weights[parameter];
  const d = measuredWeights.length;
  const size = inputs.length;
  const square = (): Float64Array => new Float64Array(d * d);
  const [C, H, Q, G] = [square(), square(), square(), square()];
  const mean = new Float64Array(d);
  let loss = 0;
  let looked = performance.now();
  for (const [p, input] of inputs.entries()) {
    const passed = (i: number, j: number): Values => {
      const moved = measuredWeights.map((w, k) => ({ a: w, b: k === i ? 1 : 0, c: k === j ? 1 : 0, d: 0 }));
      return forwardOutput(model, { ...base, [parameter]: moved }, input);
    };
    const g = new Float64Array(d);
    const h = square();
    const jacobian: number[][] = [];
    let output: number[] = [];
    let shape: readonly number[] = [];
    for (let i = 0; i < d; i++) {
      for (let j = i; j < d; j++) {
        const y = passed(i, j);
        const l = lossOfSample(model.loss, y, targets[p]);
        h[i * d + j] = l.d;
        h[j * d + i] = l.d;
        if (j > i) continue;
        g[i] = l.b;
        jacobian.push(y.x.map((each) => each.b));
        output = y.x.map((each) => each.a);
        shape = y.shape;
        if (i === 0) loss += l.a / size;
      }
      if (performance.now() - looked < longestHold) continue;
      // Row i of the upper triangle is done: of d (d + 1) / 2 entries all but those of the rows below.
      const left = d - 1 - i;
      options.onProgress?.((p + 1 - (left * (left + 1)) / (d * (d + 1))) / size);
      await new Promise((resolve) => setImmediate(resolve));
      options.signal?.throwIfAborted();
      looked = performance.now();
    }
    const S = outputCurvature(model.loss, shape, output, targets[p]);
    const K = output.length;
    for (let i = 0; i < d; i++) {
      mean[i] += g[i] / size;
      for (let j = 0; j < d; j++) {
        C[i * d + j] += (g[i] * g[j]) / size;
        H[i * d + j] += h[i * d + j] / size;
        let [product, part] = [0, 0];
        for (let k = 0; k < d; k++) product += h[i * d + k] * h[k * d + j];
        for (let k = 0; k < K; k++) for (let m = 0; m < K; m++) part += jacobian[i][k] * S[k * K + m] * jacobian[j][m];
        Q[i * d + j] += product / size;
        G[i * d + j] += part / size;
      }
    }
  }
  for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) C[i * d + j] -= mean[i] * mean[j];
  return { C, H, Q, gauss_newton: G, mean_gradient: mean, loss };
}

/** Eigenvalues in decreasing order with their vectors as rows, by Jacobi rotations. */
export function jacobi(
  matrix: Float64Array,
  d: number,
): { readonly values: number[]; readonly vectors: Float64Array[] } {
  const a = Array.from({ length: d }, (_, i) => matrix.slice(i * d, (i + 1) * d));
  const v = Array.from({ length: d }, (_, i) => Float64Array.from({ length: d }, (_, j) => (i === j ? 1 : 0)));
  const turn = (x: number, y: number, c: number, s: number): readonly [number, number] => [
    c * x - s * y,
    s * x + c * y,
  ];
  for (let sweep = 0; sweep < 60; sweep++) {
    let moved = false;
    for (let p = 0; p < d; p++) {
      for (let q = p + 1; q < d; q++) {
        if (Math.abs(a[p][q]) < 1e-300) continue;
        moved = true;
        const angle = 0.5 * Math.atan2(2 * a[p][q], a[q][q] - a[p][p]);
        const [c, s] = [Math.cos(angle), Math.sin(angle)];
        for (let k = 0; k < d; k++) [a[k][p], a[k][q]] = turn(a[k][p], a[k][q], c, s);
        for (let k = 0; k < d; k++) {
          [a[p][k], a[q][k]] = turn(a[p][k], a[q][k], c, s);
          [v[p][k], v[q][k]] = turn(v[p][k], v[q][k], c, s);
        }
      }
    }
    if (!moved) break;
  }
  const order = Array.from({ length: d }, (_, i) => i).sort((i, j) => a[j][j] - a[i][i]);
  return { values: order.map((i) => a[i][i]), vectors: order.map((i) => v[i]) };
}
