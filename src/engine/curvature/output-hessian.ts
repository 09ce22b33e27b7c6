/**
 * S_p = d2 l_p / dz dz^T [n, n] of every sample of a batch, z the output of a layer that sees one vector a sample, after a forward and
 * a backward pass. Two ways that agree:
 *   recursion  from the output down: through dense S <- W S W^T, through f: S <- D S D + diag(f''(z) dl/dy), D = diag(f'(z)); where
 *              everything above is dense or elementwise
 *   tangents   one R-operator pass for every unit vector e_j gives column j of every S_p; for any network above (docs/theory.md, "Exact and fast")
 * `gaussNewton` leaves the f'' terms out: the Gauss-Newton part J^T S_out J.
 * Letters: p sample, n width of the layer, k width of the output.
 */
import { dataOf } from '../backend/cpu.ts';
import type { CpuBackend, CpuTensor } from '../backend/cpu.ts';
import type { Tensor } from '../backend/types.ts';
import type { Real } from '../blas/types.ts';
import { ActivationLayer } from '../network/activation.ts';
import type { AffineLayer } from '../network/affine.ts';
import { DenseLayer } from '../network/dense.ts';
import { FlattenLayer } from '../network/flatten.ts';
import type { Network } from '../network/network.ts';
import type { Layer } from '../network/types.ts';

/** Whether the recursion works for everything above a layer. */
export function recursionServes(network: Network, layer: Layer): boolean {
  const above = network.chainAbove(layer);
  return (
    above?.every(
      (each) =>
        each instanceof ActivationLayer ||
        (each instanceof DenseLayer && each.positions === 1) ||
        each instanceof FlattenLayer,
    ) ?? false
  );
}

/** [P, n * n], row p the matrix S_p row-major. Call inside the scope of the passes. */
export function outputHessian(
  network: Network,
  backend: CpuBackend,
  layer: AffineLayer,
  gaussNewton: boolean,
): CpuTensor {
  return recursionServes(network, layer)
    ? byRecursion(network, backend, layer, gaussNewton)
    : byTangents(network, backend, layer, gaussNewton);
}

export function byRecursion(
  network: Network,
  backend: CpuBackend,
  below: AffineLayer,
  gaussNewton: boolean,
): CpuTensor {
  const samples = network.output.rows;
  let width = network.outputSize;
  let s = lossHessian(network, backend);
  for (const layer of [...(network.chainAbove(below) ?? [])].reverse()) {
    if (layer instanceof DenseLayer) {
      const kernel = dataOf(kernelOf(network, layer));
      const inner = layer.kernel.rows;
      // (S W^T)_p for all samples at once, then W (S W^T)_p for each.
      const rows = samples * width;
      const right = backend.take(rows, inner);
      backend.blas.gemm(false, true, rows, inner, width, 1, s.data, width, kernel, width, 0, right.data, inner);
      const next = backend.take(samples, inner * inner);
      for (let p = 0; p < samples; p++) {
        const below = right.data.subarray(p * width * inner, (p + 1) * width * inner);
        const target = next.data.subarray(p * inner * inner, (p + 1) * inner * inner);
        backend.blas.gemm(false, false, inner, inner, width, 1, kernel, width, below, inner, 0, target, inner);
      }
      s = next;
      width = inner;
    } else if (layer instanceof ActivationLayer) {
      throughActivation(backend, layer, s, width, gaussNewton);
    }
  }
  return s;
}

export function byTangents(network: Network, backend: CpuBackend, layer: AffineLayer, gaussNewton: boolean): CpuTensor {
  const samples = network.output.rows;
  const width = layer.kernel.cols;
  const s = backend.take(samples, width * width);
  network.linearise(layer);
  for (let j = 0; j < width; j++) {
    backend.scope(() => {
      const seed = backend.zeros(samples, width);
      for (let p = 0; p < samples; p++) seed.data[p * width + j] = 1;
      network.tangent({ seeds: new Map([[layer.name, seed]]), gaussNewton }, null, layer);
      const column = layer.deltaTangent;
      const values = column === null ? null : dataOf(column);
      for (let p = 0; p < samples; p++) {
        for (let k = 0; k < width; k++)
          s.data[(p * width + j) * width + k] = values === null ? 0 : values[p * width + k];
      }
    });
  }
  return s;
}

/** Columns of B_p with S_p = B_p B_p^T if that has fewer columns than rows; 0 if there is no such factor. */
export function factorWidth(network: Network, layer: AffineLayer): number {
  const serves = recursionServes(network, layer) && network.isPiecewiseLinearAbove(layer);
  return serves && network.outputSize < layer.kernel.cols ? network.outputSize : 0;
}

/**
 * [P, n * k], row p the matrix B_p row-major with S_p = B_p B_p^T. Where everything above is dense or piecewise linear, S_p = J^T S_out J with
 * J = dy/dz, and S_out = R R^T with R = sqrt(W) (diag(sqrt q) - q sqrt(q)^T) for cross-entropy, the root of the diagonal S_out for other losses; so B = J^T R.
 * Only if `factorWidth` is not 0. Call inside the scope of the passes.
 */
export function outputFactor(network: Network, backend: CpuBackend, below: AffineLayer): CpuTensor {
  const y = network.output;
  const { rows: samples, cols: k } = y;
  let b = backend.zeros(samples, k * k);
  const { q, mass } = lossWeights(network, backend);
  for (let p = 0; p < samples; p++) {
    const offset = p * k * k;
    for (let i = 0; i < k; i++) {
      if (mass === null) b.data[offset + i * k + i] = Math.sqrt(q[p * k + i]);
      else {
        const root = Math.sqrt(mass[p]);
        for (let j = 0; j < k; j++) b.data[offset + i * k + j] = -root * q[p * k + i] * Math.sqrt(q[p * k + j]);
        // sqrt(q_i) (1 - q_i), with the sum of the others for 1 - q_i as in lossHessian.
        let others = 0;
        for (let j = 0; j < k; j++) if (j !== i) others += q[p * k + j];
        b.data[offset + i * k + i] = root * Math.sqrt(q[p * k + i]) * others;
      }
    }
  }
  let width = k;
  for (const layer of [...(network.chainAbove(below) ?? [])].reverse()) {
    if (layer instanceof DenseLayer) {
      const kernel = dataOf(kernelOf(network, layer));
      const inner = layer.kernel.rows;
      const next = backend.take(samples, inner * k);
      for (let p = 0; p < samples; p++) {
        const from = b.data.subarray(p * width * k, (p + 1) * width * k);
        const target = next.data.subarray(p * inner * k, (p + 1) * inner * k);
        backend.blas.gemm(false, false, inner, k, width, 1, kernel, width, from, k, 0, target, k);
      }
      b = next;
      width = inner;
    } else if (layer instanceof ActivationLayer) {
      const first = dataOf(layer.firstDerivative(backend));
      for (let row = 0, at = 0; row < samples * width; row++)
        for (let j = 0; j < k; j++, at++) b.data[at] *= first[row];
    }
  }
  return b;
}

/** W and q of cross-entropy; for other losses the diagonal of S_out and no W. */
function lossWeights(network: Network, backend: CpuBackend): { readonly q: Real; readonly mass: Real | null } {
  const { weights, mass } = network.loss.weights(backend, network.output);
  const isDiagonal = network.loss.type !== 'cross-entropy';
  const ones = new Float64Array(weights.rows).fill(1);
  return { q: dataOf(weights), mass: isDiagonal ? null : mass === null ? ones : dataOf(mass) };
}

/** S_out: W (diag(q) - q q^T) for cross-entropy, diagonal for other losses (network/loss.ts). */
function lossHessian(network: Network, backend: CpuBackend): CpuTensor {
  const y = network.output;
  const { rows, cols } = y;
  const s = backend.zeros(rows, cols * cols);
  const { q, mass } = lossWeights(network, backend);
  for (let p = 0; p < rows; p++) {
    const offset = p * cols * cols;
    for (let i = 0; i < cols; i++) {
      if (mass === null) s.data[offset + i * cols + i] = q[p * cols + i];
      else {
        for (let j = 0; j < cols; j++) s.data[offset + i * cols + j] = -mass[p] * q[p * cols + i] * q[p * cols + j];
        // q_i (1 - q_i) as q_i times the sum of the others: exact if q_i is close to 1, so that S times ones is 0 to rounding.
        let others = 0;
        for (let j = 0; j < cols; j++) if (j !== i) others += q[p * cols + j];
        s.data[offset + i * cols + i] = mass[p] * q[p * cols + i] * others;
      }
    }
  }
  return s;
}

function throughActivation(
  backend: CpuBackend,
  layer: ActivationLayer,
  s: CpuTensor,
  width: number,
  gaussNewton: boolean,
): void {
  const first = dataOf(layer.firstDerivative(backend));
  for (let p = 0; p < s.rows; p++) {
    for (let i = 0; i < width; i++) {
      const offset = (p * width + i) * width;
      const d = first[p * width + i];
      for (let j = 0; j < width; j++) s.data[offset + j] *= d * first[p * width + j];
    }
  }
  const delta = layer.outputDelta;
  if (gaussNewton || layer.isPiecewiseLinear || delta === null) return;
  const second = dataOf(layer.secondDerivative(backend));
  const above = dataOf(delta);
  for (let p = 0; p < s.rows; p++) {
    for (let i = 0; i < width; i++) s.data[(p * width + i) * width + i] += second[p * width + i] * above[p * width + i];
  }
}

function kernelOf(network: Network, layer: DenseLayer): Tensor {
  const tensor = network.weights.get(layer.kernel.name);
  if (tensor === undefined) throw new Error(`the weights of ${layer.kernel.name} are not set`);
  return tensor;
}
