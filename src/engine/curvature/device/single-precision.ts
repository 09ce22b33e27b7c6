/**
 * The cpu in single precision, measured with as a device is (./session.ts): passes, packed products and projections in float32 in chunks, whose sums the
 * host adds in float64. What it reached is measured against float64 like a device's.
 */
import { CpuBackend } from '../../backend/cpu.ts';
import type { Blas } from '../../blas/types.ts';
import type { ComputeDevice } from './session.ts';

/** Samples of a chunk: the length of one single-precision sum (./moments.ts), and little memory beside the measurement's own. */
export const cpuChunk = 512;

/** @param blas one with loops (`OpenedEngine.trainingBlas`) is the faster. `close` gives the memory back, once the session is closed. */
export function singlePrecisionCpu(blas: Blas): ComputeDevice & { readonly close: () => void } {
  let backend = new CpuBackend(blas, 'float32');
  const device = {
    title: 'cpu',
    backend: (): CpuBackend => backend,
    // What a full memory left is dropped whole: its tensors are void, as a device's are.
    reopen: (): Promise<ComputeDevice> => {
      backend.trim();
      backend = new CpuBackend(blas, 'float32');
      return Promise.resolve(device);
    },
    close: (): void => {
      backend.trim();
    },
  };
  return device;
}
