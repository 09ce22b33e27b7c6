/**
 * Opening a TensorFlow.js device: CUDA (@tensorflow/tfjs-node-gpu), libtensorflow on the CPU (@tensorflow/tfjs-node), or WebGPU
 * (@tensorflow/tfjs-backend-webgpu over Dawn, the package `webgpu`). Each may be missing; what was tried, what failed and what to install is
 * said in words. At most one is opened in a process: the first two register under the same name.
 */
import type * as tfjs from '@tensorflow/tfjs-core';
import util from 'node:util';
import { TfjsBackend } from './backend.ts';
import { messageOf } from '../../../shared/errors.ts';
import type { DeviceName } from '../../../shared/devices.ts';
import { Unavailable } from './device.ts';
import type { DeviceOutcome, ImportModule, OpenDevice } from './device.ts';
import type { Tf } from './tensor.ts';
import { openWebGpu } from './webgpu.ts';

export interface LoadOptions {
  readonly importModule?: ImportModule;
  readonly platform?: NodeJS.Platform;
  readonly arch?: string;
}

const titles: Readonly<Record<DeviceName, string>> = {
  cuda: 'tfjs-node-gpu (CUDA)',
  'tfjs-node': 'tfjs-node (libtensorflow on the processor)',
  webgpu: 'WebGPU (Dawn)',
};

const byName: ImportModule = (name) => import(name);

/** Raises nothing: what fails is the outcome. */
export async function openDevice(name: DeviceName, options: LoadOptions = {}): Promise<DeviceOutcome> {
  const { importModule = byName, platform = process.platform, arch = process.arch } = options;
  try {
    const tf = (await importModule('@tensorflow/tfjs-core')) as Tf;
    // No greetings on standard error, no checks of what the suites check.
    tf.enableProdMode();
    const device =
      name === 'webgpu' ? await openWebGpu(tf, importModule, platform) : await openNode(tf, name, importModule);
    return { available: true, device };
  } catch (error) {
    const nowhere = name === 'webgpu' ? null : withoutLibrary(name, platform, arch);
    const own = error instanceof Unavailable ? error : nowhere;
    const remedy = own?.remedy ?? remedyOf(name);
    return { available: false, name, title: titles[name], reason: firstLines(messageOf(own ?? error)), remedy };
  }
}

/** Platforms for which Google builds no libtensorflow: nothing can be installed there. */
function withoutLibrary(name: 'cuda' | 'tfjs-node', platform: NodeJS.Platform, arch: string): Unavailable | null {
  const instead = 'nothing is to be installed: --backend webgpu uses the card';
  if (name === 'cuda' && platform === 'darwin') return new Unavailable('macOS has no CUDA', `${instead} through Metal`);
  if (name === 'cuda' && arch !== 'x64')
    return new Unavailable(`libtensorflow with CUDA is built for x86-64 alone; this is ${arch}`, instead);
  return null;
}

/** What the NodeJS backend of the library shows of itself. */
interface NodeBackend extends tfjs.KernelBackend {
  readonly isUsingGpuDevice?: boolean;
}

async function openNode(tf: Tf, name: 'cuda' | 'tfjs-node', importModule: ImportModule): Promise<OpenDevice> {
  restoreUtil();
  // Ampere and later cards would multiply float32 matrices with 10 bits of mantissa.
  if (name === 'cuda') process.env['NVIDIA_TF32_OVERRIDE'] ??= '0';
  // The library greets and logs on standard error.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  await importModule(name === 'cuda' ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node');
  if (!(await tf.setBackend('tensorflow'))) throw new Error('it loaded, but its backend does not start');
  const backend = tf.backend() as NodeBackend;
  if (name === 'cuda' && backend.isUsingGpuDevice === false) {
    throw new Unavailable(
      'libtensorflow loaded and found no card that it can use',
      'install the NVIDIA driver, CUDA 11.2 and cuDNN 8.1 (these versions; libcudart.so.11.0 and libcudnn.so.8, or cudart64_110.dll and cudnn64_8.dll, must be on the library path)',
    );
  }
  const title = name === 'cuda' ? 'CUDA (tfjs-node-gpu)' : 'libtensorflow (tfjs-node)';
  const device: OpenDevice = {
    name,
    title,
    isSoftware: name === 'tfjs-node',
    tf,
    backend: () => new TfjsBackend(tf, { title, maxBufferBytes: 2 ** 31 - 1, failure: () => null }),
    // An allocation that failed raised an error, and nothing was computed with it.
    survives: (fault) => fault === 'memory',
    // CUDA cannot be started again in a process that lost it.
    reopen: () => Promise.reject(new Error(`${title} cannot be opened again in this process`)),
    close: () => undefined,
  };
  return device;
}

/** Functions that Node 23 took out of `util` and tfjs-node still calls. */
function restoreUtil(): void {
  const is = (type: string) => (value: unknown) => typeof value === type;
  const missing: Readonly<Record<string, (value: unknown) => boolean>> = {
    isArray: Array.isArray,
    isBoolean: is('boolean'),
    isNull: (value) => value === null,
    isNullOrUndefined: (value) => value === null || value === undefined,
    isNumber: is('number'),
    isString: is('string'),
    isSymbol: is('symbol'),
    isUndefined: is('undefined'),
    isFunction: is('function'),
    isObject: (value) => value !== null && typeof value === 'object',
    isPrimitive: (value) => value === null || !['object', 'function'].includes(typeof value),
  };
  const target = util as unknown as Record<string, unknown>;
  for (const [name, test] of Object.entries(missing)) target[name] ??= test;
}

function remedyOf(name: DeviceName): string {
  switch (name) {
    case 'cuda':
      return 'an NVIDIA card on Linux or Windows (x86-64): npm run setup:tensorflow fetches libtensorflow (about 400 MB, from storage.googleapis.com); it needs CUDA 11.2 and cuDNN 8.1';
    case 'tfjs-node':
      return 'npm rebuild @tensorflow/tfjs-node --ignore-scripts=false fetches libtensorflow (about 120 MB, from storage.googleapis.com); the cpu engine does the same work in float64';
    case 'webgpu':
      return 'npm install brings the packages webgpu and @tensorflow/tfjs-backend-webgpu (Linux and Windows on x86-64 and arm64, macOS)';
    default:
      name satisfies never;
      throw new Error('unknown device');
  }
}

/** Without the stack of what a native loader looked for, and without the library's advice to compile itself. */
function firstLines(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines
    .slice(0, 2)
    .join(' ')
    .replace(/\s*Please run command.*$/, '')
    .replace(/\.$/, '')
    .slice(0, 400);
}
