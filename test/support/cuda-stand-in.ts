/**
 * What stands in for @tensorflow/tfjs-node-gpu in a worker process (cuda-stand-in-hooks.ts puts it there): the library's own CPU kernels under its name, with the
 * faults that COVATURE_TEST_FAULT asks for, in the words of the real library.
 *
 *   memory:ROWS     an allocation of more than ROWS rows fails, but for those of the data and the first kernel (784)
 *   lost:READS      after so many reads each read fails as it does once the card is gone
 *   reset:READS     as it does once the driver was reset
 */
import * as tf from '@tensorflow/tfjs-core';
import type { BackendValues, DataType } from '@tensorflow/tfjs-core';
import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';

const [kind, number] = (process.env['COVATURE_TEST_FAULT'] ?? 'none:0').split(':');
const limit = Number(number);
const pixels = 784;
const words: Readonly<Record<string, string>> = {
  lost: 'CUDA_ERROR_DEVICE_UNAVAILABLE: CUDA-capable device(s) is/are busy or unavailable',
  reset: 'GPU sync failed',
};

class Faulty extends MathBackendCPU {
  readonly isUsingGpuDevice = true;
  #reads = 0;

  override write(values: BackendValues, shape: number[], dtype: DataType): object {
    const rows = shape.slice(0, -1).reduce((product, n) => product * n, 1);
    if (kind === 'memory' && rows > limit && !shape.includes(pixels))
      throw new Error(`OOM when allocating tensor with shape[${shape.join(',')}] and type ${dtype}`);
    return super.write(values, shape, dtype);
  }

  override read(id: object): Promise<BackendValues> {
    const message = words[kind];
    return message !== undefined && ++this.#reads > limit ? Promise.reject(new Error(message)) : super.read(id);
  }
}

tf.copyRegisteredKernels('cpu', 'tensorflow');
tf.registerBackend('tensorflow', () => new Faulty());
