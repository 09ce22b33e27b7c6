/**
 * The TensorFlow.js devices that numeric suites run on. One a test file: the library has one current device in a process.
 *
 * tfjs-node computes with the real TensorFlow's kernels on the processor where `npm run setup:tensorflow -- --python` has been run: what a card would run but for the
 * card. Elsewhere a stand-in takes its place that registers the library's own CPU kernels under its name. WebGPU runs on SwiftShader, a Vulkan driver that computes on the processor, where Debian's chromium
 * package has left one.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import koffi from 'koffi';
import type * as tfjs from '@tensorflow/tfjs-core';
import { openDevice } from '../../src/engine/backend/tfjs/load.ts';
import type { ImportModule, OpenDevice } from '../../src/engine/backend/tfjs/device.ts';
import type { DeviceName } from '../../src/shared/devices.ts';
import { tensorflowAvailable } from './tensorflow.ts';

export interface DeviceUnderTest {
  readonly title: string;
  /** true, or why suites are skipped on it. */
  readonly available: true | string;
  readonly open: () => Promise<OpenDevice>;
  /**
   * Computed by a driver for which an operation on three numbers takes a millisecond: suites leave out what a card is there for. COVATURE_TEST_DEVICES=all
   * leaves nothing out.
   */
  readonly isSlow: boolean;
}

/** The packages of tfjs-node-gpu, with its registration replaced. */
export const importStandIn: ImportModule = async (name) => {
  if (name !== '@tensorflow/tfjs-node-gpu' && name !== '@tensorflow/tfjs-node') return (await import(name)) as unknown;
  const tf = await import('@tensorflow/tfjs-core');
  const cpu = (await import('@tensorflow/tfjs-backend-cpu')) as { MathBackendCPU: new () => tfjs.KernelBackend };
  tf.copyRegisteredKernels('cpu', 'tensorflow');
  tf.registerBackend('tensorflow', () => Object.assign(new cpu.MathBackendCPU(), { isUsingGpuDevice: true }));
  return {};
};

async function opened(name: DeviceName, importModule?: ImportModule): Promise<OpenDevice> {
  const outcome = await openDevice(name, importModule === undefined ? {} : { importModule });
  if (!outcome.available) throw new Error(`${outcome.title}: ${outcome.reason}`);
  return outcome.device;
}

export const standIn: DeviceUnderTest = {
  title: 'tfjs-node-gpu (stand-in)',
  available: true,
  isSlow: false,
  open: () => opened('cuda', importStandIn),
};

/** The real TensorFlow, on the processor. */
export const tensorflow: DeviceUnderTest = {
  title: 'tfjs-node',
  available: tensorflowAvailable,
  isSlow: false,
  open: () => opened('tfjs-node'),
};

/** Runs a suite on the real TensorFlow; where that is not there the suite is skipped with the reason, and runs on the stand-in. */
export function onTensorflow(suite: (device: DeviceUnderTest) => void): void {
  suite(tensorflow);
  if (tensorflowAvailable !== true) suite(standIn);
}

const driver = '/usr/lib/chromium/vk_swiftshader_icd.json';
/** Chromium's copy of the Vulkan loader: a machine without a card need not have one of its own. */
const loader = '/usr/lib/chromium/libvulkan.so.1';
/** Held: a library of which nobody holds a reference any more is unloaded, at any moment. */
let loaded: ReturnType<typeof koffi.load> | undefined;

function webGpuAvailable(): true | string {
  const require = createRequire(import.meta.url);
  for (const name of ['webgpu', '@tensorflow/tfjs-backend-webgpu']) {
    try {
      require.resolve(name);
    } catch {
      return `the package ${name} is not installed`;
    }
  }
  if (process.env['COVATURE_TEST_CARD'] === '1') return true;
  if (!existsSync(driver)) return `no SwiftShader on this machine (${driver}, from Debian's package chromium)`;
  return true;
}

export const webGpu: DeviceUnderTest = {
  title: 'WebGPU',
  available: webGpuAvailable(),
  isSlow: process.env['COVATURE_TEST_CARD'] !== '1' && process.env['COVATURE_TEST_DEVICES'] !== 'all',
  open: () => {
    if (process.env['COVATURE_TEST_CARD'] !== '1') {
      process.env['VK_DRIVER_FILES'] = driver;
      // Dawn asks for libvulkan.so.1 by name and gets what is loaded.
      if (existsSync(loader)) loaded ??= koffi.load(loader);
    }
    return opened('webgpu');
  },
};
