/** The terms of a pass from which every sample's own vector u_p [d] (its gradient, or h_p v) can be computed, on any backend. */
import type { Tensor } from '../../backend/types.ts';
import type { GradientSink, Parameter } from '../../network/types.ts';
import type { Space } from './space.ts';

/** One term of a parameter's gradient: the sum over a sample's rows of a^T b (a kernel's), or of b itself (a = null). */
export interface Term {
  readonly a: Tensor | null;
  readonly b: Tensor;
}

/** Keeps what layers hand over of the parameters of a space; others are ignored. The tensors must outlive the pass. */
export class TermSink implements GradientSink {
  readonly space: Space;
  readonly terms = new Map<Parameter, Term[]>();

  constructor(space: Space) {
    this.space = space;
  }

  product(parameter: Parameter, a: Tensor, transposeA: boolean, b: Tensor, transposeB: boolean): void {
    if (!this.space.offsets.has(parameter.name)) return;
    if (!transposeA || transposeB) throw new Error(`${parameter.name}: a gradient by samples must be a sum of a^T b`);
    this.#keep(parameter, { a, b });
  }

  add(parameter: Parameter): void {
    throw new Error(`${parameter.name}: its gradient cannot be separated by samples`);
  }

  addRows(parameter: Parameter, rows: () => Tensor): void {
    if (this.space.offsets.has(parameter.name)) this.#keep(parameter, { a: null, b: rows() });
  }

  #keep(parameter: Parameter, term: Term): void {
    const terms = this.terms.get(parameter);
    if (terms === undefined) this.terms.set(parameter, [term]);
    else terms.push(term);
  }
}

/** Whether Gram matrices of a sample's R rows (in all terms) take less than its m x n matrix: R^2 (m + n) against R m n. */
export function gramIsCheaper({ rows, cols }: Parameter, R: number): boolean {
  return R * (rows + cols) < rows * cols;
}
