/** A thread that helps with the parts of training batches: opens the shared memory and works until the exchange is closed. */
import { parentPort, workerData } from 'node:worker_threads';
import { CpuBackend } from '../../backend/cpu.ts';
import { openSharedBlas } from '../../blas/open.ts';
import type { Tensor } from '../../backend/types.ts';
import { tellLoaded } from '../../parallel/loading.ts';
import { Network } from '../../network/network.ts';
import { Exchange } from './exchange.ts';
import { ShardGradient } from './gradient.ts';
import { openTable } from './sharded.ts';
import type { HelperSetup } from './sharded.ts';

const setup = workerData as HelperSetup;
let exchange = new Exchange(setup.exchange, () => 0);
try {
  const blas = openSharedBlas(setup.share);
  tellLoaded(parentPort);
  const backend = new CpuBackend(blas, setup.precision);
  const weights = new Map<string, Tensor>(
    setup.weights.map(({ name, rows, cols, array }) => [name, backend.wrap(blas.open(array), rows, cols)]),
  );
  const network = new Network(setup.model, backend, weights);
  const inputs = openTable(blas, setup.inputs);
  const targets = openTable(blas, setup.targets);
  const gradient = new ShardGradient(
    network,
    backend.wrap(inputs, inputs.length / network.inputSize, network.inputSize),
    backend.wrap(targets, targets.length / network.targetSize, network.targetSize),
    blas.open(setup.gradients),
    setup.shards,
  );
  exchange = new Exchange(setup.exchange, (...part) => gradient.compute(...part));
  exchange.serve();
} catch (error) {
  exchange.fail();
  throw error;
}
