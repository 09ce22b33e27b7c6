/**
 * Downloads that are not in any package of the registry and that parts of the program can use: libtensorflow with CUDA (a training engine for NVIDIA cards) and
 * Electron's binary (the desktop window). Neither is required: each download gives up when no more data arrive, says so, and is not tried again
 * automatically for a day.
 */
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { runGuarded } from './guard.mjs';
import { duration, say } from './say.mjs';
import { readJson, writeJson } from './stamp.mjs';

/** A network that does not respond costs at most 10 s in all; the rest of that is for starting and ending the download. */
const silence = 7000;

/**
 * @typedef {object} DownloadOptions
 * @property {string} node the Node that runs the download
 * @property {boolean} [again] try even if it has failed today
 * @property {number} [silence] milliseconds without data after which it is given up; 7,000
 */

/**
 * Makes sure that libtensorflow is installed. Returns whether it is there.
 * @param {string} root the checkout
 * @param {DownloadOptions} options
 */
export async function ensureTensorflow(root, options) {
  const folder = join(root, 'node_modules/@tensorflow/tfjs-node-gpu');
  if (!existsSync(folder)) {
    say('the package @tensorflow/tfjs-node-gpu is not installed, so there is nothing to fetch libtensorflow for');
    return false;
  }
  return await download(root, options, {
    name: 'tensorflow',
    title: 'libtensorflow with CUDA (about 400 MB)',
    without:
      'the engines that need no card are used instead ("npm run setup:tensorflow -- --python" installs a newer one from PyPI)',
    isThere: () => hasTensorflow(root),
    job: () => ({
      args: [join(folder, 'scripts/install.js'), 'gpu', 'download'],
      cwd: folder,
      watch: ['deps', 'lib', 'build'].map((name) => join(folder, name)),
      env: {
        // The package's own tools (node-pre-gyp), and Node's headers, in case the binding has to be compiled.
        PATH: `${join(root, 'node_modules/.bin')}${process.platform === 'win32' ? ';' : ':'}${process.env['PATH'] ?? ''}`,
        npm_config_nodedir: join(options.node, '../..'),
      },
      // A compiler is silent for longer than a network.
      silence: () => (existsSync(join(folder, 'build')) ? 120_000 : (options.silence ?? silence)),
    }),
  });
}

/** @param {string} root */
export function hasTensorflow(root) {
  const folder = join(root, 'node_modules/@tensorflow/tfjs-node-gpu');
  const binding = join(folder, 'lib/napi-v8/tfjs_binding.node');
  // A link to what tensorflow.mjs has put into the user's cache folder, including the library.
  if (lstatSync(binding, { throwIfNoEntry: false })?.isSymbolicLink()) return existsSync(binding);
  const library = process.platform === 'win32' ? 'deps/lib/tensorflow.dll' : 'deps/lib/libtensorflow.so.2.9.1';
  return existsSync(join(folder, library)) && existsSync(binding);
}

/** Whether the machine has an NVIDIA card with its driver, on a platform for which libtensorflow exists. */
export function hasNvidiaCard() {
  if (process.arch !== 'x64') return false;
  if (process.platform === 'linux') return existsSync('/proc/driver/nvidia/version') || existsSync('/dev/nvidia0');
  return (
    process.platform === 'win32' && existsSync(join(process.env['SystemRoot'] ?? 'C:\\Windows', 'System32/nvcuda.dll'))
  );
}

/**
 * Makes sure that Electron's binary is installed. Returns whether it is there.
 * @param {string} root
 * @param {DownloadOptions} options
 */
export async function ensureElectron(root, options) {
  const chosen = process.env['ELECTRON_OVERRIDE_DIST_PATH'];
  if (chosen && !hasElectron(root)) {
    say(`ELECTRON_OVERRIDE_DIST_PATH names ${chosen}, where there is no Electron`);
    return false;
  }
  const folder = join(root, 'node_modules/electron');
  if (!existsSync(folder)) {
    say('the package electron is not installed, so there is nothing to fetch its binary for');
    return false;
  }
  return await download(root, options, {
    name: 'electron',
    title: "Electron's binary (about 120 MB)",
    without: 'the workbench opens in the browser instead',
    isThere: () => hasElectron(root),
    job: (temporary) => ({
      args: [join(folder, 'install.js')],
      cwd: folder,
      watch: [temporary, join(folder, 'dist')],
      env: { TMPDIR: temporary, TEMP: temporary, TMP: temporary, NODE_USE_ENV_PROXY: '1' },
      silence: options.silence ?? silence,
    }),
  });
}

/** @param {string} root */
export function hasElectron(root) {
  const chosen = process.env['ELECTRON_OVERRIDE_DIST_PATH'];
  if (chosen) {
    const name = { win32: 'electron.exe', darwin: 'Electron.app/Contents/MacOS/Electron' }[String(process.platform)];
    return existsSync(join(chosen, name ?? 'electron'));
  }
  const folder = join(root, 'node_modules/electron');
  const file = join(folder, 'path.txt');
  return existsSync(file) && existsSync(join(folder, 'dist', readFileSync(file, 'utf8').trim()));
}

/**
 * @typedef {object} Job
 * @property {string[]} args
 * @property {string} cwd
 * @property {string[]} watch
 * @property {Record<string, string>} env
 * @property {number | (() => number)} silence
 */

/**
 * @param {string} root
 * @param {DownloadOptions} options
 * @param {{ name: string, title: string, without: string, isThere: () => boolean, job: (temporary: string) => Job }} what
 */
async function download(root, { node, again = false }, { name, title, without, isThere, job }) {
  if (isThere()) return true;
  const record = join(root, `node_modules/.covature/${name}.json`);
  const failed = readJson(record)?.failed;
  if (!again && typeof failed === 'number' && Date.now() - failed < 24 * 3600 * 1000) return false;

  say(`fetching ${title}`);
  const scratch = join(root, 'node_modules/.covature');
  mkdirSync(scratch, { recursive: true });
  const temporary = mkdtempSync(join(scratch, `${name}-`));
  const started = performance.now();
  try {
    const { env, ...rest } = job(temporary);
    const reason = await runGuarded({
      ...rest,
      command: node,
      env: { ...process.env, ...env },
      onProgress: (bytes) => say(`${Math.round(bytes / 1e6)} MB so far`),
    });
    if (isThere()) {
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
