/** Installs the packages from the lock file if necessary, one launch at a time. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join, sep } from 'node:path';
import process from 'node:process';
import { ensureTensorflow, hasNvidiaCard, hasTensorflow } from './downloads.mjs';
import { withLock } from './lock.mjs';
import { findNpm, ignoresScripts, runNpm } from './npm.mjs';
import { findRuntime } from './runtime.mjs';
import { SetupError, duration, say } from './say.mjs';
import { currentStamp, installationKey, readJson, removeStamp, writeStamp } from './stamp.mjs';
import { linkTensorflow } from './tensorflow.mjs';
import { libc, treeMatchesLock } from './tree.mjs';

/** The lock of everything that changes node_modules or out/. @param {string} root */
export const setupLock = (root) => join(root, '.covature/setup.lock');

/**
 * Brings node_modules up to the lock file. Returns the stamp.
 * @param {string} root
 * @returns {Promise<import('./stamp.mjs').Stamp>}
 */
export async function install(root) {
  const npm = findNpm();
  return await withLock(
    setupLock(root),
    async (record) => {
      const done = currentStamp(root);
      if (done !== undefined) return done;
      removeStamp(root);
      const key = installationKey(root);
      if (!treeMatchesLock(root)) await installPackages(root, npm, record);
      await buildNatives(root, npm, record);
      const node = await findRuntime(root, npm, record);
      linkTensorflow(root);
      if (hasNvidiaCard() && existsSync(join(root, 'node_modules/@tensorflow/tfjs-node-gpu')) && !hasTensorflow(root)) {
        await offerTensorflow(root, npm, node);
      }
      const stamp = { key, node };
      writeStamp(root, stamp);
      return stamp;
    },
    {
      onWait: (holder) =>
        say(`another launch is setting up${holder ? ` (process ${holder.pid})` : ''}; waiting for it`),
    },
  );
}

/**
 * @param {string} root
 * @param {import('./npm.mjs').Npm} npm
 * @param {(pid: number) => void} record
 */
async function installPackages(root, npm, record) {
  const packages = Object.keys(readJson(join(root, 'package-lock.json'))?.packages ?? {}).length - 1;
  const modules = join(root, 'node_modules');
  const why = existsSync(join(modules, '.package-lock.json')) ? 'the lock file has changed' : 'first start';
  say(`${why}: installing ${packages} packages from the lock file (npm ${npm.version}; about a minute)`);
  moveRunningNodeAside(root);
  const started = performance.now();
  // npm shows its own progress if stderr is a terminal.
  const timer = process.stderr.isTTY
    ? undefined
    : setInterval(() => say(`still installing, ${duration(performance.now() - started)}`), 15_000);
  try {
    const status = await runNpm(
      npm,
      [
        ...[
          'ci',
          '--ignore-scripts',
          '--include=dev',
          '--include=optional',
          '--install-strategy=hoisted',
          '--prefer-offline',
        ],
        ...['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'],
      ],
      { root, onStart: record },
    );
    record(0);
    if (status !== 0) {
      throw new SetupError(
        `npm could not install the packages (exit status ${status}; see its messages above). With a connection to the npm registry, run the command again.`,
      );
    }
  } finally {
    clearInterval(timer);
  }
  say(`installed in ${duration(performance.now() - started)}`);
}

/**
 * Windows does not allow a running program to be deleted. That is the pinned Node if npm scripts find it first on their PATH. It can be renamed, though.
 * @param {string} root
 */
function moveRunningNodeAside(root) {
  if (process.platform !== 'win32') return;
  const folder = join(root, '.covature');
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    if (!/^node-\d+\.exe$/.test(name)) continue;
    try {
      rmSync(join(folder, name));
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EPERM') throw error; // still running
    }
  }
  if (!process.execPath.startsWith(join(root, 'node_modules') + sep)) return;
  mkdirSync(folder, { recursive: true });
  renameSync(process.execPath, join(folder, `node-${process.pid}.exe`));
}

/**
 * koffi and better-sqlite3 come with binaries for the common machines; elsewhere koffi's install script compiles one. Install scripts do not run during
 * the installation, so that none of them can block it; those that `allowScripts` in package.json names are run here.
 * @param {string} root
 * @param {import('./npm.mjs').Npm} npm
 * @param {(pid: number) => void} record
 */
async function buildNatives(root, npm, record) {
  const machine = `${process.platform}-${process.arch}`;
  const allowed = readJson(join(root, 'package.json'))?.allowScripts ?? {};
  const modules = join(root, 'node_modules');
  if (
    existsSync(join(modules, 'koffi')) &&
    !existsSync(join(modules, '@koromix', `koffi-${machine}`)) &&
    !existsSync(join(modules, 'koffi/build'))
  ) {
    const rebuild = 'npm rebuild koffi --ignore-scripts=false';
    const without = 'until then matrix products run on WebAssembly';
    if (allowed['koffi'] !== true || ignoresScripts(npm, root)) {
      say(
        `koffi (which calls the native BLAS) has no ready-made binary for ${machine}, and its install script, which compiles one, is switched off by ` +
          `ignore-scripts in your npm configuration. "${rebuild}" compiles it; ${without}`,
      );
    } else {
      say(`compiling koffi (which calls the native BLAS) for ${machine}`);
      const status = await runNpm(npm, ['rebuild', 'koffi', '--ignore-scripts=false', '--loglevel=error'], {
        root,
        onStart: record,
      });
      record(0);
      if (status !== 0) say(`koffi did not compile (it needs CMake and a C++ compiler; then "${rebuild}"); ${without}`);
    }
  }
  const prebuilt = join(
    modules,
    'better-sqlite3/prebuilds',
    `${process.platform}${libc() === 'musl' && process.platform === 'linux' ? 'musl' : ''}-${process.arch}.node`,
  );
  if (
    existsSync(join(modules, 'better-sqlite3')) &&
    !existsSync(prebuilt) &&
    !existsSync(join(modules, 'better-sqlite3/build/Release'))
  ) {
    say(
      `better-sqlite3 (the store of runs) has no ready-made binary for ${machine}; "npx node-gyp rebuild --directory node_modules/better-sqlite3" compiles one`,
    );
  }
}

/**
 * @param {string} root
 * @param {import('./npm.mjs').Npm} npm
 * @param {string} node
 */
async function offerTensorflow(root, npm, node) {
  if (ignoresScripts(npm, root)) {
    say(
      'libtensorflow, which trains on the NVIDIA card of this machine, is missing: install scripts are switched off by ignore-scripts in your npm ' +
        'configuration. "npm run setup:tensorflow" fetches it',
    );
    return;
  }
  await ensureTensorflow(root, { node: node.startsWith('node_modules') ? join(root, node) : node });
}
