/** TensorFlow from PyPI: what is said where a piece is missing or broken, that nothing half-made remains, and the whole way where a real one is there. */
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { strToU8, zipSync } from 'fflate';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { hasTensorflow } from '../../scripts/setup/downloads.ts';
import { linkTensorflow, refusal, setUpFromPython } from '../../scripts/setup/tensorflow.ts';
import { tensorflowSource } from '../../src/main/jobs/cuda-pieces.ts';
import { tensorflowAvailable } from '../support/tensorflow.ts';
import { describeWhere } from '../support/skips.ts';
import { finished, posix, until } from './support.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const machine = process.arch === 'x64' ? 'x86_64' : 'aarch64';
const usual = `tensorflow_cpu-2.99.0-cp312-cp312-manylinux_2_17_${machine}.whl`;
const where =
  posix !== true
    ? posix
    : refusal(process.platform, process.arch, undefined) === null || 'PyPI has no TensorFlow for this machine';

let folder: string;
let cache: string;
let said: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'covature-tensorflow-'));
  cache = path.join(folder, 'cäche of all/tensorflow');
  said = '';
  vi.stubEnv('CXX', script('c++', 'echo "x.cc:1:1: fatal error: no such thing" >&2; test "$1" = --version'));
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** An executable of a few lines of shell. */
function script(name: string, text: string): string {
  const file = path.join(folder, 'bin', name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return file;
}

const libraries = {
  'tensorflow/libtensorflow_cc.so.2': 'the library',
  'tensorflow/libtensorflow_framework.so.2': 'framework',
};

/** A wheel of these files, in which they stand as they are. */
function wheel(name: string, files: Readonly<Record<string, string>>): string {
  const file = path.join(folder, name);
  const entries = Object.entries(files).map(([each, text]) => [each, strToU8(text)] as const);
  writeFileSync(file, zipSync(Object.fromEntries(entries), { level: 0 }));
  return file;
}

const setUp = (...args: string[]): Promise<unknown> =>
  setUpFromPython(repository, { args: ['--python', ...args], cache });

describeWhere(where, 'TensorFlow from PyPI', () => {
  const rows: Record<string, readonly [source: () => string, message: RegExp]> = {
    'a path that does not exist': [() => '/nowhere/x.whl', /\/nowhere\/x\.whl does not exist: expected a wheel file/],
    'a folder without TensorFlow': [
      () => folder,
      /no libtensorflow_cc\.so\.2 and libtensorflow_framework\.so\.2 there/,
    ],
    'a file that is no wheel by its name': [
      () => wheel('tensorflow-2.99.whl', libraries),
      /expected the name of a wheel as PyPI has it/,
    ],
    'a wheel that was cut short': [
      () => {
        const file = wheel(usual, libraries);
        writeFileSync(file, readFileSync(file).subarray(0, 200));
        return file;
      },
      /\.whl: not a valid zip file, or cut short/,
    ],
    'a wheel of something else': [
      () => wheel(`numpy-2.0.0-cp312-cp312-manylinux_2_17_${machine}.whl`, { 'numpy/x.so': '' }),
      /numpy-2\.0\.0.* does not contain libtensorflow_cc\.so\.2.*expected a wheel of tensorflow/,
    ],
    'a wheel of another machine': [
      () => wheel('tensorflow_cpu-2.99.0-cp312-cp312-manylinux_2_17_s390x.whl', libraries),
      /is for manylinux_2_17_s390x, and this machine is/,
    ],
    'a wheel with a damaged library': [
      () => {
        const file = wheel(usual, libraries);
        const bytes = readFileSync(file);
        bytes[bytes.indexOf(libraries['tensorflow/libtensorflow_cc.so.2'])] ^= 1;
        writeFileSync(file, bytes);
        return file;
      },
      /"tensorflow\/libtensorflow_cc\.so\.2" is damaged: its checksum does not match/,
    ],
    'a TensorFlow against which the binding does not compile': [
      () => wheel(usual, libraries),
      /does not compile against this TensorFlow \(x\.cc:1:1: fatal error: no such thing\).*installs the version that is known to work/,
    ],
    'a binding that does not load': [
      () => {
        // The compiler's last argument is what it makes.
        script('c++', 'for last; do :; done; case $last in *.node) echo junk > "$last";; esac');
        return wheel(usual, libraries);
      },
      /the binding was compiled, but does not work \(.*(Error|file too short|invalid ELF)/,
    ],
  };
  test.each(Object.keys(rows))('%s: said, and nothing remains', async (title) => {
    const [source, message] = rows[title];
    await expect(setUp(source())).rejects.toThrow(message);
    expect(readdirSync(cache)).toEqual([]);
  });

  test('no compiler: the command that installs one', async () => {
    vi.stubEnv('CXX', '');
    vi.stubEnv('PATH', path.join(folder, 'empty'));
    await expect(setUp(wheel(usual, libraries))).rejects.toThrow(/there is no C\+\+ compiler here.*install/);
    vi.stubEnv('CXX', '/nowhere/c++');
    await expect(setUp(wheel(usual, libraries))).rejects.toThrow(/CXX names \/nowhere\/c\+\+, which does not start/);
  });

  test.each([
    [
      'no pip',
      'exit 1',
      /python3 has no pip here.*; or, with its wheel fetched elsewhere.*needs neither pip nor a network/,
    ],
    [
      'no network',
      'case "$*" in *--version*) ;; *) echo "ERROR: No matching distribution found for tensorflow-cpu==2.50.0"; exit 1;; esac',
      /pip could not fetch tensorflow-cpu==2\.50\.0 \(ERROR: No matching distribution found.*\); with its wheel fetched elsewhere/,
    ],
    [
      'a full disk',
      'case "$*" in *--version*) ;; *) echo "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"; exit 1;; esac',
      /the disk is full in .*nothing was installed\. XDG_CACHE_HOME=/,
    ],
  ])('pip: %s', async (_, text, message) => {
    script('python3', text);
    script('python', 'exit 1');
    vi.stubEnv('PATH', `${path.join(folder, 'bin')}:${process.env['PATH'] ?? ''}`);
    await expect(setUp('tensorflow-cpu==2.50.0')).rejects.toThrow(message);
    expect(readdirSync(cache)).toEqual([]);
  });

  test('stopped while pip fetches: pip ends too, and nothing remains', async () => {
    const pid = path.join(folder, 'pip.pid');
    script(
      'python3',
      `case "$*" in *--version*) ;; *) echo $$ > '${pid}.part'; mv '${pid}.part' '${pid}'; exec sleep 600;; esac`,
    );
    const launcher = new URL('../../scripts/setup/tensorflow.ts', import.meta.url).href;
    const body = `import(${JSON.stringify(launcher)}).then((m) => m.setUpFromPython(${JSON.stringify(repository)}, { args: ['--python'], cache: ${JSON.stringify(cache)} })).catch((error) => { console.log(error.message); })`;
    const child = spawn(process.execPath, ['-e', body], {
      env: { ...process.env, PATH: `${path.join(folder, 'bin')}:${process.env['PATH'] ?? ''}` },
    });
    const end = finished(child);
    await until(() => existsSync(pid), 'pip');
    child.kill('SIGTERM');
    expect((await end).stdout).toContain('stopped by SIGTERM');
    expect(readdirSync(cache)).toEqual([]);
    expect(() => process.kill(Number(readFileSync(pid, 'utf8')), 0)).toThrow('ESRCH');
  });

  test('a word that it does not know', async () => {
    await expect(setUp('--gpu')).rejects.toThrow(/"--gpu" is not understood\nusage: /);
  });

  test('a checkout is linked to what the cache holds; a binding of its own stays unless it is to be replaced', () => {
    const root = path.join(folder, 'checkout');
    const link = path.join(root, 'node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.node');
    mkdirSync(path.dirname(link), { recursive: true });
    mkdirSync(path.join(cache, 'tfjs-node-gpu'), { recursive: true });
    writeFileSync(path.join(cache, 'tfjs-node-gpu/tfjs_binding.node'), 'of the cache');
    writeFileSync(link, 'its own');
    linkTensorflow(root, { cache });
    expect(readFileSync(link, 'utf8')).toBe('its own');
    linkTensorflow(root, { cache, replace: true });
    expect(readFileSync(link, 'utf8')).toBe('of the cache');
    expect(hasTensorflow(root)).toBe(true);
    expect(existsSync(path.join(root, 'node_modules/@tensorflow/tfjs-node'))).toBe(false);
    rmSync(path.join(cache, 'tfjs-node-gpu'), { recursive: true });
    expect(hasTensorflow(root), 'its cache was removed').toBe(false);
  });
});

test.each([
  ['win32', 'x64', undefined, /Windows contain no library.*"npm run setup:tensorflow"/],
  ['darwin', 'arm64', undefined, /--backend webgpu/],
  ['linux', 'x64', 'musl', /musl/],
  ['linux', 'riscv64', 'glibc', /x86-64 and arm64 on Linux, and this is riscv64/],
  ['freebsd', 'x64', undefined, /no TensorFlow for freebsd/],
] as const)('%s, %s, %s: refused with what helps', (platform, arch, library, message) => {
  expect(refusal(platform, arch, library)).toMatch(message);
});

const real = tensorflowAvailable === true ? tensorflowSource() : null;
describeWhere(
  tensorflowAvailable !== true ? tensorflowAvailable : real !== null || 'the TensorFlow here is not from PyPI',
  'a real TensorFlow',
  () => {
    test('an installed one: the binding is compiled, multiplies, and serves a checkout in place of what was there', async () => {
      vi.unstubAllEnvs();
      const root = path.join(folder, 'checkout');
      for (const name of ['koffi/vendor/node-api-headers', '@tensorflow/tfjs-node/binding'])
        copyInto(root, path.join('node_modules', name));
      mkdirSync(path.join(cache, '.new-1'), { recursive: true });
      await setUpFromPython(root, { args: ['--python', real?.library ?? ''], cache });
      expect(said).toContain('it multiplied two matrices');
      const binding = realpathSync(path.join(root, 'node_modules/@tensorflow/tfjs-node/lib/napi-v8/tfjs_binding.node'));
      expect(binding.startsWith(realpathSync(cache))).toBe(true);
      expect(JSON.parse(readFileSync(path.join(path.dirname(binding), 'source.json'), 'utf8'))).toMatchObject({
        version: real?.version,
        library: real?.library,
      });
      // Links, one folder, and nothing of a set-up that was killed.
      expect(readdirSync(cache).filter((name) => name.startsWith('.'))).toEqual([]);
    });
  },
);

function copyInto(root: string, name: string): void {
  for (const entry of readdirSync(path.join(repository, name), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const from = path.join(entry.parentPath, entry.name);
    const to = path.join(root, path.relative(repository, from));
    mkdirSync(path.dirname(to), { recursive: true });
    writeFileSync(to, readFileSync(from));
  }
}
