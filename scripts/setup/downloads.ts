/**
 * Downloads that are not in any package of the registry and that parts of the program can use: libtensorflow with CUDA (a training engine for NVIDIA cards) and
 * Electron's binary (the desktop window). Neither is required: each download gives up when no more data arrive, says so, and is not tried again
 * automatically for a day.
 */
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { duration, say } from '../launch/say.mjs';
import { readJson, writeJson } from '../launch/stamp.mjs';
import type { Guarded } from './guard.ts';
import { runGuarded } from './guard.ts';

/** A network that does not respond costs at most 10 s in all; the rest of that is for starting and ending the download. */
const usualSilence = 7000;

export interface DownloadOptions {
  /** Try even if it has failed today. */
  readonly again?: boolean;
  /** Milliseconds without data after which it is given up; 7,000. */
  readonly silence?: number;
}

interface Download {
  /** Of the command that tries again: npm run setup:NAME. */
  readonly name: string;
  readonly title: string;
  /** The package whose own script fetches it. */
  readonly package: string;
  readonly without: string;
  readonly isThere: (root: string) => boolean;
  /** The script in the package's folder and its arguments, and what is watched and set for it. */
  readonly job: (
    folder: string,
    temporary: string,
    silence: number,
  ) => Pick<Guarded, 'args' | 'env' | 'watch' | 'silence'>;
}

const tensorflow: Download = {
  name: 'tensorflow',
  title: 'libtensorflow with CUDA (about 400 MB)',
  package: '@tensorflow/tfjs-node-gpu',
  without:
    'the engines that need no card are used instead ("npm run setup:tensorflow -- --python" installs a newer one from PyPI)',
  isThere: hasTensorflow,
  job: (folder, _, silence) => ({
    args: [join(folder, 'scripts/install.js'), 'gpu', 'download'],
    watch: ['deps', 'lib', 'build'].map((name) => join(folder, name)),
    env: {
      // The package's own tools (node-pre-gyp), and Node's headers, in case the binding has to be compiled.
      PATH: `${join(folder, '../../.bin')}${delimiter}${process.env['PATH'] ?? ''}`,
      npm_config_nodedir: join(process.execPath, '../..'),
    },
    // A compiler is silent for longer than a network.
    silence: () => (existsSync(join(folder, 'build')) ? 120_000 : silence),
  }),
};

const electron: Download = {
  name: 'electron',
  title: "Electron's binary (about 120 MB)",
  package: 'electron',
  without: 'the workbench opens in the browser instead',
  isThere: hasElectron,
  job: (folder, temporary, silence) => ({
    args: [join(folder, 'install.js')],
    watch: [temporary, join(folder, 'dist')],
    env: { TMPDIR: temporary, TEMP: temporary, TMP: temporary, NODE_USE_ENV_PROXY: '1' },
    silence: () => silence,
  }),
};

/** Makes sure that libtensorflow is installed in the checkout `root`. Returns whether it is there. */
export async function ensureTensorflow(root: string, options: DownloadOptions = {}): Promise<boolean> {
  return await ensure(root, tensorflow, options);
}

/** Makes sure that Electron's binary is installed in the checkout `root`. Returns whether it is there. */
export async function ensureElectron(root: string, options: DownloadOptions = {}): Promise<boolean> {
  const chosen = process.env['ELECTRON_OVERRIDE_DIST_PATH'];
  if (chosen && !hasElectron(root)) {
    say(`ELECTRON_OVERRIDE_DIST_PATH names ${chosen}, where there is no Electron`);
    return false;
  }
  return await ensure(root, electron, options);
}

export function hasTensorflow(root: string): boolean {
  const folder = join(root, 'node_modules/@tensorflow/tfjs-node-gpu');
  const binding = join(folder, 'lib/napi-v8/tfjs_binding.node');
  // A link to what tensorflow.ts has put into the user's cache folder, including the library.
  if (lstatSync(binding, { throwIfNoEntry: false })?.isSymbolicLink()) return existsSync(binding);
  const library = process.platform === 'win32' ? 'deps/lib/tensorflow.dll' : 'deps/lib/libtensorflow.so.2.9.1';
  return existsSync(join(folder, library)) && existsSync(binding);
}

export function hasElectron(root: string): boolean {
  const chosen = process.env['ELECTRON_OVERRIDE_DIST_PATH'];
  if (chosen) {
    const name = { win32: 'electron.exe', darwin: 'Electron.app/Contents/MacOS/Electron' }[String(process.platform)];
    return existsSync(join(chosen, name ?? 'electron'));
  }
  const folder = join(root, 'node_modules/electron');
  const file = join(folder, 'path.txt');
  return existsSync(file) && existsSync(join(folder, 'dist', readFileSync(file, 'utf8').trim()));
}

/** Whether the machine has an NVIDIA card with its driver, on a platform for which libtensorflow exists. */
export function hasNvidiaCard(): boolean {
  if (process.arch !== 'x64') return false;
  if (process.platform === 'linux') return existsSync('/proc/driver/nvidia/version') || existsSync('/dev/nvidia0');
  return (
    process.platform === 'win32' && existsSync(join(process.env['SystemRoot'] ?? 'C:\\Windows', 'System32/nvcuda.dll'))
  );
}

async function ensure(
  root: string,
  download: Download,
  { again = false, silence = usualSilence }: DownloadOptions,
): Promise<boolean> {
  const { name, title, without, isThere, job } = download;
  const folder = join(root, 'node_modules', download.package);
  if (!existsSync(folder)) {
    say(
      `the package ${download.package} is not installed, so there is nothing to fetch ${title.replace(/ \(.*/, '')} for`,
    );
    return false;
  }
  if (isThere(root)) return true;
  const scratch = join(root, 'node_modules/.covature');
  const record = join(scratch, `${name}.json`);
  const { failed } = (readJson(record) ?? {}) as { failed?: unknown };
  if (!again && typeof failed === 'number' && Date.now() - failed < 24 * 3600 * 1000) return false;

  say(`fetching ${title}`);
  mkdirSync(scratch, { recursive: true });
  const temporary = mkdtempSync(join(scratch, `${name}-`));
  const started = performance.now();
  try {
    const reason = await runGuarded({ command: process.execPath, cwd: folder, ...job(folder, temporary, silence) });
    if (isThere(root)) {
      say(`fetched in ${duration(performance.now() - started)}`);
      rmSync(record, { force: true });
      return true;
    }
    writeJson(record, { failed: Date.now(), reason });
    say(
      `could not fetch it (${reason ?? 'the download ended without it'}), so ${without}; "npm run setup:${name}" tries again`,
    );
    return false;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
