/** A thread that prepares batches: opens the shared memory and fills the ring until it is closed. */
import { workerData } from 'node:worker_threads';
import { CpuBackend } from '../../backend/cpu.ts';
import { CpuLoops } from '../../backend/cpu-loops.ts';
import { openSharedWasmBlas } from '../../blas/wasm.ts';
import { BatchSampler } from '../sampling.ts';
import { openTable } from '../shards/sharded.ts';
import { slotOf } from './prepared.ts';
import type { PreparerSetup } from './prepared.ts';
import { BatchRing } from './ring.ts';

const { share, precision, sampler: drawn, ring, tables } = workerData as PreparerSetup;
const memory = share.kind === 'wasm' ? share : share.memory;
if (memory === undefined) throw new Error('batches are prepared only in a WebAssembly memory');
// Nothing is multiplied here: the loops on the memory are enough.
const blas = openSharedWasmBlas(memory);
try {
  const backend = new CpuBackend(blas, precision);
  const loops = new CpuLoops(blas, precision);
  const sampler = new BatchSampler(drawn.sampling, drawn.size, drawn.batchSize, 0);
  sampler.restore(drawn.state);
  const parts = tables.map(({ array, cols, slots }) => {
    const values = openTable(blas, array);
    const filled = openTable(blas, slots);
    return {
      table: backend.wrap(values, values.length / cols, cols),
      slots: Array.from(ring.counts, (_, slot) => slotOf(backend, filled, slot, drawn.batchSize, cols)),
    };
  });
  new BatchRing(ring).serve(sampler, (slot, indices, start, count) => {
    for (const { table, slots } of parts) {
      const whole = slots[slot];
      loops.gatherRows(table, indices, start, count === whole.rows ? whole : backend.rowRange(whole, 0, count));
    }
  });
} finally {
  blas.close();
}
