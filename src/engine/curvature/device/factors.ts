/**
 * The factors of the moments (../factors.ts says of what) as tensors of any backend. Letters: P samples, a [P, inner] the layer's input, delta [P, outer],
 * S [P, outer * outer].
 */
import type { Backend, Tensor } from '../../backend/types.ts';
import type { AffineLayer } from '../../network/affine.ts';
import type { FactorLayout } from '../factors.ts';
import { packedSize } from '../packing.ts';
import { outputHessianOn } from './output-hessian.ts';
import type { DeviceProblem } from './session.ts';

/** The results of one pass over a batch; valid until the scope it was made in ends. */
export interface DevicePass {
  readonly layer: AffineLayer;
  readonly input: Tensor;
  readonly delta: Tensor;
  /** S_p, [P * outer, outer]. */
  readonly hessians: Tensor;
  readonly outputs: Tensor;
  /** l_p [P, 1]. */
  readonly losses: Tensor;
}

/**
 * Forward and backward over the samples order[start ... start + count), and their S_p. Call inside a scope.
 * @param gaussNewton whether S_p is that of the Gauss-Newton part
 */
export function passOn(
  problem: DeviceProblem,
  layout: FactorLayout,
  order: Uint32Array,
  start: number,
  count: number,
  gaussNewton = false,
): DevicePass {
  const pass = backwardOn(problem, layout, order, start, count);
  return { ...pass, hessians: outputHessianOn(problem.network, problem.backend, pass.layer, gaussNewton) };
}

/** The same without S_p. */
export function backwardOn(
  { network, backend, inputs, targets }: DeviceProblem,
  layout: FactorLayout,
  order: Uint32Array,
  start: number,
  count: number,
): Omit<DevicePass, 'hessians'> {
  const x = backend.rowsOf(inputs, order, start, count);
  const t = backend.rowsOf(targets, order, start, count);
  const outputs = network.forward(x);
  const layer = network.layerOf(network.parameter(layout.parameter)) as AffineLayer;
  network.backward(network.lossGradient(t), null, layer);
  const isBias = layout.parameter === layer.bias?.name;
  return {
    layer,
    input: isBias ? backend.repeatRows(backend.from([1], 1, 1), count) : layer.input,
    delta: layer.delta,
    outputs,
    losses: network.lossValues(t),
  };
}

/** Rows and columns of the packed upper triangle of an n x n matrix, in its order (../packing.ts). */
export interface Triangle {
  readonly rows: Uint32Array;
  readonly cols: Uint32Array;
}

export function triangle(n: number): Triangle {
  const rows = new Uint32Array(packedSize(n));
  const cols = new Uint32Array(packedSize(n));
  for (let i = 0, at = 0; i < n; i++) {
    for (let j = i; j < n; j++, at++) {
      rows[at] = i;
      cols[at] = j;
    }
  }
  return { rows, cols };
}

/** [P, part]: entries [from, to) of vech(x_p x_p^T). */
export function packOuterOn(backend: Backend, x: Tensor, { rows, cols }: Triangle, from = 0, to = rows.length): Tensor {
  return backend.multiply(backend.columnsOf(x, rows.subarray(from, to)), backend.columnsOf(x, cols.subarray(from, to)));
}

/** [P, packedSize(n)]: vech((S_p + S_p^T) / 2). */
export function packSymmetricOn(backend: Backend, s: Tensor, n: number, { rows, cols }: Triangle): Tensor {
  const flat = backend.reshape(s, s.rows / n, n * n);
  const flatIndex = (i: Uint32Array, j: Uint32Array): Uint32Array => i.map((row, e) => row * n + j[e]);
  return backend.scale(
    backend.add(backend.columnsOf(flat, flatIndex(rows, cols)), backend.columnsOf(flat, flatIndex(cols, rows))),
    0.5,
  );
}

/** The right factor [P, blocks * blockWidth]. */
export function rightFactorOn(
  { network, backend }: DeviceProblem,
  layout: FactorLayout,
  { layer, input, delta, hessians }: DevicePass,
): Tensor {
  const { outer } = layout;
  const packed = triangle(outer);
  const samples = delta.rows;
  const squares = backend.batchMatmul(hessians, hessians, samples);
  const parts = [
    packSymmetricOn(backend, hessians, outer, packed),
    backend.scaleRows(packSymmetricOn(backend, squares, outer, packed), backend.rowDot(input, input)),
    packOuterOn(backend, delta, packed),
  ];
  if (layout.blocks === 4)
    parts.push(packSymmetricOn(backend, outputHessianOn(network, backend, layer, true), outer, packed));
  return backend.concatColumns(parts);
}
