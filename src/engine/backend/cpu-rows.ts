/**
 * The loops of the cpu backend over rows and columns of matrices: by the WebAssembly kernels if all tensors of a call lie in their memory (SIMD), else in
 * JavaScript. Both give the same values up to rounding; sums and exponentials of the kernels are made in the tensors' precision.
 */
import type { Blas, Precision } from '../blas/types.ts';
import type { CpuTensor } from './cpu-tensor.ts';
import {
  causalSoftmaxRows,
  columnDots,
  combineRows,
  copyColumns,
  crossEntropyRows,
  softmaxJacobianRows,
  softmaxRows,
  standardiseJacobianRows,
  standardiseRows,
  swapMiddle,
} from './rows.ts';
import { ServedLoops } from './served.ts';

export class CpuRows extends ServedLoops {
  readonly #blas: Blas;

  constructor(blas: Blas, precision: Precision) {
    super(blas, precision);
    this.#blas = blas;
  }

  addRow(x: CpuTensor, row: CpuTensor, out: CpuTensor): void {
    const kernels = this.serving(x, row, out);
    if (kernels !== null) {
      kernels.addRow(this.double, x.rows, x.cols, x.at, row.at, out.at);
      return;
    }
    const [a, r, c] = [x.data, row.data, out.data];
    for (let p = 0, i = 0; p < x.rows; p++) for (let j = 0; j < r.length; j++, i++) c[i] = a[i] + r[j];
  }

  multiplyRow(x: CpuTensor, row: CpuTensor, out: CpuTensor): void {
    const kernels = this.serving(x, row, out);
    if (kernels !== null) {
      kernels.multiplyRow(this.double, x.rows, x.cols, x.at, row.at, out.at);
      return;
    }
    const [a, r, c] = [x.data, row.data, out.data];
    for (let p = 0, i = 0; p < x.rows; p++) for (let j = 0; j < r.length; j++, i++) c[i] = a[i] * r[j];
  }

  scaleShift(x: CpuTensor, scale: CpuTensor, shift: CpuTensor, out: CpuTensor): void {
    const kernels = this.serving(x, scale, shift, out);
    if (kernels !== null) {
      kernels.scaleShift(this.double, x.rows, x.cols, x.at, scale.at, shift.at, out.at);
      return;
    }
    const [a, f, s, c] = [x.data, scale.data, shift.data, out.data];
    for (let p = 0, i = 0; p < x.rows; p++) for (let j = 0; j < s.length; j++, i++) c[i] = a[i] * f[j] + s[j];
  }

  /** out = a x + b y + c with rows a, b and c. */
  combineRows(a: CpuTensor, x: CpuTensor, b: CpuTensor, y: CpuTensor, c: CpuTensor, out: CpuTensor): void {
    const kernels = c.at >= 0 && b.at >= 0 ? this.serving(a, x, y, out) : null;
    if (kernels === null) combineRows(a.data, x.data, b.data, y.data, c.data, out.data);
    else kernels.combineRows(this.double, x.rows, x.cols, a.at, x.at, b.at, y.at, c.at, out.at);
  }

  scaleRows(x: CpuTensor, column: CpuTensor, out: CpuTensor): void {
    const kernels = this.serving(x, column, out);
    if (kernels !== null) {
      kernels.scaleRows(this.double, x.rows, x.cols, x.at, column.at, out.at);
      return;
    }
    const [a, factors, c] = [x.data, column.data, out.data];
    for (let p = 0, i = 0; p < x.rows; p++) {
      const factor = factors[p];
      for (let j = 0; j < x.cols; j++, i++) c[i] = factor * a[i];
    }
  }

  rowDots(x: CpuTensor, y: CpuTensor, out: CpuTensor): void {
    const kernels = this.serving(x, y, out);
    if (kernels !== null) {
      kernels.rowDots(this.double, x.rows, x.cols, x.at, y.at, out.at);
      return;
    }
    const [a, b] = [x.data, y.data];
    for (let p = 0, i = 0; p < x.rows; p++) {
      let sum = 0;
      for (let j = 0; j < x.cols; j++, i++) sum += a[i] * b[i];
      out.data[p] = sum;
    }
  }

  /** @param ones at least as many as rows, if the library makes the sums */
  columnSums(x: CpuTensor, ones: (count: number) => CpuTensor['data'], out: CpuTensor): void {
    const kernels = this.serving(x, out, out);
    if (kernels !== null) kernels.columnSums(this.double, x.rows, x.cols, x.at, out.at);
    else this.#blas.gemv(true, x.rows, x.cols, 1, x.data, x.cols, ones(x.rows), 0, out.data);
  }

  columnDots(x: CpuTensor, y: CpuTensor, out: CpuTensor): void {
    const kernels = this.serving(x, y, out);
    if (kernels === null) columnDots(x.data, y.data, x.cols, out.data);
    else kernels.columnDots(this.double, x.rows, x.cols, x.at, y.at, out.at);
  }

  standardise(x: CpuTensor, epsilon: number, hat: CpuTensor, rstd: CpuTensor): void {
    const kernels = this.serving(x, hat, rstd);
    if (kernels === null) standardiseRows(x.data, x.cols, epsilon, hat.data, rstd.data);
    else kernels.standardise(this.double, x.rows, x.cols, epsilon, x.at, hat.at, rstd.at);
  }

  standardiseJacobian(u: CpuTensor, hat: CpuTensor, rstd: CpuTensor, out: CpuTensor): void {
    const kernels = this.serving(u, hat, rstd, out);
    if (kernels === null) standardiseJacobianRows(u.data, u.cols, hat.data, rstd.data, out.data);
    else kernels.standardiseJacobian(this.double, u.rows, u.cols, u.at, hat.at, rstd.at, out.at);
  }

  swapAxes(x: CpuTensor, outer: number, a: number, b: number, inner: number, out: CpuTensor): void {
    const kernels = this.serving(x, out, out);
    if (kernels === null) swapMiddle(x.data, outer, a, b, inner, out.data);
    else kernels.swapAxes(outer, a, b, inner * this.bytes, x.at, out.at);
  }

  softmax(x: CpuTensor, out: CpuTensor): void {
    const kernels = this.single(x, out, out);
    if (kernels === null) softmaxRows(x.data, x.cols, out.data);
    else kernels.softmax32(x.rows, x.cols, x.at, out.at);
  }

  crossEntropy(y: CpuTensor, targets: CpuTensor, factor: number, losses: CpuTensor, gradient: CpuTensor): void {
    const kernels = this.single(y, targets, losses, gradient);
    if (kernels === null) crossEntropyRows(y.data, targets.data, y.cols, factor, losses.data, gradient.data);
    else kernels.crossEntropy32(y.rows, y.cols, factor, y.at, targets.at, losses.at, gradient.at);
  }

  /** softmax of every row without the columns after it in its block of `cols` rows. */
  causalSoftmax(x: CpuTensor, out: CpuTensor): void {
    const kernels = this.single(x, out, out);
    if (kernels === null) causalSoftmaxRows(x.data, x.cols, out.data);
    else kernels.causalSoftmax32(x.rows, x.cols, x.at, out.at);
  }

  /** out = a (s - sum_j s_j a_j), row by row. */
  softmaxJacobian(a: CpuTensor, s: CpuTensor, out: CpuTensor): void {
    const kernels = this.serving(a, s, out);
    if (kernels === null) softmaxJacobianRows(a.data, s.data, a.cols, out.data);
    else kernels.softmaxJacobian(this.double, a.rows, a.cols, a.at, s.at, out.at);
  }

  /** Every row of x `count` times in a row. */
  repeatRows(x: CpuTensor, count: number, out: CpuTensor): void {
    const { cols } = x;
    if (cols === 1) {
      for (let p = 0, at = 0; p < x.rows; p++) for (const end = at + count; at < end; at++) out.data[at] = x.data[p];
      return;
    }
    for (let p = 0, at = 0; p < x.rows; p++) {
      const row = x.data.subarray(p * cols, (p + 1) * cols);
      for (let k = 0; k < count; k++, at += cols) out.data.set(row, at);
    }
  }

  /** Columns from ... from + cols - 1 of x, in columns to ... of out. */
  copyColumns(x: CpuTensor, from: number, cols: number, out: CpuTensor, to: number): void {
    const kernels = this.serving(x, out, out);
    const { bytes } = this;
    if (kernels === null) copyColumns(x.data, x.cols, from, cols, out.data, out.cols, to);
    else
      kernels.copyRows(
        x.rows,
        cols * bytes,
        x.at + from * bytes,
        x.cols * bytes,
        out.at + to * bytes,
        out.cols * bytes,
      );
  }
}
