/**
 * What stands in for @tensorflow/tfjs-node-gpu in a worker process (cuda-stand-in-hooks.ts puts it there): the real TensorFlow's kernels on the processor, by way of
 * tfjs-node, where that has its library; else the library's own CPU kernels. To either come the faults that COVATURE_TEST_FAULT asks for, in TensorFlow's words.
 *
 *   memory:ROWS     an allocation of more than ROWS rows fails, but for those of the data and the first kernel (784)
 *   lost:READS      after so many reads each read fails as it does once the card is gone
 *   reset:READS     as it does once the driver was reset
 */
import * as tf from '@tensorflow/tfjs-core';
import type { BackendValues, DataType, KernelBackend } from '@tensorflow/tfjs-core';
import { tensorflowAvailable } from './tensorflow.ts';

const [kind, number] = (process.env['COVATURE_TEST_FAULT'] ?? 'none:0').split(':');
const limit = Number(number);
const pixels = 784;
const words: Readonly<Record<string, string>> = {
  lost: 'CUDA_ERROR_DEVICE_UNAVAILABLE: CUDA-capable device(s) is/are busy or unavailable',
  reset: 'GPU sync failed',
};

let reads = 0;

function allocate(shape: readonly number[], dtype: string): void {
  const rows = shape.slice(0, -1).reduce((product, n) => product * n, 1);
  if (kind === 'memory' && rows > limit && !shape.includes(pixels))
    throw new Error(`OOM when allocating tensor with shape[${shape.join(',')}] and type ${dtype}`);
}

/** What both kinds of backend have; results of the real one's kernels pass through `createOutputTensor`, those of the other through `write`. */
interface Kernels extends KernelBackend {
  isUsingGpuDevice?: boolean;
  write(values: BackendValues, shape: number[], dtype: DataType): object;
  read(id: object): Promise<BackendValues>;
  createOutputTensor?(metadata: { readonly shape: number[] }): unknown;
}

function faulty(kernels: Kernels): Kernels {
  const write = kernels.write.bind(kernels);
  const read = kernels.read.bind(kernels);
  const create = kernels.createOutputTensor?.bind(kernels);
  return Object.assign(kernels, {
    isUsingGpuDevice: true,
    write: (values: BackendValues, shape: number[], dtype: DataType) => {
      allocate(shape, dtype);
      return write(values, shape, dtype);
    },
    read: (id: object) => {
      const message = words[kind];
      return message !== undefined && ++reads > limit ? Promise.reject(new Error(message)) : read(id);
    },
    ...(create !== undefined && {
      createOutputTensor: (metadata: { readonly shape: number[] }) => {
        allocate(metadata.shape, 'float');
        return create(metadata);
      },
    }),
  });
}

if (tensorflowAvailable === true) {
  await import('@tensorflow/tfjs-node');
  faulty(tf.findBackend('tensorflow'));
} else {
  const { MathBackendCPU } = await import('@tensorflow/tfjs-backend-cpu');
  tf.copyRegisteredKernels('cpu', 'tensorflow');
  tf.registerBackend('tensorflow', () => faulty(new MathBackendCPU()));
}
