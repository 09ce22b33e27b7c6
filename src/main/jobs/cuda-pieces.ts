/**
 * What a TensorFlow from PyPI (npm run setup:tensorflow -- --python) needs for an NVIDIA card, piece by piece: the driver, and the CUDA libraries of its
 * version, which it looks for in the folders of pip's nvidia packages beside itself and where the system's loader looks. TensorFlow itself reports only
 * that it found no card.
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import koffi from 'koffi';
import type { DeviceName } from '../../shared/devices.ts';

/** source.json beside the binding, as scripts/setup/tensorflow.ts writes it. */
export interface TensorflowSource {
  readonly version: string;
  /** The wheel's name, or the folder of an installed TensorFlow. */
  readonly from: string;
  readonly sha256: string;
  /** The folder that its libraries are in. */
  readonly library: string;
  readonly cuda: string | null;
  readonly cudnn: string | null;
}

export interface Piece {
  /** "cuBLAS". */
  readonly title: string;
  /** As the loader asks for it. */
  readonly file: string;
  /** The file, or for one that the system's loader found its name; null: missing. */
  readonly found: string | null;
}

/** Libraries by CUDA's first number; the folder is that of pip's package. cuDNN counts by itself. */
const libraries: Readonly<Record<string, readonly (readonly [title: string, folder: string, file: string])[]>> = {
  '12': [
    ['the CUDA runtime', 'cuda_runtime', 'libcudart.so.12'],
    ['cuBLAS', 'cublas', 'libcublas.so.12'],
    ['cuBLASLt', 'cublas', 'libcublasLt.so.12'],
    ['cuFFT', 'cufft', 'libcufft.so.11'],
    ['cuSOLVER', 'cusolver', 'libcusolver.so.11'],
    ['cuSPARSE', 'cusparse', 'libcusparse.so.12'],
    ['nvJitLink', 'nvjitlink', 'libnvJitLink.so.12'],
  ],
};

/** Where tfjs-node-gpu's TensorFlow came from; null: nowhere, or from Google's storage. */
export function tensorflowSource(): TensorflowSource | null {
  try {
    const manifest = createRequire(import.meta.url).resolve('@tensorflow/tfjs-node-gpu/package.json');
    const binding = realpathSync(path.join(path.dirname(manifest), 'lib/napi-v8/tfjs_binding.node'));
    return JSON.parse(readFileSync(path.join(path.dirname(binding), 'source.json'), 'utf8')) as TensorflowSource;
  } catch {
    return null;
  }
}

/**
 * @param loads whether the system's loader finds a library of that name
 */
export function cudaPieces(source: TensorflowSource, loads: (file: string) => boolean = systemLoads): Piece[] {
  // If the library itself looks: $ORIGIN/../nvidia and, in a wheel that was put elsewhere, $ORIGIN/../../nvidia.
  const folders = ['..', '../..'].map((up) => path.resolve(source.library, up, 'nvidia'));
  const find = (folder: string, file: string): string | null => {
    const beside = folders.map((base) => path.join(base, folder, 'lib', file)).find((each) => existsSync(each));
    return beside ?? (loads(file) ? file : null);
  };
  const cudnn = `libcudnn.so.${source.cudnn?.split('.')[0] ?? ''}`;
  const named = libraries[source.cuda?.split('.')[0] ?? ''] ?? [];
  return [
    { title: "NVIDIA's driver", file: 'libcuda.so.1', found: loads('libcuda.so.1') ? 'libcuda.so.1' : null },
    ...named.map(([title, folder, file]) => ({ title, file, found: find(folder, file) })),
    { title: 'cuDNN', file: cudnn, found: find('cudnn', cudnn) },
  ];
}

/** Why no card is used, and the command that brings what is missing; null: nothing is missing. */
export function missingPieces(
  source: TensorflowSource,
  pieces: readonly Piece[],
): { readonly reason: string; readonly remedy: string } | null {
  const missing = pieces.filter(({ found }) => found === null);
  if (missing.length === 0) return null;
  const isDriver = ({ file }: Piece): boolean => file === 'libcuda.so.1';
  const there = pieces.length - missing.length;
  const reason =
    `TensorFlow ${source.version} is built for CUDA ${source.cuda} and cuDNN ${source.cudnn}; missing: ` +
    `${missing.map(({ title, file }) => `${title} (${file})`).join(', ')}; found: ${there} of ${pieces.length}`;
  const remedies: string[] = [];
  if (!missing.every(isDriver)) remedies.push(librariesCommand(source));
  if (missing.some(isDriver)) remedies.push(driverRemedy());
  return { reason, remedy: remedies.join('; and ') };
}

function librariesCommand({ from, library, version }: TensorflowSource): string {
  if (from.endsWith('.whl'))
    return '"npm run setup:tensorflow -- --python --cuda" brings the CUDA libraries (about 4 GB)';
  const environment = path.resolve(library, '../../../..');
  const python = existsSync(path.join(environment, 'bin/python')) ? path.join(environment, 'bin/python') : 'python3';
  return `"${python} -m pip install 'tensorflow[and-cuda]==${version}'" brings the CUDA libraries (about 4 GB)`;
}

function driverRemedy(): string {
  const command = existsSync('/usr/bin/ubuntu-drivers')
    ? '"sudo ubuntu-drivers install"'
    : existsSync('/etc/debian_version')
      ? '"sudo apt-get install nvidia-driver" (Debian: from its section non-free)'
      : "your distribution's package of it";
  return `the driver, 525 or newer, is the system's: ${command}`;
}

function systemLoads(file: string): boolean {
  try {
    koffi.load(file).unload();
    return true;
  } catch {
    return false;
  }
}

/** A report of a device that did not open; of CUDA with a TensorFlow from PyPI it says what is missing instead. */
export function explained<T extends { readonly name: DeviceName; readonly reason: string; readonly remedy: string }>(
  report: T,
): T {
  const source = report.name === 'cuda' ? tensorflowSource() : null;
  const missing = source === null ? null : missingPieces(source, cudaPieces(source));
  return missing === null
    ? report
    : { ...report, reason: `${report.reason} (${missing.reason})`, remedy: missing.remedy };
}
