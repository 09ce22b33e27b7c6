/** What the loops of the cpu backend share: the WebAssembly kernels, and whether the tensors of a call lie in their memory. */
import type { Blas, Precision } from '../blas/types.ts';
import type { Kernels } from '../blas/wasm/kernels.ts';
import type { CpuTensor } from './cpu-tensor.ts';

export class ServedLoops {
  /** 1 for double precision. */
  protected readonly double: number;
  /** Of a number. */
  protected readonly bytes: number;
  readonly #kernels: Kernels | null;

  constructor(blas: Blas, precision: Precision) {
    this.#kernels = blas.loops?.kernels ?? null;
    this.double = precision === 'float64' ? 1 : 0;
    this.bytes = precision === 'float64' ? 8 : 4;
  }

  /** The kernels if all of them lie in their memory. */
  protected serving(a: CpuTensor, b: CpuTensor, c: CpuTensor, d: CpuTensor = a): Kernels | null {
    return a.at >= 0 && b.at >= 0 && c.at >= 0 && d.at >= 0 ? this.#kernels : null;
  }

  /** Those of them that exist in single precision alone. */
  protected single(a: CpuTensor, b: CpuTensor, c: CpuTensor, d: CpuTensor = a): Kernels | null {
    return this.double === 0 ? this.serving(a, b, c, d) : null;
  }
}
