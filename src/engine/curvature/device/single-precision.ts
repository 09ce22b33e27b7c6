/**
 * The cpu in single precision, used like a device (./session.ts): passes, packed products and projections in float32 in chunks, whose sums the
 * host adds in float64. The precision reached is measured against float64, as for a device.
 */
import { CpuBackend } from '../../backend/cpu.ts';
import type { Blas } from '../../blas/types.ts';
import type { ComputeDevice } from './session.ts';

/** Samples of a chunk: the length of one single-precision sum (./moments.ts), and little memory beside the measurement's own. */
export const cpuChunk = 512;

/** @param blas one with loops (`OpenedEngine.trainingBlas`) is faster. `close` frees the memory, once the session is closed. */
export function singlePrecisionCpu(blas: Blas): ComputeDevice & { readonly close: () => void } {
  let backend = new CpuBackend(blas, 'float32');
  const device = {
    title: 'cpu',
    backend: (): CpuBackend => backend,
    // After running out of memory everything is dropped: its tensors are invalid, as on a device.
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
