/**
 * The loops of the cpu backend on whole tensors: by the WebAssembly kernels if all tensors of a call lie in their memory (SIMD), else in
 * JavaScript. Both give the same values up to the rounding of products that are added (blend).
 */
import type { ActivationFunction } from '../../shared/model.ts';
import type { Blas, Precision } from '../blas/types.ts';
import type { Kernels } from '../blas/wasm/kernels.ts';
import type { CpuTensor } from './cpu-tensor.ts';
import { activateBackwardInto, activateInto } from './elementwise.ts';
import { repeatRow } from './rows.ts';
import { ServedLoops } from './served.ts';
import type { Order, Window2d } from './types.ts';
import {
  findMaxima,
  gatherPatches,
  isDense,
  isWithin,
  pickPlaces,
  rectifyMaxima,
  scatterPatches,
  spreadPlaces,
} from './windows.ts';

/** Row numbers that a gather passes to the kernels at once. */
const largestGather = 4096;

/** The functions with kernels in single precision, and their numbers there. */
const functionNumbers: ReadonlyMap<ActivationFunction, number> = new Map([
  ['sigmoid', 0],
  ['tanh', 1],
  ['silu', 2],
  ['gelu', 3],
  ['gelu-tanh', 4],
] as const);

export class CpuLoops extends ServedLoops {
  /** The row numbers of a gather, in the kernels' memory, and where. */
  #indices: Uint32Array | null = null;
  #indicesAt = 0;
  readonly #blas: Blas;

  constructor(blas: Blas, precision: Precision) {
    super(blas, precision);
    this.#blas = blas;
  }

  add(x: CpuTensor, y: CpuTensor, out: CpuTensor): void {
    const kernels = this.serving(x, y, out);
    const [a, b, c] = [x.data, y.data, out.data];
    if (kernels !== null) kernels.add(this.double, c.length, x.at, y.at, out.at);
    else for (let i = 0; i < c.length; i++) c[i] = a[i] + b[i];
  }

  subtract(x: CpuTensor, y: CpuTensor, out: CpuTensor): void {
    const kernels = this.serving(x, y, out);
    const [a, b, c] = [x.data, y.data, out.data];
    if (kernels !== null) kernels.subtract(this.double, c.length, x.at, y.at, out.at);
    else for (let i = 0; i < c.length; i++) c[i] = a[i] - b[i];
  }

  multiply(x: CpuTensor, y: CpuTensor, out: CpuTensor): void {
    const kernels = this.serving(x, y, out);
    const [a, b, c] = [x.data, y.data, out.data];
    if (kernels !== null) kernels.multiply(this.double, c.length, x.at, y.at, out.at);
    else for (let i = 0; i < c.length; i++) c[i] = a[i] * b[i];
  }

  /** out = factor x. */
  scale(x: CpuTensor, factor: number, out: CpuTensor): void {
    const kernels = this.serving(x, out, out);
    const [a, c] = [x.data, out.data];
    if (kernels !== null) kernels.scale(this.double, c.length, factor, x.at, out.at);
    else for (let i = 0; i < c.length; i++) c[i] = factor * a[i];
  }

  /** target = alpha x + beta target. */
  blend(target: CpuTensor, alpha: number, x: CpuTensor, beta: number): void {
    const kernels = this.serving(x, target, target);
    const [a, c] = [x.data, target.data];
    if (kernels !== null) kernels.blend(this.double, c.length, alpha, x.at, beta, target.at);
    else if (beta === 1) for (let i = 0; i < c.length; i++) c[i] += alpha * a[i];
    else for (let i = 0; i < c.length; i++) c[i] = alpha * a[i] + beta * c[i];
  }

  /** Every row of out = row. */
  repeatRow(row: CpuTensor, out: CpuTensor): void {
    const kernels = this.serving(row, out, out);
    if (kernels !== null) kernels.repeatRow(out.rows, out.cols * this.bytes, row.at, out.at);
    else repeatRow(row.data, out.data);
  }

  /** The rows of `table` numbered indices[start], ... */
  gatherRows(table: CpuTensor, indices: Uint32Array, start: number, out: CpuTensor): void {
    const { rows: count, cols: width } = out;
    // A table of the other precision is converted row by row.
    const isSame = table.data.BYTES_PER_ELEMENT === this.bytes;
    const kernels = isSame && count <= largestGather ? this.serving(table, out, out) : null;
    if (kernels !== null) {
      const numbers = this.#numbers();
      for (let p = 0; p < count; p++) numbers[p] = indices[start + p];
      kernels.gatherRows(count, width * this.bytes, table.at, this.#indicesAt, out.at);
      return;
    }
    for (let p = 0; p < count; p++) {
      const from = indices[start + p] * width;
      out.data.set(table.data.subarray(from, from + width), p * width);
    }
  }

  activate(fn: ActivationFunction, order: Order, z: CpuTensor, out: CpuTensor, coefficient?: number): void {
    const relu = fn === 'relu' && order === 0 ? this.serving(z, out, out) : null;
    const number = order === 2 ? undefined : functionNumbers.get(fn);
    const kernels = number === undefined ? null : this.single(z, out, out);
    if (relu !== null) relu.relu(this.double, z.data.length, z.at, out.at);
    else if (kernels !== null && number !== undefined) kernels.activate32(number, order, z.data.length, z.at, out.at);
    else activateInto(fn, order, z.data, out.data, coefficient);
  }

  activateBackward(fn: ActivationFunction, z: CpuTensor, dy: CpuTensor, out: CpuTensor, coefficient?: number): void {
    const relu = fn === 'relu' ? this.serving(z, dy, out) : null;
    const number = functionNumbers.get(fn);
    const kernels = number === undefined ? null : this.single(z, dy, out);
    if (relu !== null) relu.reluBackward(this.double, z.data.length, z.at, dy.at, out.at);
    else if (kernels !== null && number !== undefined)
      kernels.activateBackward32(number, z.data.length, z.at, dy.at, out.at);
    else activateBackwardInto(fn, z.data, dy.data, out.data, coefficient);
  }

  gatherPatches(x: CpuTensor, w: Window2d, columns: CpuTensor): void {
    const kernels = isPlain(w) ? this.serving(x, columns, columns) : null;
    if (kernels === null) gatherPatches(x.data, w, columns.data);
    else this.#patches(kernels.gatherPatches, w, x, x, columns);
  }

  scatterPatches(columns: CpuTensor, w: Window2d, x: CpuTensor): void {
    const kernels = isPlain(w) ? this.serving(x, columns, columns) : null;
    if (kernels === null) scatterPatches(columns.data, w, x.data);
    else this.#patches(kernels.scatterPatches, w, x, columns, x);
  }

  /** The maxima of windows and their places, behind relu if `rectified`. */
  maxPool(x: CpuTensor, w: Window2d, rectified: boolean, values: CpuTensor, places: CpuTensor): void {
    const kernels = isPlain(w) && isWithin(w) ? this.serving(x, values, places) : null;
    if (kernels !== null) {
      kernels.maxPool(...this.#pool(x, w), x.at, values.at, places.at, rectified ? 1 : 0);
      return;
    }
    findMaxima(x.data, w, places.data);
    pickPlaces(x.data, places.data, w, values.data);
    if (rectified) rectifyMaxima(values.data, places.data);
  }

  spreadPlaces(y: CpuTensor, places: CpuTensor, w: Window2d, x: CpuTensor): void {
    const kernels = isPlain(w) && isWithin(w) ? this.serving(x, y, places) : null;
    if (kernels === null) spreadPlaces(y.data, places.data, w, x.data);
    else kernels.spreadPlaces(...this.#pool(x, w), y.at, places.at, x.at);
  }

  /** The arguments of a pooling kernel before its own tensors. */
  #pool(image: CpuTensor, w: Window2d) {
    return [
      ...([this.double, imagesOf(image, w), w.height, w.width, w.channels] as const),
      ...([w.kernelHeight, w.kernelWidth, w.strideY, w.outHeight, w.outWidth] as const),
    ] as const;
  }

  #patches(run: Kernels['gatherPatches'], w: Window2d, image: CpuTensor, from: CpuTensor, to: CpuTensor): void {
    run(
      this.double,
      imagesOf(image, w),
      w.height,
      w.width,
      w.channels,
      w.kernelHeight,
      w.kernelWidth,
      w.strideY,
      w.padTop,
      w.padLeft,
      w.outHeight,
      w.outWidth,
      from.at,
      to.at,
    );
  }

  #numbers(): Uint32Array {
    if (this.#indices === null) {
      const array = this.#blas.allocate('float32', largestGather);
      this.#indices = new Uint32Array(array.buffer, array.byteOffset, largestGather);
      this.#indicesAt = this.#blas.loops?.offset(array) ?? -1;
      if (this.#indicesAt < 0) throw new Error('no room in the WebAssembly memory');
    }
    return this.#indices;
  }
}

/** Whether the kernels support windows of this kind. */
function isPlain(w: Window2d): boolean {
  return w.strideY === w.strideX && isDense(w);
}

function imagesOf(x: CpuTensor, { height, width }: Window2d): number {
  return x.rows / (height * width);
}
