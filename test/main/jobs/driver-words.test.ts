/** What libtensorflow 2.9 and Dawn write where a library or a card is missing. */
import { expect, test } from 'vitest';
import { driverWords } from '../../../src/main/jobs/driver-words.ts';

const missing = (name: string): string =>
  `2026-11-24 10:00:00.1: W tensorflow/stream_executor/platform/default/dso_loader.cc:64] Could not load dynamic library '${name}'; dlerror: ${name}: cannot open shared object file: No such file or directory`;

test.each([
  [
    'CUDA 11.8 without cuDNN',
    missing('libcudnn.so.8'),
    'it could not load libcudnn.so.8',
    'install cuDNN 8.1, so that libcudnn.so.8 is on the library path (ldconfig or LD_LIBRARY_PATH)',
  ],
  [
    'CUDA 12',
    [missing('libcudart.so.11.0'), missing('libcublas.so.11'), missing('libcudart.so.11.0')].join('\n'),
    'it could not load libcudart.so.11.0, libcublas.so.11',
    'install CUDA 11.2 (later 11.x name their libraries alike, CUDA 12 does not), so that libcudart.so.11.0, libcublas.so.11 are on the library path (ldconfig or LD_LIBRARY_PATH)',
  ],
  [
    'Windows without anything',
    [missing('nvcuda.dll'), missing('cudart64_110.dll'), missing('cudnn64_8.dll')].join('\n'),
    'it could not load nvcuda.dll, cudart64_110.dll, cudnn64_8.dll',
    "install NVIDIA's driver and cuDNN 8.1 and CUDA 11.2 (later 11.x name their libraries alike, CUDA 12 does not), so that nvcuda.dll, cudart64_110.dll, cudnn64_8.dll are on PATH",
  ],
  [
    'libraries without a card',
    'E tensorflow/stream_executor/cuda/cuda_driver.cc:271] failed call to cuInit: CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected',
    'CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected',
    null,
  ],
  [
    'no Vulkan loader',
    "Warning: Couldn't load Vulkan: libvulkan.so.1: cannot open shared object file\n",
    "Couldn't load Vulkan: libvulkan.so.1: cannot open shared object file",
    null,
  ],
  ['nothing', '', null, null],
])('%s', (_title, stderr, reason, remedy) => {
  expect(driverWords(stderr)).toEqual({ reason, remedy });
});
