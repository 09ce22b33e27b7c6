/**
 * The backend on the CPU: typed arrays in the BLAS library's memory (cpu-memory.ts), matrix products by BLAS, the rest by SIMD loops if the library has
 * them, else by plain ones (cpu-loops.ts).
 */
import type { ActivationFunction } from '../../shared/model.ts';
import type { Blas, Precision, Real } from '../blas/types.ts';
import { CpuImages } from './cpu-images.ts';
import { CpuRows } from './cpu-rows.ts';
import { logSumExpRows, gatherByValue, meanRuns, putOnes, scatterByValue, takeColumns } from './rows.ts';
import { SmallProducts } from './small-products.ts';
import { cpuTensor } from './cpu-tensor.ts';
import type { CpuTensor } from './cpu-tensor.ts';
import type { Backend, Order, Tensor } from './types.ts';

export { CpuTensor, dataOf } from './cpu-tensor.ts';

export class CpuBackend extends CpuImages implements Backend {
  readonly #rows: CpuRows;
  readonly #small: SmallProducts;
  /** At least as many ones as the tallest matrix that was summed. */
  #ones: Real | null = null;

  /** @param sibling a backend to share recycled buffers with: tensors made here outlive the sibling's scopes, without holding any memory twice. */
  constructor(blas: Blas, precision: Precision, sibling?: CpuBackend) {
    super(blas, precision, sibling);
    this.#rows = new CpuRows(blas, precision);
    this.#small = new SmallProducts(blas, precision);
  }

  rowsOf(table: Tensor, indices: Uint32Array, start: number, count: number): CpuTensor {
    const out = this.take(count, table.cols);
    this.loops.gatherRows(cpuTensor(table), indices, start, out);
    return out;
  }

  matmul(a: Tensor, b: Tensor, transposeA = false, transposeB = false): CpuTensor {
    const out = this.take(transposeA ? a.cols : a.rows, transposeB ? b.rows : b.cols);
    this.#product(out, 1, cpuTensor(a), transposeA, cpuTensor(b), transposeB, 0);
    return out;
  }

  affine(a: Tensor, b: Tensor, bias: Tensor | null): CpuTensor {
    const out = this.take(a.rows, b.cols);
    if (bias !== null) this.loops.repeatRow(cpuTensor(bias), out);
    this.#product(out, 1, cpuTensor(a), false, cpuTensor(b), false, bias === null ? 0 : 1);
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
    this.#product(cpuTensor(target), alpha, cpuTensor(a), transposeA, cpuTensor(b), transposeB, beta);
  }

  blend(target: Tensor, alpha: number, a: Tensor, beta: number): void {
    this.loops.blend(cpuTensor(target), alpha, cpuTensor(a), beta);
  }

  add(a: Tensor, b: Tensor): CpuTensor {
    const out = this.#like(a, b);
    this.loops.add(cpuTensor(a), cpuTensor(b), out);
    return out;
  }

  subtract(a: Tensor, b: Tensor): CpuTensor {
    const out = this.#like(a, b);
    this.loops.subtract(cpuTensor(a), cpuTensor(b), out);
    return out;
  }

  multiply(a: Tensor, b: Tensor): CpuTensor {
    const out = this.#like(a, b);
    this.loops.multiply(cpuTensor(a), cpuTensor(b), out);
    return out;
  }

  multiplyAdd(a: Tensor, b: Tensor, c: Tensor, d: Tensor): CpuTensor {
    const result = this.#like(a, b);
    const [x, y, u, w, out] = [cpuTensor(a).data, cpuTensor(b).data, cpuTensor(c).data, cpuTensor(d).data, result.data];
    for (let i = 0; i < out.length; i++) out[i] = x[i] * y[i] + u[i] * w[i];
    return result;
  }

  scale(a: Tensor, factor: number): CpuTensor {
    const out = this.take(a.rows, a.cols);
    this.loops.scale(cpuTensor(a), factor, out);
    return out;
  }

  addRow(a: Tensor, row: Tensor): CpuTensor {
    const out = this.take(a.rows, a.cols);
    this.#rows.addRow(cpuTensor(a), cpuTensor(row), out);
    return out;
  }

  scaleRows(a: Tensor, column: Tensor): CpuTensor {
    const out = this.take(a.rows, a.cols);
    this.#rows.scaleRows(cpuTensor(a), cpuTensor(column), out);
    return out;
  }

  rowDot(a: Tensor, b: Tensor): CpuTensor {
    const out = this.take(a.rows, 1);
    this.#rows.rowDots(cpuTensor(a), cpuTensor(b), out);
    return out;
  }

  columnSums(a: Tensor): CpuTensor {
    const out = this.take(1, a.cols);
    this.#rows.columnSums(cpuTensor(a), (count) => this.#onesOf(count), out);
    return out;
  }

  columnDots(a: Tensor, b: Tensor): CpuTensor {
    const out = this.take(1, a.cols);
    this.#rows.columnDots(cpuTensor(a), cpuTensor(b), out);
    return out;
  }

  activate(fn: ActivationFunction, order: Order, z: Tensor, coefficient?: number): CpuTensor {
    const out = this.take(z.rows, z.cols);
    this.loops.activate(fn, order, cpuTensor(z), out, coefficient);
    return out;
  }

  activateBackward(fn: ActivationFunction, z: Tensor, dy: Tensor, coefficient?: number): CpuTensor {
    const out = this.#like(z, dy);
    this.loops.activateBackward(fn, cpuTensor(z), cpuTensor(dy), out, coefficient);
    return out;
  }

  softmax(y: Tensor): CpuTensor {
    const out = this.take(y.rows, y.cols);
    this.#rows.softmax(cpuTensor(y), out);
    return out;
  }

  causalSoftmax(scores: Tensor): CpuTensor {
    const out = this.take(scores.rows, scores.cols);
    this.#rows.causalSoftmax(cpuTensor(scores), out);
    return out;
  }

  softmaxJacobian(a: Tensor, s: Tensor): CpuTensor {
    const out = this.#like(a, s);
    this.#rows.softmaxJacobian(cpuTensor(a), cpuTensor(s), out);
    return out;
  }

  logSumExp(y: Tensor): CpuTensor {
    const result = this.take(y.rows, 1);
    logSumExpRows(cpuTensor(y).data, y.cols, result.data);
    return result;
  }

  crossEntropy(y: Tensor, targets: Tensor, factor: number): { losses: CpuTensor; gradient: CpuTensor } {
    const gradient = this.#like(y, targets);
    const losses = this.take(y.rows, 1);
    this.#rows.crossEntropy(cpuTensor(y), cpuTensor(targets), factor, losses, gradient);
    return { losses, gradient };
  }

  multiplyRow(a: Tensor, row: Tensor): CpuTensor {
    const out = this.take(a.rows, a.cols);
    this.#rows.multiplyRow(cpuTensor(a), cpuTensor(row), out);
    return out;
  }

  scaleShift(a: Tensor, scale: Tensor, shift: Tensor): CpuTensor {
    const out = this.take(a.rows, a.cols);
    this.#rows.scaleShift(cpuTensor(a), cpuTensor(scale), cpuTensor(shift), out);
    return out;
  }

  combineRows(a: Tensor, x: Tensor, b: Tensor, y: Tensor, c: Tensor): CpuTensor {
    const out = this.#like(x, y);
    this.#rows.combineRows(cpuTensor(a), cpuTensor(x), cpuTensor(b), cpuTensor(y), cpuTensor(c), out);
    return out;
  }

  inverseRoot(a: Tensor, epsilon: number): CpuTensor {
    const result = this.take(a.rows, a.cols);
    const x = cpuTensor(a).data;
    const out = result.data;
    for (let i = 0; i < out.length; i++) out[i] = 1 / Math.sqrt(x[i] + epsilon);
    return result;
  }

  oneHot(a: Tensor, width: number): CpuTensor {
    const result = this.take(a.rows * a.cols, width);
    putOnes(cpuTensor(a).data, width, result.data);
    return result;
  }

  gatherRows(table: Tensor, a: Tensor): CpuTensor {
    const result = this.take(a.rows * a.cols, table.cols);
    gatherByValue(cpuTensor(table).data, table.cols, cpuTensor(a).data, result.data);
    return result;
  }

  scatterRows(y: Tensor, a: Tensor, rows: number, runs: number): CpuTensor {
    const result = this.take(runs * rows, y.cols);
    scatterByValue(cpuTensor(y).data, y.cols, cpuTensor(a).data, rows, runs, result.data);
    return result;
  }

  runMeans(a: Tensor, count: number): CpuTensor {
    const result = this.take(a.rows / count, a.cols);
    meanRuns(cpuTensor(a).data, a.cols, count, result.data);
    return result;
  }

  repeatRows(a: Tensor, count: number): CpuTensor {
    const out = this.take(a.rows * count, a.cols);
    this.#rows.repeatRows(cpuTensor(a), count, out);
    return out;
  }

  swapAxes(x: Tensor, outer: number, a: number, b: number, inner: number): CpuTensor {
    if (x.rows * x.cols !== outer * a * b * inner)
      throw new Error(`swapAxes: [${x.rows}, ${x.cols}] is not [${outer}, ${a}, ${b}, ${inner}]`);
    const result = this.take(outer * b * a, inner);
    this.#rows.swapAxes(cpuTensor(x), outer, a, b, inner, result);
    return result;
  }

  batchMatmul(a: Tensor, b: Tensor, count: number, transposeA = false, transposeB = false): CpuTensor {
    const [rowsA, rowsB] = [a.rows / count, b.rows / count];
    const m = transposeA ? a.cols : rowsA;
    const k = transposeA ? rowsA : a.cols;
    const n = transposeB ? rowsB : b.cols;
    if ((transposeB ? b.cols : rowsB) !== k)
      throw new Error(`batchMatmul: ${count} products of [${a.rows}, ${a.cols}] and [${b.rows}, ${b.cols}] do not fit`);
    const result = this.take(count * m, n);
    if (this.#small.multiply(cpuTensor(a), cpuTensor(b), count, transposeA, transposeB, m, n, k, result)) return result;
    const [x, y, out] = [cpuTensor(a).data, cpuTensor(b).data, result.data];
    const [sizeA, sizeB, size] = [rowsA * a.cols, rowsB * b.cols, m * n];
    for (let i = 0; i < count; i++) {
      const left = x.subarray(i * sizeA, (i + 1) * sizeA);
      const right = y.subarray(i * sizeB, (i + 1) * sizeB);
      const to = out.subarray(i * size, (i + 1) * size);
      this.blas.gemm(transposeA, transposeB, m, n, k, 1, left, a.cols, right, b.cols, 0, to, n);
    }
    return result;
  }

  causalMask(scores: Tensor): CpuTensor {
    const result = this.take(scores.rows, scores.cols);
    const { data } = result;
    const tokens = scores.cols;
    data.set(cpuTensor(scores).data);
    for (let p = 0; p < scores.rows; p++) data.fill(-Infinity, p * tokens + (p % tokens) + 1, (p + 1) * tokens);
    return result;
  }

  rowRange(a: Tensor, start: number, count: number): CpuTensor {
    return this.wrap(cpuTensor(a).data.subarray(start * a.cols, (start + count) * a.cols), count, a.cols);
  }

  columnsOf(a: Tensor, indices: Uint32Array): CpuTensor {
    const result = this.take(a.rows, indices.length);
    const isRun = indices.length > 0 && indices.every((index, j) => index === indices[0] + j);
    if (isRun) this.#rows.copyColumns(cpuTensor(a), indices[0], indices.length, result, 0);
    else takeColumns(cpuTensor(a).data, a.cols, indices, result.data);
    return result;
  }

  concatColumns(parts: readonly Tensor[]): CpuTensor {
    const result = this.take(
      parts[0].rows,
      parts.reduce((sum, { cols }) => sum + cols, 0),
    );
    let at = 0;
    for (const part of parts) {
      this.#rows.copyColumns(cpuTensor(part), 0, part.cols, result, at);
      at += part.cols;
    }
    return result;
  }

  standardise(x: Tensor, epsilon: number): { hat: CpuTensor; rstd: CpuTensor } {
    const hat = this.take(x.rows, x.cols);
    const rstd = this.take(x.rows, 1);
    this.#rows.standardise(cpuTensor(x), epsilon, hat, rstd);
    return { hat, rstd };
  }

  standardiseJacobian(u: Tensor, hat: Tensor, rstd: Tensor): CpuTensor {
    const out = this.#like(u, hat);
    this.#rows.standardiseJacobian(cpuTensor(u), cpuTensor(hat), cpuTensor(rstd), out);
    return out;
  }

  /** At least `count` ones. */
  #onesOf(count: number): Real {
    if (this.#ones === null || this.#ones.length < count) {
      if (this.#ones !== null) this.blas.release(this.#ones);
      this.#ones = this.blas.allocate(this.precision, count).fill(1);
    }
    return this.#ones.subarray(0, count);
  }

  /** An uninitialised tensor of a's shape. Raises an Error unless b has its size. */
  #like(a: Tensor, b: Tensor): CpuTensor {
    if (a.rows * a.cols !== b.rows * b.cols)
      throw new Error(`tensors [${a.rows}, ${a.cols}] and [${b.rows}, ${b.cols}] differ in size`);
    return this.take(a.rows, a.cols);
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
