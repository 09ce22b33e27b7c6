/**
 * Opening a TensorFlow.js device: CUDA (@tensorflow/tfjs-node-gpu), libtensorflow on the CPU (@tensorflow/tfjs-node), or WebGPU
 * (@tensorflow/tfjs-backend-webgpu over Dawn, the package `webgpu`). Each may be missing; what was tried, what failed and what to install is
 * stated in words. At most one is opened in a process: the first two register under the same name.
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

/** Never throws: a failure is part of the outcome. */
export async function openDevice(name: DeviceName, options: LoadOptions = {}): Promise<DeviceOutcome> {
  const { importModule = byName, platform = process.platform, arch = process.arch } = options;
  try {
    const tf = (await importModule('@tensorflow/tfjs-core')) as Tf;
    // No messages on standard error, and no run-time checks, which the test suites replace.
    tf.enableProdMode();
    const device =
      name === 'webgpu' ? await openWebGpu(tf, importModule, platform) : await openNode(tf, name, importModule);
    return { available: true, device };
  } catch (error) {
    const nowhere = name === 'webgpu' ? null : withoutLibrary(name, platform, arch);
    const cause = error instanceof Unavailable ? error : nowhere;
    const remedy = cause?.remedy ?? remedyOf(name);
    return { available: false, name, title: titles[name], reason: firstLines(messageOf(cause ?? error)), remedy };
  }
}

/** Platforms for which Google builds no libtensorflow: nothing can be installed there. */
function withoutLibrary(name: 'cuda' | 'tfjs-node', platform: NodeJS.Platform, arch: string): Unavailable | null {
  const instead = 'nothing needs to be installed: --backend webgpu uses the card';
  if (name === 'cuda' && platform === 'darwin') return new Unavailable('macOS has no CUDA', `${instead} through Metal`);
  if (name === 'cuda' && arch !== 'x64')
    return new Unavailable(`libtensorflow with CUDA is built for x86-64 alone; this is ${arch}`, instead);
  return null;
}

/** The parts of the library's NodeJS backend that are used here. */
interface NodeBackend extends tfjs.KernelBackend {
  readonly isUsingGpuDevice?: boolean;
  readonly binding?: { readonly TF_Version: string };
}

/**
 * Single precision stays single precision, whatever the environment says: CUDA's products in TF32 (Ampere and later, 10 bits of mantissa) and oneDNN's in
 * bfloat16 (Sapphire Rapids and later, 7 bits) are switched off.
 */
const exactProducts: Readonly<Record<string, string>> = {
  NVIDIA_TF32_OVERRIDE: '0',
  ONEDNN_DEFAULT_FPMATH_MODE: 'STRICT',
  TF_SET_ONEDNN_FPMATH_MODE: 'STRICT',
};

async function openNode(tf: Tf, name: 'cuda' | 'tfjs-node', importModule: ImportModule): Promise<OpenDevice> {
  restoreUtil();
  Object.assign(process.env, exactProducts);
  // The library writes messages to standard error.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  // A build for CUDA would use a card under this name too.
  if (name === 'tfjs-node') process.env['CUDA_VISIBLE_DEVICES'] = '-1';
  await importModule(name === 'cuda' ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node');
  if (!(await tf.setBackend('tensorflow'))) throw new Error('it loaded, but its backend does not start');
  const backend = tf.backend() as NodeBackend;
  // A stand-in for the library has no version.
  const version = backend.binding?.TF_Version;
  if (name === 'cuda' && backend.isUsingGpuDevice === false) {
    throw new Unavailable(
      'libtensorflow loaded and found no card that it can use',
      version === undefined || version.startsWith('2.9.')
        ? 'install the NVIDIA driver, CUDA 11.2 and cuDNN 8.1 (these versions; libcudart.so.11.0 and libcudnn.so.8, or cudart64_110.dll and cudnn64_8.dll, must be on the library path), or take a TensorFlow of today, which brings its CUDA: npm run setup:tensorflow -- --python --cuda'
        : `TensorFlow ${version} wants NVIDIA's driver and its CUDA libraries: covature doctor names each that is missing and the command that brings it`,
    );
  }
  const title =
    name === 'cuda'
      ? `CUDA (tfjs-node-gpu${version === undefined ? '' : `, TensorFlow ${version}`})`
      : `libtensorflow ${version === undefined ? '' : `${version} `}(tfjs-node)`;
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
      return 'an NVIDIA card on Linux or Windows (x86-64): npm run setup:tensorflow -- --python --cuda fetches TensorFlow and the CUDA libraries from PyPI (Linux; about 4 GB); npm run setup:tensorflow fetches libtensorflow 2.9.1 (about 400 MB, from storage.googleapis.com), which needs CUDA 11.2 and cuDNN 8.1';
    case 'tfjs-node':
      return 'npm run setup:tensorflow -- --python fetches TensorFlow from PyPI (Linux; about 270 MB, a C++ compiler); npm rebuild @tensorflow/tfjs-node --ignore-scripts=false fetches libtensorflow 2.9.1 (about 120 MB, from storage.googleapis.com); the cpu engine does the same work in float64';
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
