/** WebGPU outside a browser: Dawn's adapter and device, handed to TensorFlow.js. */
import type * as tfjs from '@tensorflow/tfjs-core';
import { TfjsBackend } from './backend.ts';
import { DeviceError } from './device-error.ts';
import type { DeviceFault } from './device-error.ts';
import { Unavailable } from './device.ts';
import type { ImportModule, OpenDevice } from './device.ts';
import type { Tf } from './tensor.ts';

/** The part of WebGPU that is used here; the packages bring two versions of its types. */
interface Gpu {
  requestAdapter(options: { powerPreference: 'high-performance' }): Promise<Adapter | null>;
}

interface Adapter {
  readonly info: {
    readonly vendor: string;
    readonly architecture: string;
    readonly device: string;
    readonly description: string;
    readonly isFallbackAdapter?: boolean;
  };
  readonly limits: Readonly<Record<string, number>>;
  readonly features: { has(name: string): boolean };
  requestDevice(descriptor: {
    requiredFeatures: readonly string[];
    requiredLimits: Readonly<Record<string, number>>;
  }): Promise<Device>;
}

interface Device {
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>;
  addEventListener(
    type: 'uncapturederror',
    listener: (event: {
      readonly error: { readonly message: string; readonly constructor: { readonly name: string } };
    }) => void,
  ): void;
  destroy(): void;
}

interface DawnModule {
  create(options: readonly string[]): Gpu;
  readonly globals: Readonly<Record<string, unknown>>;
}

interface BackendModule {
  readonly WebGPUBackend: new (device: Device, info: Adapter['info']) => tfjs.KernelBackend;
}

/** Limits that the library's programs count on, taken as high as the adapter goes. */
const limits = [
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxComputeWorkgroupSizeX',
  'maxComputeInvocationsPerWorkgroup',
] as const;

export async function openWebGpu(tf: Tf, importModule: ImportModule, platform: NodeJS.Platform): Promise<OpenDevice> {
  const dawn = (await importModule('webgpu')) as DawnModule;
  // The library expects WebGPU where browsers provide it.
  for (const [name, value] of Object.entries(dawn.globals))
    if (!(name in globalThis)) Reflect.set(globalThis, name, value);
  const gpu = dawn.create([]);
  const agent = { gpu, userAgent: `Node.js/${process.versions.node}` };
  Object.defineProperty(globalThis, 'navigator', { value: agent, configurable: true, writable: true });
  const { WebGPUBackend } = (await importModule('@tensorflow/tfjs-backend-webgpu')) as BackendModule;
  return await openOn(tf, gpu, WebGPUBackend, platform);
}

async function openOn(
  tf: Tf,
  gpu: Gpu,
  WebGPUBackend: BackendModule['WebGPUBackend'],
  platform: NodeJS.Platform,
): Promise<OpenDevice> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null)
    throw new Unavailable(
      'Dawn started and found no adapter: no graphics card with a driver that it can use',
      adapterRemedy(platform),
    );
  const { info } = adapter;
  let failure: DeviceError | null = null;
  const fail = (fault: DeviceFault, message: string): void => {
    failure ??= new DeviceError(fault, message);
  };
  let isClosed = false;
  const device = await adapter.requestDevice({
    requiredFeatures: [],
    requiredLimits: Object.fromEntries(limits.map((name) => [name, adapter.limits[name]])),
  });
  void device.lost.then(({ reason, message }) => {
    if (!isClosed) fail('lost', `the graphics device was lost (${reason}): ${message}`);
  });
  device.addEventListener('uncapturederror', ({ error }) => {
    const isMemory = error.constructor.name === 'GPUOutOfMemoryError' || /out of memory/i.test(error.message);
    fail(isMemory ? 'memory' : 'fault', error.message);
  });
  if (tf.findBackendFactory('webgpu') !== null) tf.removeBackend('webgpu');
  tf.registerBackend('webgpu', () => new WebGPUBackend(device, info));
  if (!(await tf.setBackend('webgpu'))) throw new Error('the device opened, but the library does not start on it');
  const title = `WebGPU (${info.description || info.device || `${info.vendor} ${info.architecture}`})`;
  return {
    name: 'webgpu',
    title,
    isSoftware:
      info.isFallbackAdapter === true ||
      /swiftshader|llvmpipe|lavapipe|basic render/i.test(`${info.architecture} ${info.description}`),
    tf,
    backend: () =>
      new TfjsBackend(tf, {
        title,
        maxBufferBytes: Math.min(adapter.limits['maxBufferSize'], adapter.limits['maxStorageBufferBindingSize']),
        failure: () => failure,
      }),
    reopen: () => {
      isClosed = true;
      device.destroy();
      return openOn(tf, gpu, WebGPUBackend, platform);
    },
    close: () => {
      isClosed = true;
      tf.removeBackend('webgpu');
      device.destroy();
    },
  };
}

function adapterRemedy(platform: NodeJS.Platform): string {
  if (platform === 'linux')
    return "install the Vulkan loader and the card's Vulkan driver (Debian and Ubuntu: apt install libvulkan1 with mesa-vulkan-drivers, or NVIDIA's own driver); vulkaninfo --summary must list the card";
  return platform === 'win32'
    ? "update the card's driver (Direct3D 12)"
    : 'macOS 13 or newer with a card that Metal supports';
}
