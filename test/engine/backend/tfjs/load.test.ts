/** Opening devices: what is said where a package, a card or a function of Node is missing. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import util from 'node:util';
import { describe, expect, test, vi } from 'vitest';
import { asDeviceError, DeviceError } from '../../../../src/engine/backend/tfjs/device-error.ts';
import { openDevice } from '../../../../src/engine/backend/tfjs/load.ts';
import type { ImportModule } from '../../../../src/engine/backend/tfjs/device.ts';
import { deviceNames } from '../../../../src/shared/devices.ts';
import { importStandIn } from '../../../support/devices.ts';

const without =
  (missing: string, message = `Cannot find package '${missing}'`): ImportModule =>
  (name) =>
    name === missing ? Promise.reject(new Error(message)) : importStandIn(name);

const adapters =
  (adapter: unknown): ImportModule =>
  (name) => {
    const gpu = { requestAdapter: () => Promise.resolve(adapter) };
    if (name === 'webgpu') return Promise.resolve({ create: () => gpu, globals: {} });
    if (name === '@tensorflow/tfjs-backend-webgpu') return Promise.resolve({ WebGPUBackend: class {} });
    return importStandIn(name);
  };

describe('a device that cannot be opened says what failed and what to install', () => {
  test.each([
    [
      'cuda',
      without('@tensorflow/tfjs-node-gpu'),
      /Cannot find package/,
      /setup:tensorflow.*CUDA 11\.2 and cuDNN 8\.1/,
    ],
    [
      'cuda',
      without(
        '@tensorflow/tfjs-node-gpu',
        'the addon (tfjs_binding.node) can not be found at path: x.  Please run command y',
      ),
      /^the addon \(tfjs_binding\.node\) can not be found at path: x$/,
      /CUDA 11\.2/,
    ],
    ['tfjs-node', without('@tensorflow/tfjs-node'), /Cannot find package/, /npm rebuild @tensorflow\/tfjs-node/],
    ['webgpu', without('webgpu'), /Cannot find package 'webgpu'/, /npm install brings/],
    ['webgpu', adapters(null), /found no adapter/, /Vulkan|driver|macOS/],
    ['webgpu', without('@tensorflow/tfjs-core'), /Cannot find package '@tensorflow\/tfjs-core'/, /npm install/],
  ] as const)('%s', async (name, importModule, reason, remedy) => {
    const outcome = await openDevice(name, { importModule });
    if (outcome.available) throw new Error('it opened');
    expect(outcome.reason).toMatch(reason);
    expect(outcome.remedy).toMatch(remedy);
  });

  test('CUDA that finds no card names the versions it needs', async () => {
    const importModule: ImportModule = async (name) => {
      const module = await importStandIn(name);
      if (name === '@tensorflow/tfjs-node-gpu') {
        const tf = await import('@tensorflow/tfjs-core');
        tf.removeBackend('tensorflow');
        const { MathBackendCPU } = await import('@tensorflow/tfjs-backend-cpu');
        tf.registerBackend('tensorflow', () => Object.assign(new MathBackendCPU(), { isUsingGpuDevice: false }));
      }
      return module;
    };
    const outcome = await openDevice('cuda', { importModule });
    expect(outcome).toMatchObject({
      available: false,
      reason: 'libtensorflow loaded and found no card that it can use',
    });
    expect(outcome.available ? '' : outcome.remedy).toContain('libcudnn.so.8');
  });

  test.each([
    ['darwin', 'arm64', 'macOS has no CUDA', /webgpu uses the card through Metal/],
    ['linux', 'arm64', 'libtensorflow with CUDA is built for x86-64 alone; this is arm64', /webgpu uses the card/],
    ['win32', 'x64', "Cannot find package '@tensorflow/tfjs-node-gpu'", /setup:tensorflow/],
  ] as const)('CUDA on %s, %s', async (platform, arch, reason, remedy) => {
    const importModule = without('@tensorflow/tfjs-node-gpu');
    const outcome = await openDevice('cuda', { importModule, platform, arch });
    expect(outcome).toMatchObject({ available: false, reason });
    expect(outcome.available ? '' : outcome.remedy).toMatch(remedy);
  });

  test('each platform has its own remedy for a missing adapter', async () => {
    for (const [platform, words] of [
      ['linux', 'libvulkan1'],
      ['win32', 'Direct3D 12'],
      ['darwin', 'Metal'],
    ] as const) {
      const outcome = await openDevice('webgpu', { importModule: adapters(null), platform });
      expect(outcome.available ? '' : outcome.remedy).toContain(words);
    }
  });
});

test('what Node 23 took out of util is there before tfjs-node is imported, and less than single precision is switched off', async () => {
  let seen: unknown = null;
  vi.stubEnv('NVIDIA_TF32_OVERRIDE', '1');
  vi.stubEnv('ONEDNN_DEFAULT_FPMATH_MODE', 'BF16');
  await openDevice('cuda', {
    importModule: async (name) => {
      if (name === '@tensorflow/tfjs-node-gpu') {
        const is = util as unknown as Record<string, (value: unknown) => boolean>;
        seen = [is['isNullOrUndefined'](undefined), is['isArray']([]), is['isString'](1), is['isObject'](null)];
      }
      return await importStandIn(name);
    },
  });
  expect(seen).toEqual([true, true, false, false]);
  expect(process.env['NVIDIA_TF32_OVERRIDE']).toBe('0');
  expect(process.env['ONEDNN_DEFAULT_FPMATH_MODE']).toBe('STRICT');
  vi.unstubAllEnvs();
});

test.each([
  ['Device lost: VK_ERROR_DEVICE_LOST', 'lost'],
  ['CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was encountered', 'lost'],
  ['Failed to allocate 2147483648 bytes', 'memory'],
  ['CUBLAS_STATUS_ALLOC_FAILED', 'memory'],
  ['GPU sync failed', 'lost'],
  ['Blas GEMM launch failed : a.shape=(50, 784), b.shape=(784, 50)', 'lost'],
  ['OOM when allocating tensor with shape[4096,7500]', 'memory'],
  ['Buffer size (5000000000) exceeds the max buffer size limit (4294967296).', 'memory'],
])('"%s" is a fault of the device: %s', (message, fault) => {
  const error = asDeviceError(new Error(message));
  expect(error).toBeInstanceOf(DeviceError);
  expect(error).toMatchObject({ fault });
});

test('other errors stay what they are', () => {
  const error = new Error('tensors [1, 2] and [2, 1] differ in size');
  expect(asDeviceError(error)).toBe(error);
});

test.each(deviceNames)('the probe of %s answers in a process of its own', (name) => {
  const probe = fileURLToPath(new URL('../../../../src/main/jobs/device-probe.ts', import.meta.url));
  const { stdout, status } = spawnSync(process.execPath, [probe, name], { encoding: 'utf8' });
  expect(status).toBe(0);
  const answer = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as {
    name: string;
    available: boolean;
    reason?: string;
  };
  expect(answer.name).toBe(name);
  if (!answer.available) expect(answer.reason?.length).toBeGreaterThan(10);
});
