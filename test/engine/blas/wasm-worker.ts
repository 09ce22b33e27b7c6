/** A worker thread of the WebAssembly suites: opens the share it is given and answers each task with a digest of the bits it computed. */
import { parentPort, workerData } from 'node:worker_threads';
import type { ArrayReference, BlasShare, Real } from '../../../src/engine/blas/types.ts';
import { openSharedWasmBlas } from '../../../src/engine/blas/wasm.ts';
import { Random } from '../../../src/shared/random.ts';

export type Task =
  | {
      readonly kind: 'product';
      readonly n: number;
      readonly a: ArrayReference;
      readonly b: ArrayReference;
      readonly c: ArrayReference;
    }
  | { readonly kind: 'eigh'; readonly n: number; readonly a: ArrayReference; readonly w: ArrayReference }
  /** Reads an element, adds one to it. */
  | { readonly kind: 'touch'; readonly array: ArrayReference; readonly index: number }
  /** Allocates and releases at random; each array is filled with a mark of its own, which must be there when it is released. */
  | { readonly kind: 'churn'; readonly seed: number; readonly rounds: number }
  | { readonly kind: 'close' };

const blas = openSharedWasmBlas(workerData as Extract<BlasShare, { kind: 'wasm' }>);
const port = parentPort!;

function run(task: Task): unknown {
  switch (task.kind) {
    case 'product': {
      const { n } = task;
      blas.gemm(false, true, n, n, n, 1, blas.open(task.a), n, blas.open(task.b), n, 0, blas.open(task.c), n);
      return null;
    }
    case 'eigh':
      blas.eigh(task.n, blas.open(task.a) as Float64Array, blas.open(task.w) as Float64Array);
      return null;
    case 'touch': {
      const array = blas.open(task.array);
      const value = array[task.index];
      array[task.index] = value + 1;
      return value;
    }
    case 'churn':
      return churn(task.seed, task.rounds);
    case 'close':
      blas.close();
      return null;
  }
  task satisfies never;
  throw new Error('unknown task');
}

/** The number of wrong values found. */
function churn(seed: number, rounds: number): number {
  const random = new Random(seed);
  const held: { array: Real; mark: number }[] = [];
  let wrong = 0;
  const drop = (index: number): void => {
    const [{ array, mark }] = held.splice(index, 1) as [{ array: Real; mark: number }];
    wrong += array.filter((value) => value !== mark).length;
    blas.release(array);
  };
  for (let round = 0; round < rounds; round++) {
    if (held.length > 0 && random.uniform() < 0.5) {
      drop(random.below(held.length));
    } else {
      const array = blas.allocate(random.uniform() < 0.5 ? 'float32' : 'float64', random.below(3000));
      wrong += array.filter((value) => value !== 0).length;
      const mark = seed * 100_000 + round;
      held.push({ array: array.fill(mark), mark });
    }
  }
  while (held.length > 0) drop(0);
  return wrong;
}

port.on('message', (task: Task) => {
  port.postMessage(run(task));
});
