/**
 * A process that stores batches, measurements and checkpoints of one run as fast as it can, and prints a line for each once it is
 * stored. It ends when it is killed, or at the first error, whose code it prints; or, its run done, after BATCHES.
 *
 *   node writer.ts FOLDER [BYTES [BATCHES]]     BYTES of arrays a measurement, default 65536
 */
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync, writeSync } from 'node:fs';
import { openStore, StoreError } from '../../../../src/main/store/index.ts';
import { experiment, summaryOf } from './samples.ts';

const folder = process.argv[2];
const size = Number(process.argv[3] ?? 65_536);
const batches = Number(process.argv[4] ?? Infinity);
const say = (line: string): void => {
  writeSync(1, `${line}\n`);
};

try {
  const store = openStore(folder);
  const run = store.createRun({ name: 'written', experiment, status: 'running' });
  say(`run ${run}`);
  for (let n = 0; n < batches; n++) {
    const steps = [3 * n, 3 * n + 1, 3 * n + 2];
    store.appendBatch(run, {
      number: n,
      metrics: { loss: { steps, values: steps.map((step) => step / 7) }, accuracy: { steps: [n], values: [n] } },
      log: [{ time: n, level: 'info', text: `batch ${n}` }],
      step: 3 * n,
    });
    say(`batch ${n}`);
    if (n % 3 === 0) {
      const arrays = randomBytes(size);
      const parameter = `fc${1 + (n % 2)}.kernel`;
      // By turns a file as a worker leaves it, and bytes.
      const path = store.stagingPath('arrays');
      if (n % 2 === 0) writeFileSync(path, arrays);
      const source = n % 2 === 0 ? { file: path } : { chunks: [arrays] };
      const id = store.addMeasurement(run, {
        parameter,
        step: n,
        origin: 'manual',
        summary: summaryOf(parameter, 1 + n / 1000),
        arrays: source,
      });
      say(`measurement ${id} ${createHash('sha256').update(arrays).digest('hex')}`);
    }
    if (n % 4 === 0) {
      store.addCheckpoint(run, { step: 3 * n, file: { chunks: [randomBytes(size)] }, state: { n } });
      store.pruneCheckpoints(run, 2);
      say(`checkpoint ${3 * n}`);
    }
  }
  store.setRunStatus(run, 'done');
  store.close();
  say('done');
} catch (error) {
  say(`error ${error instanceof StoreError ? error.code : 'other'} ${String(error)}`);
}
