import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WasmBlas } from '../../../src/engine/blas/wasm.ts';
import { largeCase } from './wasm-matrices.ts';
import { bitsOf, openKernels, randomArray } from './wasm-support.ts';
import type { Task } from './wasm-worker.ts';

let blas: WasmBlas;
let workers: Worker[];

beforeEach(async () => {
  blas = await openKernels();
  workers = [0, 1].map(() => new Worker(new URL('./wasm-worker.ts', import.meta.url), { workerData: blas.share() }));
  await Promise.all(workers.map((worker) => once(worker, 'online')));
});
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.terminate()));
});

/** A worker that dies rejects what waits for it. */
async function ask(worker: Worker, task: Task): Promise<unknown> {
  worker.postMessage(task);
  const [answer] = (await once(worker, 'message')) as [unknown];
  return answer;
}

describe('worker threads on one WebAssembly memory', () => {
  it('two threads that decompose and multiply at the same time give the bits of the main thread alone', async () => {
    const n = 260;
    const matrix = largeCase.build();
    const fresh = () => {
      const a = blas.allocate('float64', n * n);
      for (let i = 0; i < n; i++) a.set(matrix.subarray(i * 700, i * 700 + n), i * n);
      return { a, w: blas.allocate('float64', n) };
    };
    const alone = fresh();
    blas.eigh(n, alone.a as Float64Array, alone.w as Float64Array);
    const bits = [await bitsOf(alone.a), await bitsOf(alone.w)];

    const [x, y] = [randomArray(blas, 'float32', n * n, 1), randomArray(blas, 'float32', n * n, 2)];
    const product = blas.allocate('float32', n * n);
    blas.gemm(false, true, n, n, n, 1, x, n, y, n, 0, product, n);
    const productBits = await bitsOf(product);

    const results = await Promise.all(
      workers.map(async (worker) => {
        const { a, w } = fresh();
        const c = blas.allocate('float32', n * n);
        for (let repeat = 0; repeat < 3; repeat++) {
          for (let i = 0; i < n; i++) a.set(matrix.subarray(i * 700, i * 700 + n), i * n);
          await ask(worker, { kind: 'eigh', n, a: blas.reference(a), w: blas.reference(w) });
          c.fill(NaN);
          const [left, right, to] = [x, y, c].map((array) => blas.reference(array));
          await ask(worker, { kind: 'product', n, a: left, b: right, c: to });
        }
        return [await bitsOf(a), await bitsOf(w), await bitsOf(c)];
      }),
    );
    expect(results).toEqual([
      [...bits, productBits],
      [...bits, productBits],
    ]);
  });

  it('a worker sees arrays in memory that grew after it started, and old arrays stay shared', async () => {
    const old = blas.allocate('float64', 10);
    old[3] = 5;
    const reference = blas.reference(old);
    expect(await ask(workers[0], { kind: 'touch', array: reference, index: 3 })).toBe(5);
    const large = blas.allocate('float64', 8_000_000);
    large[7_999_999] = 42;
    expect(await ask(workers[0], { kind: 'touch', array: blas.reference(large), index: 7_999_999 })).toBe(42);
    expect(await ask(workers[1], { kind: 'touch', array: blas.reference(large), index: 7_999_999 })).toBe(43);
    expect(await ask(workers[1], { kind: 'touch', array: reference, index: 3 })).toBe(6);
    expect([old[3], large[7_999_999]]).toEqual([7, 44]);
  });

  it('three threads that allocate and release at once never get overlapping or dirty arrays', async () => {
    const answers = workers.map((worker, i) => ask(worker, { kind: 'churn', seed: i + 1, rounds: 4000 }));
    // The main thread takes part while the workers run.
    for (let round = 0; round < 2000; round++) {
      const array = blas.allocate('float64', 1 + (round % 500));
      expect(array[round % array.length]).toBe(0);
      array.fill(-1);
      blas.release(array);
      if (round % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await Promise.all(answers)).toEqual([0, 0]);
    await Promise.all(workers.map((worker) => ask(worker, { kind: 'close' })));
  });
});
