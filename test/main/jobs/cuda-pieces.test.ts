/** What a TensorFlow from PyPI lacks for a card, and the command that brings it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { cudaPieces, missingPieces, tensorflowSource } from '../../../src/main/jobs/cuda-pieces.ts';
import { probeDevice } from '../../../src/main/jobs/devices.ts';
import { describeWhere } from '../../support/skips.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'covature-cuda-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const libraries: readonly (readonly [string, string])[] = [
  ['cuda_runtime', 'libcudart.so.12'],
  ['cublas', 'libcublas.so.12'],
  ['cublas', 'libcublasLt.so.12'],
  ['cufft', 'libcufft.so.11'],
  ['cusolver', 'libcusolver.so.11'],
  ['cusparse', 'libcusparse.so.12'],
  ['nvjitlink', 'libnvJitLink.so.12'],
  ['cudnn', 'libcudnn.so.9'],
];

/** site-packages with a TensorFlow, and the CUDA libraries of pip's packages that are asked for. */
function installed(name: string, present: readonly string[]): string {
  const packages = path.join(folder, name, 'lib/python3.12/site-packages');
  for (const [part, file] of libraries) {
    if (!present.includes(file)) continue;
    mkdirSync(path.join(packages, 'nvidia', part, 'lib'), { recursive: true });
    writeFileSync(path.join(packages, 'nvidia', part, 'lib', file), '');
  }
  return path.join(packages, 'tensorflow');
}

const source = { version: '2.21.0', sha256: '', cuda: '12.5.1', cudnn: '9' };
const all = libraries.map(([, file]) => file);

test.each([
  ['everything', all, ['libcuda.so.1'], null, null],
  [
    'the libraries without a driver',
    all,
    [],
    /cuDNN 9; missing: NVIDIA's driver \(libcuda\.so\.1\); found: 8 of 9$/,
    /^the driver, 525 or newer, is the system's: /,
  ],
  [
    'a driver and no cuDNN',
    all.filter((file) => !file.includes('cudnn')),
    ['libcuda.so.1'],
    /missing: cuDNN \(libcudnn\.so\.9\); found: 8 of 9$/,
    /^"npm run setup:tensorflow -- --python --cuda" brings the CUDA libraries \(about 4 GB\)$/,
  ],
  ["the system's own CUDA, of which pip knows nothing", [], ['libcuda.so.1', ...all], null, null],
  [
    'nothing',
    [],
    [],
    /missing: NVIDIA's driver.*libcudart\.so\.12.*libcudnn\.so\.9.*found: 0 of 9$/,
    /--cuda".*; and the driver/,
  ],
] as const)('%s', (title, present, system, reason, remedy) => {
  const made = {
    ...source,
    from: 'tensorflow-2.21.0-cp312-cp312-manylinux_2_27_x86_64.whl',
    library: installed(title, present),
  };
  const pieces = cudaPieces(made, (file) => (system as readonly string[]).includes(file));
  const missing = missingPieces(made, pieces);
  if (reason === null || remedy === null) expect(missing).toBeNull();
  else {
    expect(missing?.reason).toMatch(reason);
    expect(missing?.remedy).toMatch(remedy);
  }
});

test('an environment is mended by its own pip', () => {
  const library = installed('environment', []);
  const python = path.join(folder, 'environment/bin/python');
  mkdirSync(path.dirname(python), { recursive: true });
  writeFileSync(python, '');
  const made = { ...source, from: library, library };
  expect(
    missingPieces(
      made,
      cudaPieces(made, () => false),
    )?.remedy,
  ).toContain(`"${python} -m pip install 'tensorflow[and-cuda]==2.21.0'" brings the CUDA libraries`);
});

const here = tensorflowSource();
describeWhere(
  here === null
    ? 'tfjs-node-gpu has no TensorFlow from PyPI here ("npm run setup:tensorflow -- --python tensorflow")'
    : true,
  'tfjs-node-gpu with a real TensorFlow',
  () => {
    test('opens, or comes as far as what is missing', async () => {
      const report = await probeDevice('cuda');
      const lacks = here === null ? null : missingPieces(here, cudaPieces(here));
      if (report.available) return expect(report.title).toContain(`TensorFlow ${here?.version}`);
      expect(report.reason).toContain('libtensorflow loaded and found no card that it can use');
      if (lacks === null) return;
      expect(report.reason).toContain(lacks.reason);
      expect(report.remedy).toBe(lacks.remedy);
    });
  },
);
