/**
 * A BLAS and LAPACK of the machine through koffi, in any of the three symbol styles that occur: CBLAS + Fortran LAPACK (OpenBLAS, MKL,
 * Accelerate). Only what `Blas` needs is bound. This file binds a library whose path it is given; which paths to try is `find.ts`.
 *
 * Threads: where worker threads each call a library that starts helper threads of its own, those spin and cost half the speed, so
 * OPENBLAS_NUM_THREADS=1 (and its sisters) must be set in the environment before the process starts; `setThreads` raises the number
 * for one large call while the workers rest.
 */
import koffi from 'koffi';
import type { ArrayReference, Blas, BlasShare, Precision, Real } from './types.ts';

const rowMajor = 101;
const plain = 111;
const transposed = 112;

type Gemm = (order: number, transA: number, transB: number, ...rest: AfterTwo<Parameters<Blas['gemm']>>) => void;
type AfterTwo<List extends unknown[]> = List extends [unknown, unknown, ...infer Rest] ? Rest : never;
type Gemv = (
  order: number,
  trans: number,
  m: number,
  n: number,
  alpha: number,
  a: Real,
  lda: number,
  x: Real,
  incx: number,
  beta: number,
  y: Real,
  incy: number,
) => void;
type Syevd = (
  jobz: string,
  uplo: string,
  n: number[],
  a: Float64Array,
  lda: number[],
  w: Float64Array,
  work: Float64Array,
  lwork: number[],
  iwork: Int32Array,
  liwork: number[],
  info: number[],
  lenJobz: number,
  lenUplo: number,
) => void;

const gemmSignature = (name: string, real: string): string =>
  `void ${name}(int, int, int, int, int, int, ${real}, const void*, int, const void*, int, ${real}, void*, int)`;
const gemvSignature = (name: string, real: string): string =>
  `void ${name}(int, int, int, int, ${real}, const void*, int, const void*, int, ${real}, void*, int)`;

/** Bytes that one array may have: SharedArrayBuffer's limit in V8 is far above any matrix measured here. */
const largestArray = 2 ** 36;

/**
 * Opens the library at `path` (a file name that the system's loader knows, or an absolute path).
 * Raises an Error naming the path and what is missing when it is not a BLAS with LAPACK.
 */
export function openNativeBlas(path: string): Blas {
  let library: ReturnType<typeof koffi.load>;
  try {
    library = koffi.load(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${path}: cannot be loaded (${reason})`, { cause: error });
  }
  const bind = <F>(signature: string): F => {
    try {
      return library.func(signature) as unknown as F;
    } catch {
      const symbol = /(\w+)\(/.exec(signature)?.[1] ?? signature;
      throw new Error(`${path}: is no BLAS with LAPACK: it lacks ${symbol}`);
    }
  };
  const optional = <F>(signature: string): F | undefined => {
    try {
      return library.func(signature) as unknown as F;
    } catch {
      return undefined;
    }
  };

  const dgemm = bind<Gemm>(gemmSignature('cblas_dgemm', 'double'));
  const sgemm = bind<Gemm>(gemmSignature('cblas_sgemm', 'float'));
  const dgemv = bind<Gemv>(gemvSignature('cblas_dgemv', 'double'));
  const sgemv = bind<Gemv>(gemvSignature('cblas_sgemv', 'float'));
  const dsyevd = bind<Syevd>(
    'void dsyevd_(const char*, const char*, const int*, void*, const int*, void*, void*, const int*, void*, const int*, _Out_ int*, size_t, size_t)',
  );
  const setThreads =
    optional<(threads: number) => void>('void openblas_set_num_threads(int)') ??
    optional<(threads: number) => void>('void MKL_Set_Num_Threads(int)');
  const name = describe(
    path,
    optional<() => string>('const char* openblas_get_config()')?.(),
    optional<() => string>('const char* openblas_get_corename()')?.(),
  );

  return {
    kind: 'native',
    name,
    path,
    allocate: allocateShared,
    release: () => undefined,
    share: (): BlasShare => ({ kind: 'native', path }),
    reference: (array): ArrayReference => ({ kind: 'native', array }),
    open: (reference) => {
      if (reference.kind !== 'native') throw new Error('an array of WebAssembly memory was given to a native BLAS');
      return reference.array;
    },
    gemm: (transposeA, transposeB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc) => {
      const call = c instanceof Float64Array ? dgemm : sgemm;
      const transA = transposeA ? transposed : plain;
      const transB = transposeB ? transposed : plain;
      call(rowMajor, transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    },
    gemv: (transpose, m, n, alpha, a, lda, x, beta, y) => {
      const call = y instanceof Float64Array ? dgemv : sgemv;
      call(rowMajor, transpose ? transposed : plain, m, n, alpha, a, lda, x, 1, beta, y, 1);
    },
    eigh: (n, a, eigenvalues) => {
      solveSymmetric(dsyevd, n, a, eigenvalues);
    },
    setThreads: (threads) => setThreads?.(threads),
  };
}

function allocateShared(precision: Precision, length: number): Real {
  const size = length * (precision === 'float64' ? 8 : 4);
  if (!(size <= largestArray)) throw new Error(`no room for an array of ${size} bytes (limit ${largestArray})`);
  const buffer = new SharedArrayBuffer(size);
  return precision === 'float64' ? new Float64Array(buffer) : new Float32Array(buffer);
}

/** LAPACK is column-major; the lower triangle of a symmetric row-major matrix is its upper one, and its columns of vectors are our rows. */
function solveSymmetric(dsyevd: Syevd, n: number, a: Float64Array, eigenvalues: Float64Array): void {
  if (!isFinite(a.reduce((sum, value) => sum + Math.abs(value), 0))) {
    throw new Error('eigendecomposition: the matrix holds a value that is not finite');
  }
  const info = [0];
  const sizes = new Float64Array(1);
  const integerSizes = new Int32Array(1);
  dsyevd('V', 'L', [n], a, [n], eigenvalues, sizes, [-1], integerSizes, [-1], info, 1, 1);
  const work = new Float64Array(sizes[0]);
  const integerWork = new Int32Array(integerSizes[0]);
  dsyevd('V', 'L', [n], a, [n], eigenvalues, work, [work.length], integerWork, [integerWork.length], info, 1, 1);
  if (info[0] !== 0)
    throw new Error(`eigendecomposition of a ${n} x ${n} matrix did not converge (dsyevd: ${info[0]})`);
}

function describe(path: string, config: string | undefined, core: string | undefined): string {
  const version = config === undefined ? undefined : /OpenBLAS ([\d.]+)/.exec(config)?.[1];
  if (version !== undefined) return `OpenBLAS ${version}${core === undefined ? '' : ` (${core})`}`;
  if (path.includes('Accelerate')) return 'Apple Accelerate';
  if (path.includes('mkl')) return 'Intel MKL';
  return path;
}
