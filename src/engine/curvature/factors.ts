/**
 * The factors of the three moments of a kernel or bias whose layer sees one vector a sample (docs/theory.md, "Exact and fast for a dense layer"). With a_p the layer's input
 * (1 for a bias), delta_p = dl_p/dz and S_p = d2 l_p / dz dz^T, all in double precision:
 *   g_p = a_p (x) delta_p,  h_p = a_p a_p^T (x) S_p,  h_p^2 = |a_p|^2 a_p a_p^T (x) S_p^2.
 * A row of the left factor is vech(a_p a_p^T); a row of the right one [ vech(S_p) | |a_p|^2 vech(S_p^2) | vech(delta_p delta_p^T) | vech(S_p^GN) ],
 * the last (Gauss-Newton) only if it differs from S_p.
 */
import type { ArrayReference, Blas, Real } from '../blas/types.ts';
import { CpuBackend, dataOf } from '../backend/cpu.ts';
import type { Tensor } from '../backend/types.ts';
import { AffineLayer } from '../network/affine.ts';
import { Network } from '../network/network.ts';
import type { ModelSpec } from '../../shared/model.ts';
import { defineTask, Slot, type TaskContext } from '../parallel/task.ts';
import { factorWidth, outputFactor, outputHessian } from './output-hessian.ts';
import { packedSize, packOuter, packSymmetric } from './packing.ts';
import { sumOfSquares } from './vectors.ts';

/** The network and the samples under measurement, as a worker thread holds them. */
export interface Problem {
  readonly network: Network;
  readonly backend: CpuBackend;
  readonly inputs: Real;
  readonly targets: Real;
}

export interface ProblemArgument {
  readonly model: ModelSpec;
  /** Values by parameter name, in shared memory. */
  readonly weights: ReadonlyMap<string, Real>;
  /** [n, inputSize] and [n, targetSize], in shared memory of any kind. */
  readonly inputs: Real;
  readonly targets: Real;
}

const problemSlot = new Slot<Problem>('problem');

export const openProblemTask = defineTask('openProblem', (context: TaskContext, argument: ProblemArgument): void => {
  const before = problemSlot.get(context);
  before?.network.release();
  before?.backend.trim();
  problemSlot.set(context, buildProblem(context.blas, argument));
});

/** The network with these weights on a double-precision backend. */
export function buildProblem(blas: Blas, argument: ProblemArgument): Problem {
  const backend = new CpuBackend(blas, 'float64');
  const network = new Network(argument.model, backend);
  for (const { name } of [...network.parameters, ...network.states]) {
    const values = argument.weights.get(name);
    if (values === undefined) throw new Error(`weights of ${name} are missing`);
    network.setWeight(name, values);
  }
  return { network, backend, inputs: argument.inputs, targets: argument.targets };
}

/** The dimensions of the factors of a parameter. */
export interface FactorLayout {
  readonly parameter: string;
  /** Width of a_p (1 for a bias) and of z. */
  readonly inner: number;
  readonly outer: number;
  /** Columns of the left factor: packedSize(inner). */
  readonly leftWidth: number;
  /** packedSize(outer), and how many such blocks a row of the right factor has: 3, or 4 with a Gauss-Newton part of its own. */
  readonly blockWidth: number;
  readonly blocks: 3 | 4;
}

/** The layout, or the reason (in words) why the exact method does not support this parameter. */
export function factorLayout(network: Network, parameterName: string): FactorLayout | string {
  const parameter = network.parameter(parameterName);
  const owner = network.layerOf(parameter);
  if (!(owner instanceof AffineLayer) || (parameter !== owner.kernel && parameter !== owner.bias))
    return `${parameterName} belongs to ${owner.label}: the exact method supports kernels and biases of dense layers and convolutions`;
  if (owner.positions !== 1) {
    return `${owner.label} sees ${owner.positions} vectors a sample: the exact method supports layers that see one`;
  }
  const inner = parameter === owner.bias ? 1 : owner.kernel.rows;
  const outer = owner.kernel.cols;
  return {
    parameter: parameterName,
    inner,
    outer,
    leftWidth: packedSize(inner),
    blockWidth: packedSize(outer),
    blocks: network.isPiecewiseLinearAbove(owner) ? 3 : 4,
  };
}

export interface FactorsArgument {
  readonly layout: FactorLayout;
  /** Sample numbers, in shared memory; this task does order[start ... start + count). */
  readonly order: Uint32Array;
  readonly start: number;
  readonly count: number;
  /** Factor rows go to rows [row, row + count) of these, [capacity, leftWidth] and [capacity, blocks * blockWidth]. */
  readonly left: ArrayReference;
  readonly right: ArrayReference;
  readonly row: number;
  /** [inner * outer]: receives sum_p g_p of this piece. */
  readonly gradient: ArrayReference;
}

export interface FactorsResult {
  readonly lossSum: number;
  readonly correct: number;
}

/** The results of one pass over a batch, valid until the scope it was made in ends. */
export interface BatchPass {
  readonly layer: AffineLayer;
  /** a_p [count, inner], delta_p [count, outer]. */
  readonly input: Real;
  readonly delta: Real;
  readonly outputs: Tensor;
  readonly targets: Tensor;
}

/** Forward and backward over the samples order[start ... start + count). Call inside a scope. */
export function passBatch(
  { network, backend, inputs: allInputs, targets: allTargets }: Problem,
  layout: FactorLayout,
  order: Uint32Array,
  start: number,
  count: number,
): BatchPass {
  const inputs = backend.rowsOf(backend.table(allInputs, network.inputSize, false), order, start, count);
  const targets = backend.rowsOf(backend.table(allTargets, network.targetSize, false), order, start, count);
  const outputs = network.forward(inputs);
  const layer = network.layerOf(network.parameter(layout.parameter)) as AffineLayer;
  network.backward(network.lossGradient(targets), null, layer);
  const a = layout.inner === 1 && layout.parameter === layer.bias?.name ? ones(backend, count) : layer.input;
  return {
    layer,
    input: dataOf(a),
    delta: dataOf(layer.delta),
    outputs,
    targets,
  };
}

export const factorsTask = defineTask('factors', (context: TaskContext, argument: FactorsArgument): FactorsResult => {
  const problem = openedProblem(context);
  const { network, backend } = problem;
  const { layout, count, row } = argument;
  const left = context.blas.open(argument.left);
  const right = context.blas.open(argument.right);
  const gradient = context.blas.open(argument.gradient);
  return backend.scope(() => {
    const { layer, input, delta, outputs, targets } = passBatch(problem, layout, argument.order, argument.start, count);
    const gaussNewton = layout.blocks === 4 ? outputHessian(network, backend, layer, true) : null;
    const { inner, outer, blockWidth } = layout;
    const hessians = sampleHessians(network, backend, layer, outer);
    const width = layout.blocks * blockWidth;
    for (let p = 0; p < count; p++) {
      packOuter(input, p * inner, inner, 1, left, (row + p) * layout.leftWidth);
      const offset = (row + p) * width;
      const { matrix, from, square } = hessians(p);
      packSymmetric(matrix, from, outer, 1, right, offset);
      packSymmetric(square, 0, outer, sumOfSquares(input, p * inner, inner), right, offset + blockWidth);
      packOuter(delta, p * outer, outer, 1, right, offset + 2 * blockWidth);
      if (gaussNewton !== null)
        packSymmetric(gaussNewton.data, p * outer * outer, outer, 1, right, offset + 3 * blockWidth);
    }
    context.blas.gemm(true, false, inner, outer, count, 1, input, inner, delta, outer, 0, gradient, outer);
    return {
      lossSum: withLosses(0, network, targets),
      correct: network.loss.correct(dataOf(outputs), dataOf(targets)),
    };
  });
});

interface SampleHessian {
  /** S_p, from `from` on, and S_p^2; both valid until the next sample is asked for. */
  readonly matrix: Real;
  readonly from: number;
  readonly square: Real;
}

/** S_p and its square by sample; if S_p = B_p B_p^T with few columns, S_p^2 = B_p (B_p^T B_p) B_p^T. */
function sampleHessians(
  network: Network,
  backend: CpuBackend,
  layer: AffineLayer,
  outer: number,
): (p: number) => SampleHessian {
  const { blas } = backend;
  const square = backend.take(1, outer * outer).data;
  const width = factorWidth(network, layer);
  if (width === 0) {
    const all = outputHessian(network, backend, layer, false).data;
    return (p) => {
      const from = p * outer * outer;
      const matrix = all.subarray(from, from + outer * outer);
      blas.gemm(false, true, outer, outer, outer, 1, matrix, outer, matrix, outer, 0, square, outer);
      return { matrix: all, from, square };
    };
  }
  const factors = outputFactor(network, backend, layer).data;
  const matrix = backend.take(1, outer * outer).data;
  const gram = backend.take(1, width * width).data;
  const moved = backend.take(1, outer * width).data;
  return (p) => {
    const b = factors.subarray(p * outer * width, (p + 1) * outer * width);
    blas.gemm(false, true, outer, outer, width, 1, b, width, b, width, 0, matrix, outer);
    blas.gemm(true, false, width, width, outer, 1, b, width, b, width, 0, gram, width);
    blas.gemm(false, false, outer, width, width, 1, b, width, gram, width, 0, moved, width);
    blas.gemm(false, true, outer, outer, width, 1, moved, width, b, width, 0, square, outer);
    return { matrix, from: 0, square };
  };
}

/** The problem that `openProblem` left in this worker. */
export function openedProblem(context: TaskContext): Problem {
  const problem = problemSlot.get(context);
  if (problem === undefined) throw new Error('no problem is open in this worker');
  return problem;
}

function ones(backend: CpuBackend, rows: number): ReturnType<CpuBackend['take']> {
  const tensor = backend.take(rows, 1);
  tensor.data.fill(1);
  return tensor;
}

/** A sum with the losses of the samples that passed last added, one after the other: however samples are cut into passes, they are added in their order. */
export function withLosses(sum: number, network: Network, targets: Tensor): number {
  for (const value of dataOf(network.lossValues(targets))) sum += value;
  return sum;
}
