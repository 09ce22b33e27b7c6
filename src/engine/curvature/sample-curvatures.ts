/**
 * v_i . h_p v_i for every sample p along given directions v_i, by Hessian-vector products of single samples: any layer, no d x d matrix.
 * Letters: P samples, k directions, d weights of the parameter.
 */
import type { Real } from '../blas/types.ts';
import type { CpuBackend } from '../backend/cpu.ts';
import type { Network } from '../network/network.ts';
import { PerSampleSink } from './projected/sinks.ts';
import { directionOf, lowestLayer, spaceOf } from './projected/space.ts';

export interface SampleCurvatureInput {
  readonly network: Network;
  readonly backend: CpuBackend;
  /** "fc2.kernel", or "network" for all parameters as one vector. */
  readonly parameter: string;
  /** [P, inputs] and [P, outputs] (one-hot rows for classes). */
  readonly inputs: Real;
  readonly targets: Real;
  /** Rows v_i [k, d]. */
  readonly directions: Float64Array;
}

/** Samples of one pass. */
const chunk = 256;

/** [k, P]: row i holds v_i . h_p v_i. Raises InputError if there is no such parameter, an Error if the directions do not fit it. */
export function sampleCurvatures(input: SampleCurvatureInput): Float64Array {
  const { network, backend, inputs, targets, directions } = input;
  const space = spaceOf(network, input.parameter);
  const stop = lowestLayer(network, space);
  const { d } = space;
  const k = directions.length / d;
  if (!Number.isInteger(k)) throw new Error(`directions: expected rows of ${d} numbers, found ${directions.length}`);
  const samples = inputs.length / network.inputSize;
  const order = Uint32Array.from({ length: samples }, (_, p) => p);
  const values = new Float64Array(k * samples);
  const v = backend.blas.allocate('float64', d);
  try {
    for (let start = 0; start < samples; start += chunk) {
      const count = Math.min(chunk, samples - start);
      backend.scope(() => {
        const x = backend.rowsOf(backend.table(inputs, network.inputSize, false), order, start, count);
        const t = backend.rowsOf(backend.table(targets, network.targetSize, false), order, start, count);
        network.forward(x);
        network.backward(network.lossGradient(t), null, stop);
        network.linearise(stop);
        for (let i = 0; i < k; i++) {
          v.set(directions.subarray(i * d, (i + 1) * d));
          backend.scope(() => {
            const sink = new PerSampleSink(space, backend, count);
            network.tangent({ weights: directionOf(space, backend, v) }, sink, stop);
            const offset = i * samples + start;
            sink.measure(new Float64Array(count), v, values.subarray(offset, offset + count));
          });
        }
      });
    }
  } finally {
    backend.blas.release(v);
  }
  return values;
}
