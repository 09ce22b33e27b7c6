/**
 * S_p = d2 l_p / dz dz^T of every sample as operations of any backend (../output-hessian.ts is the same in place on the CPU's arrays, which is the
 * faster there). Letters: P samples, n width of the layer, k width of the output. S is held as [P * n, n], one matrix below the other.
 */
import type { Backend, Tensor } from '../../backend/types.ts';
import { ActivationLayer } from '../../network/activation.ts';
import type { AffineLayer } from '../../network/affine.ts';
import { DenseLayer } from '../../network/dense.ts';
import type { Network } from '../../network/network.ts';
import { weightOf } from '../../network/types.ts';
import { recursionServes } from '../output-hessian.ts';

/** [P * n, n]; after a forward and a backward pass, in their scope. */
export function outputHessianOn(network: Network, backend: Backend, layer: AffineLayer, gaussNewton: boolean): Tensor {
  return recursionServes(network, layer)
    ? byRecursion(network, backend, layer, gaussNewton)
    : byTangents(network, backend, layer, gaussNewton);
}

function byRecursion(network: Network, backend: Backend, below: AffineLayer, gaussNewton: boolean): Tensor {
  const samples = network.output.rows;
  let s = lossHessian(network, backend);
  for (const layer of [...(network.chainAbove(below) ?? [])].reverse()) {
    if (layer instanceof DenseLayer) {
      const kernel = weightOf(network.weights, layer.kernel);
      const right = backend.matmul(s, kernel, false, true);
      // S is symmetric: (S W^T)^T = W S.
      const turned = backend.swapAxes(right, samples, s.cols, kernel.rows, 1);
      s = backend.matmul(backend.reshape(turned, samples * kernel.rows, s.cols), kernel, false, true);
    } else if (layer instanceof ActivationLayer) s = throughActivation(backend, layer, s, samples, gaussNewton);
  }
  return s;
}

function byTangents(network: Network, backend: Backend, layer: AffineLayer, gaussNewton: boolean): Tensor {
  const samples = network.output.rows;
  const width = layer.kernel.cols;
  network.linearise(layer);
  const columns: Tensor[] = [];
  try {
    for (let j = 0; j < width; j++) {
      const unit = new Float32Array(width);
      unit[j] = 1;
      backend.scope(() => {
        const seed = backend.repeatRows(backend.from(unit, 1, width), samples);
        network.tangent({ seeds: new Map([[layer.name, seed]]), gaussNewton }, null, layer);
        // A copy: what a layer holds may be another's, or the seed itself.
        const column = backend.scale(layer.deltaTangent ?? backend.zeros(samples, width), 1);
        columns.push(backend.keep(column));
      });
    }
    return backend.reshape(backend.concatColumns(columns), samples * width, width);
  } finally {
    for (const column of columns) backend.release(column);
  }
}

/** S_out: W (diag(q) - q q^T) for cross-entropy, diagonal for other losses (network/loss.ts). */
function lossHessian(network: Network, backend: Backend): Tensor {
  const y = network.output;
  const { rows, cols } = y;
  const identity = tiledIdentity(backend, rows, cols);
  const { weights: q, mass } = network.loss.weights(backend, y);
  if (network.loss.type !== 'cross-entropy') return backend.scaleRows(identity, backend.reshape(q, rows * cols, 1));
  const outer = backend.scaleRows(backend.repeatRows(q, cols), backend.reshape(q, rows * cols, 1));
  // q_i (1 - q_i) as q_i times the sum of the others, exact if q_i is close to 1.
  const others = backend.matmul(q, backend.from(offDiagonal(cols), cols, cols));
  const diagonal = backend.reshape(backend.multiply(q, others), rows * cols, 1);
  const away = tiled(backend, offDiagonal(cols), rows, cols);
  const s = backend.subtract(backend.scaleRows(identity, diagonal), backend.multiply(outer, away));
  return mass === null ? s : backend.scaleRows(s, backend.repeatRows(mass, cols));
}

function throughActivation(
  backend: Backend,
  layer: ActivationLayer,
  s: Tensor,
  samples: number,
  gaussNewton: boolean,
): Tensor {
  const width = s.cols;
  const first = layer.firstDerivative(backend);
  const left = backend.scaleRows(s, backend.reshape(first, samples * width, 1));
  const both = backend.multiply(left, backend.repeatRows(backend.reshape(first, samples, width), width));
  const delta = layer.outputDelta;
  if (gaussNewton || layer.isPiecewiseLinear || delta === null) return both;
  const diagonal = backend.multiply(layer.secondDerivative(backend), delta);
  return backend.add(
    both,
    backend.scaleRows(tiledIdentity(backend, samples, width), backend.reshape(diagonal, samples * width, 1)),
  );
}

function tiledIdentity(backend: Backend, samples: number, width: number): Tensor {
  const identity = new Float32Array(width * width);
  for (let i = 0; i < width; i++) identity[i * width + i] = 1;
  return tiled(backend, identity, samples, width);
}

/** A matrix [width, width] once a sample: [samples * width, width]. */
function tiled(backend: Backend, matrix: Float32Array, samples: number, width: number): Tensor {
  const rows = backend.repeatRows(backend.from(matrix, 1, width * width), samples);
  return backend.reshape(rows, samples * width, width);
}

function offDiagonal(width: number): Float32Array {
  const matrix = new Float32Array(width * width).fill(1);
  for (let i = 0; i < width; i++) matrix[i * width + i] = 0;
  return matrix;
}
