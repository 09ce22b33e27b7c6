/**
 * How the samples are cut: halves A and B, quarters, blocks (what the bootstrap resamples), lanes of a few blocks (what one task does and one
 * partial sum belongs to), and chunks (what passes through the network at once). All depend on the samples and the network alone, never on the
 * number of threads.
 */
import { planBlocks } from '../../statistics/blocks.ts';
import type { SampleBlock } from '../../statistics/blocks.ts';
import type { Network } from '../../network/network.ts';
import { leaves } from '../../network/chain.ts';
import type { Half } from '../moments.ts';

/** Lanes a quarter at most. */
const lanesPerQuarter = 4;
/** Bytes of a chunk's tensors, roughly: they stay in the cache of a core. */
const chunkBytes = 8 * 2 ** 20;
const largestChunk = 512;

export interface Lane {
  readonly half: Half;
  /** Blocks [firstBlock, endBlock) and samples [start, end) of the order. */
  readonly firstBlock: number;
  readonly endBlock: number;
  readonly start: number;
  readonly end: number;
}

export interface SamplePlan {
  /** Sample numbers: half A, then half B; in shared memory. */
  readonly order: Uint32Array;
  readonly sizes: Readonly<Record<Half, number>>;
  readonly blocks: readonly SampleBlock[];
  readonly lanes: readonly Lane[];
  /** Samples of a chunk at most. */
  readonly chunk: number;
}

export function planSamples(network: Network, order: Uint32Array, sizeA: number): SamplePlan {
  const sizes = { A: sizeA, B: order.length - sizeA };
  const blocks = planBlocks([sizes.A, sizes.B]);
  const lanes: Lane[] = [];
  for (let quarter = 0; quarter < 4; quarter++) {
    const first = blocks.findIndex((block) => block.quarter === quarter);
    const count = blocks.filter((block) => block.quarter === quarter).length;
    const width = Math.ceil(count / lanesPerQuarter);
    for (let at = first; at < first + count; at += width) {
      const end = Math.min(at + width, first + count);
      lanes.push({
        half: quarter < 2 ? 'A' : 'B',
        firstBlock: at,
        endBlock: end,
        start: blocks[at].start,
        end: blocks[end - 1].end,
      });
    }
  }
  return { order, sizes, blocks, lanes, chunk: chunkOf(network) };
}

/** Samples whose activations, deltas and their tangents fill `chunkBytes`. */
function chunkOf(network: Network): number {
  let numbers = network.inputSize;
  for (const layer of leaves(network.layers)) {
    numbers += 4 * layer.outputShape.reduce((product, size) => product * size, 1);
    numbers += layer.workspace ?? 0;
  }
  return Math.min(largestChunk, Math.max(1, Math.floor(chunkBytes / (8 * numbers))));
}

/** The chunks of samples [start, end): [start, count] of each, sizes that differ by one at most. */
export function chunksOf(start: number, end: number, chunk: number): (readonly [number, number])[] {
  const pieces = Math.ceil((end - start) / chunk);
  return Array.from({ length: pieces }, (_, i) => {
    const from = start + Math.floor((i * (end - start)) / pieces);
    const to = start + Math.floor(((i + 1) * (end - start)) / pieces);
    return [from, to - from] as const;
  });
}

/** The blocks whose samples are those of the halves. */
export function blocksOf(plan: SamplePlan, halves: readonly Half[]): number[] {
  return plan.blocks.flatMap((block, b) => (halves.includes(block.quarter < 2 ? 'A' : 'B') ? [b] : []));
}
