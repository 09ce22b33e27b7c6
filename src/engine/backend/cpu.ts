/**
 * The backend on the CPU: typed arrays in the BLAS library's memory, matrix products by BLAS, the rest as plain loops. Buffers that leave
 * their scope are kept by size and handed out again, so a training step allocates nothing after the first.
 */
import type { ActivationFunction } from '../../shared/model.ts';
import type { Blas, Precision, Real } from '../blas/types.ts';
import { activateInto } from './elementwise.ts';
import type { Backend, Order, Tensor } from './types.ts';

/** Shape is changed when a recycled buffer is handed out again. */
export class CpuTensor implements Tensor {
  rows: number;
  cols: number;
  readonly data: Real;
  /** Shares the data of another tensor: never recycled. */
  readonly isView: boolean;
  kept = false;

  constructor(rows: number, cols: number, data: Real, isView: boolean) {
    this.rows = rows;
    this.cols = cols;
    this.data = data;
    this.isView = isView;
  }
}

export class CpuBackend implements Backend {
  readonly name: string;
  readonly precision: Precision;
  readonly blas: Blas;
  readonly #free = new Map<number, CpuTensor[]>();
  readonly #live: CpuTensor[] = [];

  constructor(blas: Blas, precision: Precision) {
    this.blas = blas;
    this.precision = precision;
    this.name = `cpu (${blas.name}, ${precision})`;
  }

  scope<T>(body: () => T): T {
    const start = this.#live.length;
    try {
      return body();
    } finally {
      for (let i = start; i < this.#live.length; i++) {
        const tensor = this.#live[i];
        if (!tensor.kept) this.#recycle(tensor);
      }
      this.#live.length = start;
    }
  }

  keep<T extends Tensor>(tensor: T): T {
    own(tensor).kept = true;
    return tensor;
  }

  release(tensor: Tensor): void {
    const mine = own(tensor);
    if (!mine.kept) throw new Error('release: the tensor was not kept');
    mine.kept = false;
    // Still in an open scope: that scope's end recycles it.
    if (!this.#live.includes(mine)) this.#recycle(mine);
  }

  /** An uninitialised tensor. */
  take(rows: number, cols: number): CpuTensor {
    const size = rows * cols;
    const tensor =
      this.#free.get(size)?.pop() ?? new CpuTensor(rows, cols, this.blas.allocate(this.precision, size), false);
    tensor.rows = rows;
    tensor.cols = cols;
    tensor.kept = false;
    this.#live.push(tensor);
    return tensor;
  }

  /** A tensor over an array that the caller owns (from `Blas.allocate`); never recycled. */
  wrap(data: Real, rows: number, cols: number): CpuTensor {
    if (data.length !== rows * cols) throw new Error(`wrap: ${data.length} values do not make [${rows}, ${cols}]`);
    const tensor = new CpuTensor(rows, cols, data, true);
    tensor.kept = true;
    return tensor;
  }

  from(values: ArrayLike<number>, rows: number, cols: number): CpuTensor {
    if (values.length !== rows * cols)
      throw new Error(`${values.length} values do not make a tensor [${rows}, ${cols}]`);
    const tensor = this.take(rows, cols);
    tensor.data.set(values);
    return tensor;
  }

  zeros(rows: number, cols: number): CpuTensor {
    const tensor = this.take(rows, cols);
    tensor.data.fill(0);
    return tensor;
  }

  table(values: Real, cols: number): CpuTensor {
    return this.wrap(values, values.length / cols, cols);
  }

  rowsOf(table: Tensor, indices: Uint32Array, start: number, count: number): CpuTensor {
    const source = own(table).data;
    const width = table.cols;
    const out = this.take(count, width);
    for (let p = 0; p < count; p++) {
      const from = indices[start + p] * width;
      out.data.set(source.subarray(from, from + width), p * width);
    }
    return out;
  }

  read(tensor: Tensor): Promise<Real> {
    return Promise.resolve(own(tensor).data.slice());
  }

  assign(target: Tensor, source: Tensor): void {
    own(target).data.set(own(source).data);
  }

  reshape(tensor: Tensor, rows: number, cols: number): CpuTensor {
    return this.wrap(own(tensor).data, rows, cols);
  }

  matmul(a: Tensor, b: Tensor, transposeA = false, transposeB = false): CpuTensor {
    const out = this.take(transposeA ? a.cols : a.rows, transposeB ? b.rows : b.cols);
    this.#product(out, 1, own(a), transposeA, own(b), transposeB, 0);
    return out;
  }

  affine(a: Tensor, b: Tensor, bias: Tensor | null): CpuTensor {
    const out = this.take(a.rows, b.cols);
    if (bias !== null) {
      const row = own(bias).data;
      for (let start = 0; start < out.data.length; start += row.length) out.data.set(row, start);
    }
    this.#product(out, 1, own(a), false, own(b), false, bias === null ? 0 : 1);
    return out;
  }

  accumulate(
    target: Tensor,
    alpha: number,
    a: Tensor,
    transposeA: boolean,
    b: Tensor,
    transposeB: boolean,
    beta: number,
  ): void {
    this.#product(own(target), alpha, own(a), transposeA, own(b), transposeB, beta);
  }

  blend(target: Tensor, alpha: number, a: Tensor, beta: number): void {
    const x = own(a).data;
    const y = own(target).data;
    if (beta === 1) for (let i = 0; i < y.length; i++) y[i] += alpha * x[i];
    else for (let i = 0; i < y.length; i++) y[i] = alpha * x[i] + beta * y[i];
  }

  add(a: Tensor, b: Tensor): CpuTensor {
    const { x, y, out, result } = this.#pair(a, b);
    for (let i = 0; i < out.length; i++) out[i] = x[i] + y[i];
    return result;
  }

  subtract(a: Tensor, b: Tensor): CpuTensor {
    const { x, y, out, result } = this.#pair(a, b);
    for (let i = 0; i < out.length; i++) out[i] = x[i] - y[i];
    return result;
  }

  multiply(a: Tensor, b: Tensor): CpuTensor {
    const { x, y, out, result } = this.#pair(a, b);
    for (let i = 0; i < out.length; i++) out[i] = x[i] * y[i];
    return result;
  }

  multiplyAdd(a: Tensor, b: Tensor, c: Tensor, d: Tensor): CpuTensor {
    const { x, y, out, result } = this.#pair(a, b);
    const u = own(c).data;
    const w = own(d).data;
    for (let i = 0; i < out.length; i++) out[i] = x[i] * y[i] + u[i] * w[i];
    return result;
  }

  scale(a: Tensor, factor: number): CpuTensor {
    const result = this.take(a.rows, a.cols);
    const x = own(a).data;
    const out = result.data;
    for (let i = 0; i < out.length; i++) out[i] = factor * x[i];
    return result;
  }

  addRow(a: Tensor, row: Tensor): CpuTensor {
    const result = this.take(a.rows, a.cols);
    const x = own(a).data;
    const r = own(row).data;
    const out = result.data;
    for (let p = 0, i = 0; p < a.rows; p++) for (let j = 0; j < r.length; j++, i++) out[i] = x[i] + r[j];
    return result;
  }

  scaleRows(a: Tensor, column: Tensor): CpuTensor {
    const result = this.take(a.rows, a.cols);
    const x = own(a).data;
    const factors = own(column).data;
    const out = result.data;
    for (let p = 0, i = 0; p < a.rows; p++) {
      const factor = factors[p];
      for (let j = 0; j < a.cols; j++, i++) out[i] = factor * x[i];
    }
    return result;
  }

  rowDot(a: Tensor, b: Tensor): CpuTensor {
    const result = this.take(a.rows, 1);
    const x = own(a).data;
    const y = own(b).data;
    for (let p = 0, i = 0; p < a.rows; p++) {
      let sum = 0;
      for (let j = 0; j < a.cols; j++, i++) sum += x[i] * y[i];
      result.data[p] = sum;
    }
    return result;
  }

  columnSums(a: Tensor): CpuTensor {
    const result = this.zeros(1, a.cols);
    const x = own(a).data;
    const out = result.data;
    for (let p = 0, i = 0; p < a.rows; p++) for (let j = 0; j < out.length; j++, i++) out[j] += x[i];
    return result;
  }

  activate(fn: ActivationFunction, order: Order, z: Tensor): CpuTensor {
    const result = this.take(z.rows, z.cols);
    activateInto(fn, order, own(z).data, result.data);
    return result;
  }

  softmax(y: Tensor): CpuTensor {
    const result = this.take(y.rows, y.cols);
    const x = own(y).data;
    const out = result.data;
    const width = y.cols;
    for (let start = 0; start < x.length; start += width) {
      const largest = rowMaximum(x, start, width);
      let sum = 0;
      for (let j = start; j < start + width; j++) {
        const e = Math.exp(x[j] - largest);
        out[j] = e;
        sum += e;
      }
      for (let j = start; j < start + width; j++) out[j] /= sum;
    }
    return result;
  }

  logSumExp(y: Tensor): CpuTensor {
    const result = this.take(y.rows, 1);
    const x = own(y).data;
    const width = y.cols;
    for (let p = 0; p < y.rows; p++) {
      const start = p * width;
      const largest = rowMaximum(x, start, width);
      let sum = 0;
      for (let j = start; j < start + width; j++) sum += Math.exp(x[j] - largest);
      result.data[p] = largest + Math.log(sum);
    }
    return result;
  }

  #recycle(tensor: CpuTensor): void {
    if (tensor.isView) return;
    const size = tensor.data.length;
    const list = this.#free.get(size);
    if (list === undefined) this.#free.set(size, [tensor]);
    else list.push(tensor);
  }

  #pair(a: Tensor, b: Tensor): { x: Real; y: Real; out: Real; result: CpuTensor } {
    const x = own(a).data;
    const y = own(b).data;
    if (x.length !== y.length)
      throw new Error(`tensors [${a.rows}, ${a.cols}] and [${b.rows}, ${b.cols}] differ in size`);
    const result = this.take(a.rows, a.cols);
    return { x, y, out: result.data, result };
  }

  #product(
    c: CpuTensor,
    alpha: number,
    a: CpuTensor,
    transposeA: boolean,
    b: CpuTensor,
    transposeB: boolean,
    beta: number,
  ): void {
    const m = transposeA ? a.cols : a.rows;
    const k = transposeA ? a.rows : a.cols;
    const n = transposeB ? b.rows : b.cols;
    if ((transposeB ? b.cols : b.rows) !== k || c.rows !== m || c.cols !== n) {
      throw new Error(
        `product: [${m}, ${k}] times [${transposeB ? b.cols : b.rows}, ${n}] into [${c.rows}, ${c.cols}] does not fit`,
      );
    }
    this.blas.gemm(transposeA, transposeB, m, n, k, alpha, a.data, a.cols, b.data, b.cols, beta, c.data, n);
  }
}

function rowMaximum(x: Real, start: number, width: number): number {
  let largest = x[start];
  for (let j = start + 1; j < start + width; j++) if (x[j] > largest) largest = x[j];
  return largest;
}

function own(tensor: Tensor): CpuTensor {
  if (!(tensor instanceof CpuTensor)) throw new Error('a tensor of another backend was given to the cpu backend');
  return tensor;
}

/** The values of a cpu tensor, without a copy; valid until its scope ends. */
export function dataOf(tensor: Tensor): Real {
  return own(tensor).data;
}
