/**
 * Layers that hold chains of layers, all of them from the same input: their ends are added (residual) or put side by side (concat). An empty chain is the
 * input itself.
 */
import { InputError } from '../../shared/errors.ts';
import type { Backend, Tensor } from '../backend/types.ts';
import { backwardChain, forwardChain, holds, tangentBackwardChain, tangentForwardChain } from './chain.ts';
import { sizeOf } from './shapes.ts';
import { bySample, consecutive } from './tokens.ts';
import { addTangents } from './types.ts';
import type { Direction, Layer, LayerPlace, Parameter, Sink, Tangent, TrainingPass } from './types.ts';

abstract class BranchedLayer implements Layer {
  readonly label: string;
  readonly parameters: readonly Parameter[];
  readonly states: readonly Parameter[];
  readonly outputShape: readonly number[];
  readonly isPiecewiseLinear: boolean;
  readonly chains: readonly (readonly Layer[])[];
  protected readonly branches: readonly (readonly Layer[])[];

  constructor(branches: readonly (readonly Layer[])[], outputShape: readonly number[], label: string) {
    this.label = label;
    this.branches = branches;
    this.chains = branches.filter((branch) => branch.length > 0);
    const all = branches.flat();
    this.parameters = all.flatMap((layer) => layer.parameters);
    this.states = all.flatMap((layer) => layer.states ?? []);
    this.outputShape = outputShape;
    this.isPiecewiseLinear = all.every((layer) => layer.isPiecewiseLinear);
  }

  /** y from the branches' ends; of tangents null is zero. */
  protected abstract join(backend: Backend, ends: readonly (Tensor | null)[]): Tensor | null;
  /** The part of dy that belongs to a branch. */
  protected abstract part(backend: Backend, dy: Tensor, branch: number): Tensor;

  forward(backend: Backend, x: Tensor, training?: TrainingPass): Tensor {
    const ends = this.branches.map((branch) => forwardChain(branch, backend, x, training));
    const y = this.join(backend, ends);
    if (y === null) throw new Error(`${this.label}: no branches`);
    return y;
  }

  backward(backend: Backend, dy: Tensor, sink: Sink, needInput: boolean, stop?: Layer): Tensor | null {
    if (stop !== undefined) {
      const stopBranch = this.#branchOf(stop);
      return backwardChain(this.branches[stopBranch], backend, this.part(backend, dy, stopBranch), sink, false, stop);
    }
    let dx: Tensor | null = null;
    for (let at = this.branches.length - 1; at >= 0; at--) {
      const dxOfBranch = backwardChain(this.branches[at], backend, this.part(backend, dy, at), sink, needInput);
      if (needInput) dx = addTangents(backend, dxOfBranch, dx);
    }
    return dx;
  }

  tangentForward(backend: Backend, xDot: Tangent, direction: Direction): Tangent {
    const ends = this.branches.map((branch) => tangentForwardChain(branch, backend, xDot, direction));
    return ends.every((end) => end === null) ? null : this.join(backend, ends);
  }

  tangentBackward(
    backend: Backend,
    dyDot: Tangent,
    direction: Direction,
    sink: Sink,
    needInput: boolean,
    stop?: Layer,
  ): Tangent {
    const partOf = (at: number): Tensor | null => (dyDot === null ? null : this.part(backend, dyDot, at));
    if (stop !== undefined) {
      const stopBranch = this.#branchOf(stop);
      return tangentBackwardChain(this.branches[stopBranch], backend, partOf(stopBranch), direction, sink, false, stop);
    }
    let dxDot: Tangent = null;
    for (let at = this.branches.length - 1; at >= 0; at--) {
      const dxDotOfBranch = tangentBackwardChain(this.branches[at], backend, partOf(at), direction, sink, needInput);
      if (needInput) dxDot = addTangents(backend, dxDotOfBranch, dxDot);
    }
    return dxDot;
  }

  #branchOf(stop: Layer): number {
    return this.branches.findIndex((branch) => branch.some((layer) => holds(layer, stop)));
  }
}

/** y = the sum of the branches' ends. */
export class ResidualLayer extends BranchedLayer {
  /** @param branches the shortcut, the layers, and more. Raises InputError if they end in different shapes. */
  constructor(branches: readonly (readonly Layer[])[], inputShape: readonly number[], place: LayerPlace) {
    const ends = branches.map((branch) => endOf(branch, inputShape));
    const main = ends[1].shape;
    for (const [at, end] of ends.entries()) {
      if (end.shape.join() === main.join()) continue;
      const who = at === 0 ? (end.isInput ? 'its input has' : 'its shortcut ends in') : `branches[${at - 2}] ends in`;
      throw new InputError(
        `${place} (residual): its layers end in shape [${main.join(', ')}], ${who} [${end.shape.join(', ')}]; they are added, so they must be the same`,
      );
    }
    super(branches, main, `${place} (residual)`);
  }

  protected override join(backend: Backend, ends: readonly (Tensor | null)[]): Tensor | null {
    return ends.reduce((sum, end) => addTangents(backend, sum, end));
  }

  protected override part(_backend: Backend, dy: Tensor, _branch: number): Tensor {
    return dy;
  }
}

/** y = the branches' ends side by side, on the last axis or token after token. */
export class ConcatLayer extends BranchedLayer {
  /** Numbers of each branch in a row of what is joined: its width, or all of a sample's tokens. */
  readonly #widths: readonly number[];
  readonly #byTokens: boolean;

  /** Raises InputError if the branches' shapes differ in more than the axis on which they are joined. */
  constructor(
    branches: readonly (readonly Layer[])[],
    axis: 'last' | 'tokens',
    inputShape: readonly number[],
    place: LayerPlace,
  ) {
    const shapes = branches.map((branch) => endOf(branch, inputShape).shape);
    const label = `${place} (concat)`;
    const varying = axis === 'tokens' ? 0 : shapes[0].length - 1;
    const others = (shape: readonly number[]): string => shape.with(varying, 0).join();
    if (axis === 'tokens' && shapes[0].length !== 2)
      throw new InputError(
        `${label}: branches[0] ends in shape [${shapes[0].join(', ')}]; expected a sequence [tokens, width]`,
      );
    for (const [i, shape] of shapes.entries()) {
      if (shape.length === shapes[0].length && others(shape) === others(shapes[0])) continue;
      throw new InputError(
        `${label}: branches[0] ends in shape [${shapes[0].join(', ')}], branches[${i}] in [${shape.join(', ')}]; they may differ only in the ${axis === 'tokens' ? 'tokens' : 'last axis'}`,
      );
    }
    const total = shapes.reduce((sum, shape) => sum + shape[varying], 0);
    super(branches, shapes[0].with(varying, total), label);
    this.#byTokens = axis === 'tokens';
    this.#widths = shapes.map((shape) => (this.#byTokens ? sizeOf(shape) : shape[varying]));
  }

  protected override join(backend: Backend, ends: readonly (Tensor | null)[]): Tensor | null {
    const rowsOf = (end: Tensor, i: number): number => (end.rows * end.cols) / this.#widths[i];
    const known = ends.findIndex((end) => end !== null);
    if (known < 0) return null;
    const rows = rowsOf(ends[known]!, known);
    const parts = ends.map((end, i) =>
      end === null ? backend.zeros(rows, this.#widths[i]) : backend.reshape(end, rows, this.#widths[i]),
    );
    const joined = backend.concatColumns(parts);
    const width = this.outputShape[this.outputShape.length - 1];
    return backend.reshape(joined, (joined.rows * joined.cols) / width, width);
  }

  protected override part(backend: Backend, dy: Tensor, branch: number): Tensor {
    const all = this.#byTokens ? bySample(backend, dy, this.outputShape[0]) : dy;
    const first = this.#widths.slice(0, branch).reduce((sum, width) => sum + width, 0);
    const dyOfBranch = backend.columnsOf(all, consecutive(first, this.#widths[branch]));
    return this.#byTokens
      ? backend.reshape(dyOfBranch, (dyOfBranch.rows * dyOfBranch.cols) / dy.cols, dy.cols)
      : dyOfBranch;
  }
}

function endOf(
  branch: readonly Layer[],
  inputShape: readonly number[],
): { readonly shape: readonly number[]; readonly isInput: boolean } {
  return branch.length === 0
    ? { shape: inputShape, isInput: true }
    : { shape: branch[branch.length - 1].outputShape, isInput: false };
}
