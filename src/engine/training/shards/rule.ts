/**
 * Into how many parts a batch is split so that threads can share a step. A function of the network and the batch size alone, never of the number of threads: the
 * parts' gradients are added in a fixed order, so any number of threads gives the same bits.
 */
import { BatchNormLayer } from '../../network/batchnorm.ts';
import { leaves } from '../../network/chain.ts';
import { DropoutLayer } from '../../network/dropout.ts';
import type { Network } from '../../network/network.ts';

/** Floating-point operations below which a part is not worth waking a thread for. */
const leastWork = 1.5e7;
/** Samples of a part below which its products become too thin. */
const leastSamples = 8;
const mostShards = 16;

/** Parts of a batch, >= 1. 1 if layers look across the samples of a batch (batch statistics) or draw for all of it at once (dropout). */
export function shardCount(network: Network, batch: number): number {
  const layers = leaves(network.layers);
  if (layers.some((layer) => layer instanceof BatchNormLayer || layer instanceof DropoutLayer)) return 1;
  const perSample = layers.reduce((sum, { outputShape, parameters }) => {
    const positions = outputShape.slice(0, -1).reduce((product, size) => product * size, 1);
    // A product forward and two backward, two operations each.
    return sum + 6 * positions * parameters.reduce((total, { rows, cols }) => total + rows * cols, 0);
  }, 0);
  const shards = Math.min(mostShards, Math.floor(batch / leastSamples), Math.floor((perSample * batch) / leastWork));
  return Math.max(1, shards);
}
