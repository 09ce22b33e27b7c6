import type { ModelSpec } from '../../shared/model.ts';
import { CpuBackend } from '../backend/cpu.ts';
import type { Blas } from '../blas/types.ts';
import { Network } from './network.ts';

/** The result of `body` with a network in double precision, whose memory is given back when it ends. */
export async function withNetwork<T>(
  blas: Blas,
  model: ModelSpec,
  body: (network: Network, backend: CpuBackend) => Promise<T>,
): Promise<T> {
  const backend = new CpuBackend(blas, 'float64');
  const network = new Network(model, backend);
  try {
    return await body(network, backend);
  } finally {
    network.release();
    backend.releaseLive();
    backend.trim();
  }
}
