/**
 * The tensors of the cpu backend and their lifetimes: made in the BLAS library's memory, recycled by size when their scope ends, so that a training step
 * allocates nothing after the first.
 */
import type { Blas, Precision, Real } from '../blas/types.ts';
import { CpuTensor, cpuTensor } from './cpu-tensor.ts';
import type { Tensor } from './types.ts';

/** Tables up to this many bytes are copied into the memory of the SIMD loops, which gather rows much faster. */
const largestCopiedTable = 2 ** 28;

export class CpuMemory {
  readonly name: string;
  readonly precision: Precision;
  readonly blas: Blas;
  readonly #free: Map<number, CpuTensor[]>;
  readonly #live: CpuTensor[] = [];

  /** @param sibling a backend to share recycled buffers with: tensors made here outlive the sibling's scopes, without holding any memory twice. */
  constructor(blas: Blas, precision: Precision, sibling?: CpuMemory) {
    this.blas = blas;
    this.precision = precision;
    this.name = `cpu (${blas.name}, ${precision})`;
    this.#free = sibling === undefined ? new Map<number, CpuTensor[]>() : sibling.#free;
  }

  /** Bytes of the tensors in open scopes and outside any scope. */
  get liveBytes(): number {
    return this.#live.reduce((sum, tensor) => sum + tensor.data.byteLength, 0);
  }

  /** Recycles every tensor made outside a scope; none may be used again. */
  releaseLive(): void {
    for (const tensor of this.#live.splice(0)) if (!tensor.kept) this.#recycle(tensor);
  }

  /** Frees the memory of all recycled buffers. */
  trim(): void {
    for (const list of this.#free.values()) for (const tensor of list) this.blas.release(tensor.data);
    this.#free.clear();
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
    cpuTensor(tensor).kept = true;
    return tensor;
  }

  release(tensor: Tensor): void {
    const mine = cpuTensor(tensor);
    if (!mine.kept) throw new Error('release: the tensor was not kept');
    mine.kept = false;
    // Still in an open scope: that scope's end recycles it.
    if (!this.#live.includes(mine)) this.#recycle(mine);
  }

  /** An uninitialised tensor. */
  take(rows: number, cols: number): CpuTensor {
    const size = rows * cols;
    const tensor = this.#free.get(size)?.pop() ?? this.#make(rows, cols);
    tensor.rows = rows;
    tensor.cols = cols;
    tensor.kept = false;
    this.#live.push(tensor);
    return tensor;
  }

  /** A tensor over an array that the caller owns (from `Blas.allocate`); never recycled. */
  wrap(data: Real, rows: number, cols: number): CpuTensor {
    if (data.length !== rows * cols) throw new Error(`wrap: ${data.length} values do not make [${rows}, ${cols}]`);
    return this.#view(data, this.#offset(data), rows, cols);
  }

  from(values: ArrayLike<number>, rows: number, cols: number): CpuTensor {
    if (values.length !== rows * cols)
      throw new Error(`${values.length} values do not make a tensor [${rows}, ${cols}]`);
    const tensor = this.take(rows, cols);
    tensor.data.set(values);
    return tensor;
  }

  borrow(values: Real, rows: number, cols: number): CpuTensor {
    const isSame = values.BYTES_PER_ELEMENT === (this.precision === 'float64' ? 8 : 4);
    const isReadable = this.blas.kind === 'native' || this.#offset(values) >= 0;
    return isSame && isReadable ? this.wrap(values, rows, cols) : this.from(values, rows, cols);
  }

  zeros(rows: number, cols: number): CpuTensor {
    const tensor = this.take(rows, cols);
    tensor.data.fill(0);
    return tensor;
  }

  table(values: Real, cols: number, lasting = true): CpuTensor {
    const rows = values.length / cols;
    const bytes = values.length * (this.precision === 'float64' ? 8 : 4);
    const isCopied =
      lasting && this.blas.loops !== undefined && this.#offset(values) < 0 && bytes <= largestCopiedTable;
    if (!isCopied) return this.wrap(values, rows, cols);
    const copy = this.#make(rows, cols);
    copy.data.set(values);
    copy.kept = true;
    return copy;
  }

  read(tensor: Tensor): Promise<Real> {
    return Promise.resolve(cpuTensor(tensor).data.slice());
  }

  assign(target: Tensor, source: Tensor): void {
    cpuTensor(target).data.set(cpuTensor(source).data);
  }

  reshape(tensor: Tensor, rows: number, cols: number): CpuTensor {
    const { data, at } = cpuTensor(tensor);
    if (data.length !== rows * cols) throw new Error(`reshape: ${data.length} values do not make [${rows}, ${cols}]`);
    return this.#view(data, at, rows, cols);
  }

  #view(data: Real, at: number, rows: number, cols: number): CpuTensor {
    const tensor = new CpuTensor(rows, cols, data, at, true);
    tensor.kept = true;
    return tensor;
  }

  #make(rows: number, cols: number): CpuTensor {
    const data = this.blas.allocate(this.precision, rows * cols);
    return new CpuTensor(rows, cols, data, this.#offset(data), false);
  }

  #offset(data: Real): number {
    return this.blas.loops?.offset(data) ?? -1;
  }

  #recycle(tensor: CpuTensor): void {
    if (tensor.isView) return;
    const size = tensor.data.length;
    const list = this.#free.get(size);
    if (list === undefined) this.#free.set(size, [tensor]);
    else list.push(tensor);
  }
}
