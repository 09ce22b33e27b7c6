/**
 * Dense linear algebra in WebAssembly: the `Blas` that is always available. One module (wasm/assembly, SIMD) runs on one shared memory in every
 * thread; a thread's instance has its own scratch in that memory, and writes nothing else that was not passed to it. A call gives the same
 * bits in any thread. No file is read here: src/main/blas-module.ts loads the module.
 *
 * Memory: at most 4 GiB, taken from the system as it is used. Arrays lie 64-byte aligned in it and stay valid as it grows. Any thread may
 * allocate and release. A worker that ends should `close` its instance; otherwise its scratch (about 2 MiB) stays allocated.
 */
import type { ArrayReference, Blas, Loops, Precision, Real } from './types.ts';
import { eigh } from './wasm/eigh.ts';
import { createMemory, Heap } from './wasm/heap.ts';
import { instantiate } from './wasm/kernels.ts';

export interface WasmBlas extends Blas {
  readonly kind: 'wasm';
  readonly loops: Loops;
  /** Frees the scratch memory of this thread's instance; the instance must not be used again. Arrays stay. */
  close(): void;
}

/** A fresh memory and the main thread's instance of the kernels. */
export async function openWasmBlas(module: WebAssembly.Module): Promise<WasmBlas> {
  return onMemory(module, createMemory());
}

/** An instance in another thread, on the memory of the thread that made the share. */
export function openSharedWasmBlas(share: { module: WebAssembly.Module; memory: WebAssembly.Memory }): WasmBlas {
  return onMemory(share.module, share.memory);
}

function onMemory(module: WebAssembly.Module, memory: WebAssembly.Memory): WasmBlas {
  const heap = new Heap(memory);
  const kernels = instantiate(module, memory);
  const scratch = heap.allocate(kernels.scratchBytes());
  /** Growing a shared memory makes a new buffer object; those seen before stand for the same bytes. */
  const buffers = new WeakSet<ArrayBufferLike>();

  function view(precision: Precision, offset: number, length: number): Real {
    const buffer = heap.buffer(offset + length * (precision === 'float64' ? 8 : 4));
    buffers.add(buffer);
    return precision === 'float64'
      ? new Float64Array(buffer, offset, length)
      : new Float32Array(buffer, offset, length);
  }

  /** The address of an array's first element. Raises an Error if it lies elsewhere or is too short. */
  function address(array: Real, length: number, name: string): number {
    if (!buffers.has(array.buffer) && array.buffer !== memory.buffer) {
      throw new Error(`${name} does not lie in the shared WebAssembly memory: use an array from allocate`);
    }
    if (!(array.length >= length)) throw new Error(`${name} has ${array.length} elements, ${length} needed`);
    return array.byteOffset;
  }

  function matrix(array: Real, rows: number, columns: number, ld: number, name: string): number {
    if (!(Number.isInteger(rows) && Number.isInteger(columns) && rows >= 0 && columns >= 0)) {
      throw new Error(`${name} has the shape [${rows}, ${columns}]: sizes are whole numbers from 0`);
    }
    if (!(Number.isInteger(ld) && ld >= columns && ld >= 1)) {
      const least = Math.max(1, columns);
      throw new Error(`${name} [${rows}, ${columns}] has the leading dimension ${ld}, at least ${least} expected`);
    }
    return address(array, rows === 0 || columns === 0 ? 0 : (rows - 1) * ld + columns, name);
  }

  function allocate(precision: 'float32', length: number): Float32Array;
  function allocate(precision: 'float64', length: number): Float64Array;
  function allocate(precision: Precision, length: number): Real;
  function allocate(precision: Precision, length: number): Real {
    if (!(Number.isSafeInteger(length) && length >= 0)) throw new Error(`cannot allocate an array of length ${length}`);
    return view(precision, heap.allocate(length * (precision === 'float64' ? 8 : 4)), length);
  }

  return {
    kind: 'wasm',
    name: kernels.fused(1) === 0 ? 'WebAssembly (SIMD, without FMA)' : 'WebAssembly (SIMD, FMA)',
    path: '',
    allocate,

    release(array) {
      address(array, 0, 'array');
      heap.release(array.byteOffset);
    },

    share: () => ({ kind: 'wasm', module, memory }),

    reference(array): ArrayReference {
      const offset = address(array, 0, 'array');
      const precision = array instanceof Float64Array ? 'float64' : 'float32';
      return { kind: 'wasm', precision, offset, length: array.length };
    },

    open(reference) {
      if (reference.kind !== 'wasm') throw new Error(`cannot open an array of kind ${reference.kind} in WebAssembly`);
      return view(reference.precision, reference.offset, reference.length);
    },

    gemm(transposeA, transposeB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc) {
      const A = transposeA ? matrix(a, k, m, lda, 'A') : matrix(a, m, k, lda, 'A');
      const B = transposeB ? matrix(b, n, k, ldb, 'B') : matrix(b, k, n, ldb, 'B');
      const C = matrix(c, m, n, ldc, 'C');
      const [double, left, right] = [isDouble(a, b, c) ? 1 : 0, transposeA ? 1 : 0, transposeB ? 1 : 0];
      kernels.gemm(double, left, right, m, n, k, alpha, A, lda, B, ldb, beta, C, ldc, scratch);
    },

    gemv(transpose, m, n, alpha, a, lda, x, beta, y) {
      const A = matrix(a, m, n, lda, 'A');
      const X = address(x, transpose ? m : n, 'x');
      const Y = address(y, transpose ? n : m, 'y');
      kernels.gemv(isDouble(a, x, y) ? 1 : 0, transpose ? 1 : 0, m, n, alpha, A, lda, X, beta, Y);
    },

    eigh(n, a, eigenvalues) {
      matrix(a, n, n, Math.max(1, n), 'A');
      if (!(a instanceof Float64Array && eigenvalues instanceof Float64Array)) {
        throw new Error('eigh works in double precision: both arrays must be Float64Array');
      }
      if (!(eigenvalues.length >= n)) throw new Error(`eigenvalues has ${eigenvalues.length} elements, ${n} needed`);
      eigh(n, a, eigenvalues, heap, kernels, scratch);
    },

    setThreads(threads) {
      if (!(threads >= 1)) throw new Error(`the number of threads must be at least 1, not ${threads}`);
    },

    loops: {
      kernels,
      offset: (array) => (buffers.has(array.buffer) || array.buffer === memory.buffer ? array.byteOffset : -1),
    },

    close() {
      heap.release(scratch);
    },
  };
}

/** True for double, false for single precision. Raises an Error if they are mixed. */
function isDouble(a: Real, b: Real, c: Real): boolean {
  const bytes = a.BYTES_PER_ELEMENT;
  if (b.BYTES_PER_ELEMENT !== bytes || c.BYTES_PER_ELEMENT !== bytes) {
    throw new Error('float32 and float64 arrays are mixed in one product');
  }
  return bytes === 8;
}
