/** Installs the packages from the lock file if necessary, one launch at a time. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join, sep } from 'node:path';
import process from 'node:process';
import { withLock } from './lock.mjs';
import { findNpm, ignoresScripts, runNpm } from './npm.mjs';
import { checkout, runThrough } from './run.mjs';
import { findRuntime } from './runtime.mjs';
import { Interrupted, SetupError, duration, say } from './say.mjs';
import { currentStamp, installationKey, nodeOf, readJson, stampFile, writeJson } from './stamp.mjs';
import { libc, treeMatchesLock } from './tree.mjs';

/** The lock of everything that changes node_modules or out/. */
export const setupLock = join(checkout, '.covature/setup.lock');

/**
 * Brings node_modules up to the lock file. Returns the stamp.
 * @returns {Promise<import('./stamp.mjs').Stamp>}
 */
export async function install() {
  const npm = findNpm();
  return await withLock(setupLock, 'another launch is setting up', async (record) => {
    const done = currentStamp();
    if (done !== undefined) return done;
    rmSync(stampFile, { force: true });
    const key = installationKey();
    if (!treeMatchesLock()) await installPackages(npm, record);
    await buildNatives(npm, record);
    const stamp = { key, node: await findRuntime(npm, record) };
    const then = join(checkout, 'scripts/setup/after-install.ts');
    if (existsSync(then)) {
      const { signal } = await runThrough(nodeOf(stamp), [then], { cwd: checkout, env: process.env });
      if (signal !== null) throw new Interrupted(signal);
    }
    writeJson(stampFile, stamp);
    return stamp;
  });
}

/**
 * @param {import('./npm.mjs').Npm} npm
 * @param {(pid: number) => void} record
 */
async function installPackages(npm, record) {
  const packages = Object.keys(readJson(join(checkout, 'package-lock.json'))?.packages ?? {}).length - 1;
  const modules = join(checkout, 'node_modules');
  const why = existsSync(join(modules, '.package-lock.json')) ? 'the lock file has changed' : 'first start';
  say(`${why}: installing ${packages} packages from the lock file (npm ${npm.version}; about a minute)`);
  moveRunningNodeAside();
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
      { onStart: record },
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
 */
function moveRunningNodeAside() {
  if (process.platform !== 'win32') return;
  const folder = join(checkout, '.covature');
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    if (!/^node-\d+\.exe$/.test(name)) continue;
    try {
      rmSync(join(folder, name));
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EPERM') throw error; // still running
    }
  }
  if (!process.execPath.startsWith(join(checkout, 'node_modules') + sep)) return;
  mkdirSync(folder, { recursive: true });
  renameSync(process.execPath, join(folder, `node-${process.pid}.exe`));
}

/**
 * koffi and better-sqlite3 come with binaries for the common machines; elsewhere koffi's install script compiles one. Install scripts do not run during
 * the installation, so that none of them can block it; those that `allowScripts` in package.json names are run here.
 * @param {import('./npm.mjs').Npm} npm
 * @param {(pid: number) => void} record
 */
async function buildNatives(npm, record) {
  const machine = `${process.platform}-${process.arch}`;
  const allowed = readJson(join(checkout, 'package.json'))?.allowScripts ?? {};
  const modules = join(checkout, 'node_modules');
  if (
    existsSync(join(modules, 'koffi')) &&
    !existsSync(join(modules, '@koromix', `koffi-${machine}`)) &&
    !existsSync(join(modules, 'koffi/build'))
  ) {
    const rebuild = 'npm rebuild koffi --ignore-scripts=false';
    const without = 'until then matrix products run on WebAssembly';
    if (allowed['koffi'] !== true || ignoresScripts(npm)) {
      say(
        `koffi (which calls the native BLAS) has no ready-made binary for ${machine}, and its install script, which compiles one, is switched off by ` +
          `ignore-scripts in your npm configuration. "${rebuild}" compiles it; ${without}`,
      );
    } else {
      say(`compiling koffi (which calls the native BLAS) for ${machine}`);
      const status = await runNpm(npm, ['rebuild', 'koffi', '--ignore-scripts=false', '--loglevel=error'], {
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
