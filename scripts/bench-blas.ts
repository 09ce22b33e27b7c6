/**
 * Speed of the WebAssembly kernels, and of the native library if there is one: GFLOP/s (multiplications and additions counted separately) of the matrix
 * products that matter to the program, with one thread, and seconds of the symmetric eigendecomposition with its residual and orthogonality.
 *
 *   node scripts/bench-blas.ts [--native] [--eigh 500,1000,2500] [--no-gemm]
 */
import { parseArgs } from 'node:util';
import { findNativeBlas } from '../src/engine/blas/find.ts';
import type { Blas, Precision } from '../src/engine/blas/types.ts';
import { openWasmBlas } from '../src/engine/blas/wasm.ts';
import { loadKernels } from '../src/main/blas-module.ts';
import { Random } from '../src/shared/random.ts';

/** [title, m, n, k, transposeA, transposeB]. */
const shapes = [
  ['square', 1000, 1000, 1000, false, false],
  ['packed moments of a 50x50 layer', 1275, 3825, 1024, true, false],
  ['reflectors: long inner', 2500, 96, 2500, false, true],
  ['reflectors: short inner', 2500, 2500, 96, false, false],
  ['first layer forward', 50, 50, 784, false, false],
  ['first layer weight gradient', 784, 50, 50, true, false],
  ['first layer input gradient', 50, 784, 50, false, true],
  ['middle layer forward', 50, 50, 50, false, false],
  ['middle layer weight gradient', 50, 50, 50, true, false],
  ['middle layer input gradient', 50, 50, 50, false, true],
  ['last layer forward', 50, 10, 50, false, false],
  ['tiny', 10, 50, 50, false, false],
] as const;

/** The best of five runs of about 50 ms, in seconds per call. */
function seconds(call: () => void): number {
  let repeats = 1;
  let best = Infinity;
  for (let run = 0; run < 5;) {
    const start = performance.now();
    for (let i = 0; i < repeats; i++) call();
    const elapsed = performance.now() - start;
    if (elapsed < 50) {
      repeats *= 2;
      continue;
    }
    best = Math.min(best, elapsed / repeats / 1000);
    run++;
  }
  return best;
}

function benchProducts(blas: Blas, precision: Precision): void {
  const random = new Random(1);
  for (const [title, m, n, k, transposeA, transposeB] of shapes) {
    const [a, b, c] = [m * k, k * n, m * n].map((length) => blas.allocate(precision, length)) as [never, never, never];
    for (const array of [a, b] as (Float32Array | Float64Array)[])
      array.forEach((_, i) => (array[i] = random.normal()));
    const [lda, ldb] = [transposeA ? m : k, transposeB ? k : n];
    const time = seconds(() => {
      blas.gemm(transposeA, transposeB, m, n, k, 1, a, lda, b, ldb, 0, c, n);
    });
    const rate = (2e-9 * m * n * k) / time;
    const shape = `${m} x ${n} x ${k}${transposeA ? ' A^T' : ''}${transposeB ? ' B^T' : ''}`;
    console.log(
      `${precision}  ${title.padEnd(32)} ${shape.padEnd(22)} ${rate.toFixed(1).padStart(6)} GFLOP/s ${(time * 1e6).toFixed(1).padStart(10)} us`,
    );
    for (const array of [a, b, c]) blas.release(array);
  }
}

function benchEigh(blas: Blas, n: number): void {
  const random = new Random(2);
  const a = blas.allocate('float64', n * n) as Float64Array;
  const w = blas.allocate('float64', n) as Float64Array;
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) a[i * n + j] = a[j * n + i] = random.normal();
  const original = blas.allocate('float64', n * n) as Float64Array;
  original.set(a);
  const start = performance.now();
  const before = process.cpuUsage();
  blas.eigh(n, a, w);
  const time = (performance.now() - start) / 1000;
  const processor = process.cpuUsage(before).user / 1e6;

  const product = blas.allocate('float64', n * n);
  const norm = Math.max(Math.abs(w[0]), Math.abs(w[n - 1]));
  blas.gemm(false, false, n, n, n, 1, a, n, original, n, 0, product, n);
  let residual = 0;
  for (let i = 0; i < n; i++) {
    let square = 0;
    for (let j = 0; j < n; j++) square += (product[i * n + j] - w[i] * a[i * n + j]) ** 2;
    residual = Math.max(residual, Math.sqrt(square) / norm);
  }
  blas.gemm(false, true, n, n, n, 1, a, n, a, n, 0, product, n);
  let orthogonality = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++)
      orthogonality = Math.max(orthogonality, Math.abs(product[i * n + j] - (i === j ? 1 : 0)));
  }
  console.log(
    `eigh ${n}: ${time.toFixed(2)} s (${processor.toFixed(2)} s of processor time), residual ${residual.toExponential(1)}, orthogonality ${orthogonality.toExponential(1)}`,
  );
  for (const array of [a, w, original, product]) blas.release(array);
}

const { values } = parseArgs({
  options: {
    native: { type: 'boolean', default: false },
    eigh: { type: 'string', default: '500,1000,2500' },
    'no-gemm': { type: 'boolean', default: false },
  },
});
const libraries: Blas[] = [await openWasmBlas(loadKernels())];
if (values.native) {
  const { blas } = findNativeBlas(process.platform, process.env['COVATURE_BLAS']);
  if (blas === undefined) console.log('no native BLAS found');
  else libraries.push(blas);
}
for (const blas of libraries) {
  console.log(`\n${blas.name}, one thread`);
  blas.setThreads(1);
  if (!values['no-gemm']) for (const precision of ['float64', 'float32'] as const) benchProducts(blas, precision);
  for (const n of values.eigh.split(',').map(Number)) if (n > 0) benchEigh(blas, n);
}
