/** A process that opens a store, starts a run, prints its id, and holds on until it is ended. */
import { openStore } from '../../../../src/main/store/index.ts';

const store = openStore(process.argv[2]);
const id = store.createRun({ name: 'held', experiment: {}, status: 'running' });
process.stdout.write(`${id}\n`);
process.stdin.resume();
process.stdin.on('end', () => {
  store.close();
});
