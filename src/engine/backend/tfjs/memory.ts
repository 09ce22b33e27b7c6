/**
 * The memory of the TensorFlow.js backend: device tensors by scope, tables, and what comes back to the host. Every tensor is released at the end of the scope it was
 * made in, or by `release`; intermediate tensors of an operation are released before it returns. The tests check this by the library's own count (tf.memory().numTensors).
 */
import type { Real } from '../../blas/types.ts';
import type { Tensor } from '../types.ts';
import { asDeviceError, DeviceError } from './device-error.ts';
import { HostTable, tfjsTensor, TfjsTensor } from './tensor.ts';
import type { Matrix, Tf } from './tensor.ts';

/** What the backend must know about its device. */
export interface TfjsDevice {
  /** For people: "WebGPU (NVIDIA H100)". */
  readonly title: string;
  /** Bytes that one buffer may have. */
  readonly maxBufferBytes: number;
  /** An error that the device reported asynchronously since it was opened; null: none. */
  readonly failure: () => DeviceError | null;
}

/** Larger tables stay in host memory even if the device would take them. */
const largestTable = 2 ** 30;

export class TfjsMemory {
  readonly device: TfjsDevice;
  protected readonly tf: Tf;
  readonly #live: TfjsTensor[] = [];

  constructor(tf: Tf, device: TfjsDevice) {
    this.tf = tf;
    this.device = device;
  }

  scope<T>(body: () => T): T {
    const start = this.#live.length;
    try {
      return body();
    } catch (error) {
      throw asDeviceError(error);
    } finally {
      for (const tensor of this.#live.splice(start)) {
        tensor.scoped = false;
        if (!tensor.kept) tensor.value.dispose();
      }
    }
  }

  keep<T extends Tensor>(tensor: T): T {
    if (!(tensor instanceof HostTable)) tfjsTensor(tensor).kept = true;
    return tensor;
  }

  release(tensor: Tensor): void {
    if (tensor instanceof HostTable) return;
    const mine = tfjsTensor(tensor);
    if (!mine.kept) throw new Error('release: the tensor was not kept');
    mine.kept = false;
    // Still in an open scope: that scope's end disposes of it.
    if (!mine.scoped) mine.value.dispose();
  }

  from(values: ArrayLike<number>, rows: number, cols: number): TfjsTensor {
    if (values.length !== rows * cols)
      throw new Error(`${values.length} values do not make a tensor [${rows}, ${cols}]`);
    return this.made(this.tf.tensor2d(Float32Array.from(values), [rows, cols], 'float32'));
  }

  zeros(rows: number, cols: number): TfjsTensor {
    return this.made(this.tf.zeros([rows, cols]));
  }

  table(values: Real, cols: number, lasting = true): Tensor {
    if (!lasting || values.length * 4 > Math.min(largestTable, this.device.maxBufferBytes))
      return new HostTable(values, cols);
    return this.scope(() => this.keep(this.from(values, values.length / cols, cols)));
  }

  rowsOf(table: Tensor, indices: Uint32Array, start: number, count: number): TfjsTensor {
    const { cols } = table;
    if (!(table instanceof HostTable)) {
      const rows = Int32Array.from(indices.subarray(start, start + count));
      return this.run((tf) => tf.gather(tfjsTensor(table).value, tf.tensor1d(rows, 'int32'), 0));
    }
    const values = new Float32Array(count * cols);
    for (let p = 0; p < count; p++) {
      const from = indices[start + p] * cols;
      for (let j = 0; j < cols; j++) values[p * cols + j] = table.values[from + j];
    }
    return this.from(values, count, cols);
  }

  async read(tensor: Tensor): Promise<Real> {
    // Another handle on the same buffer: the tensor's scope may end before the values have come.
    const handle = this.tf.clone(tfjsTensor(tensor).value);
    try {
      const values = await handle.data<'float32'>();
      const failure = this.device.failure();
      if (failure !== null) throw failure;
      if (values.length !== tensor.rows * tensor.cols)
        throw new DeviceError('fault', `the device gave ${values.length} of ${tensor.rows * tensor.cols} values`);
      return values.slice();
    } catch (error) {
      throw this.device.failure() ?? asDeviceError(error);
    } finally {
      handle.dispose();
    }
  }

  assign(target: Tensor, source: Tensor): void {
    this.replace(tfjsTensor(target), this.tf.clone(tfjsTensor(source).value));
  }

  /** Registers a result with the scope that is open. */
  protected made(value: Matrix): TfjsTensor {
    const tensor = new TfjsTensor(value);
    this.#live.push(tensor);
    return tensor;
  }

  /** A result whose intermediate tensors are released. */
  protected run(body: (tf: Tf) => Matrix): TfjsTensor {
    return this.made(this.tf.tidy(() => body(this.tf)));
  }

  /** Puts another device tensor in the place of a kept one. Raises an Error if it has another shape. */
  protected replace(target: TfjsTensor, next: Matrix): void {
    if (next.shape[0] !== target.rows || next.shape[1] !== target.cols) {
      next.dispose();
      throw new Error(`a result [${next.shape.join(', ')}] does not fit into [${target.rows}, ${target.cols}]`);
    }
    target.value.dispose();
    target.value = next;
  }
}
