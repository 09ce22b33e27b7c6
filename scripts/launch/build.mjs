/**
 * Builds what the sources need to run, if they have changed. This is checked at every launch, so at first only names,
 * times and sizes are compared; files that git has touched without changing them are recognised by their contents.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setupLock } from './install.mjs';
import { withLock } from './lock.mjs';
import { runQuietly } from './run.mjs';
import { SetupError, duration, say } from './say.mjs';
import { readJson, writeJson } from './stamp.mjs';

/**
 * @typedef {object} Task
 * @property {string} name
 * @property {string} title what the user is told
 * @property {string} script the program that builds, run by the pinned Node in the checkout
 * @property {string[]} args
 * @property {string[]} inputs files and folders, relative to the checkout
 * @property {string[]} outputs files that exist after the build
 * @property {string[]} needs if one of these files is missing, there is nothing to build
 */

/** @type {Record<'kernels' | 'workbench', Task>} */
const tasks = {
  kernels: {
    name: 'kernels',
    title: 'the WebAssembly kernels',
    script: 'scripts/build-wasm.mjs',
    args: [],
    inputs: ['src/engine/blas/wasm/assembly', 'scripts/build-wasm.mjs', 'node_modules/assemblyscript/package.json'],
    outputs: ['out/wasm/kernels.wasm'],
    needs: ['scripts/build-wasm.mjs'],
  },
  workbench: {
    name: 'workbench',
    title: 'the workbench',
    script: 'node_modules/electron-vite/bin/electron-vite.js',
    args: ['build'],
    inputs: ['electron.vite.config.ts', 'package-lock.json', 'resources', 'src'],
    outputs: ['out/main/index.js', 'out/preload/index.cjs', 'out/renderer/index.html'],
    needs: ['electron.vite.config.ts', 'src/main/index.ts', 'src/preload/index.ts', 'src/renderer/index.html'],
  },
};

/**
 * Builds those of the named tasks that are out of date, one launch at a time.
 * @param {string} root
 * @param {string} node the pinned Node
 * @param {(keyof typeof tasks)[]} names
 */
export async function build(root, node, names) {
  const stale = names.map((name) => tasks[name]).filter((task) => isStale(root, task));
  if (stale.length === 0) return;
  await withLock(
    setupLock(root),
    async (record) => {
      // Another launch may have built it in the meantime.
      for (const task of stale) if (isStale(root, task)) await run(root, node, task, record);
    },
    {
      onWait: (holder) => say(`another launch is building${holder ? ` (process ${holder.pid})` : ''}; waiting for it`),
    },
  );
}

/** @param {string} root @param {Task} task */
const stampFile = (root, task) => join(root, `out/.built/${task.name}.json`);

/** @param {string} root @param {Task} task */
function isStale(root, task) {
  if (!task.needs.every((path) => existsSync(join(root, path)))) return false;
  if (!task.outputs.every((path) => existsSync(join(root, path)))) return true;
  const built = readJson(stampFile(root, task));
  const files = filesOf(root, task);
  const quick = quickMark(root, files);
  if (built?.quick === quick) return false;
  const contents = contentMark(root, files);
  if (built?.contents !== contents) return true;
  writeJson(stampFile(root, task), { quick, contents });
  return false;
}

/**
 * @param {string} root @param {string} node @param {Task} task @param {(pid: number) => void} record
 */
async function run(root, node, task, record) {
  say(`building ${task.title}`);
  const started = performance.now();
  // Recorded before the build: what changes during it is built the next time.
  const files = filesOf(root, task);
  const stamp = { quick: quickMark(root, files), contents: contentMark(root, files) };
  const { status, output } = await runQuietly(node, [task.script, ...task.args], { cwd: root, onStart: record });
  record(0);
  if (status !== 0 || !task.outputs.every((path) => existsSync(join(root, path)))) {
    process.stderr.write(output);
    throw new SetupError(`${task.title} could not be built (see the messages above)`);
  }
  writeJson(stampFile(root, task), stamp);
  say(`built in ${duration(performance.now() - started)}`);
}

/**
 * All input files, sorted, relative to the checkout with forward slashes.
 * @param {string} root @param {Task} task
 */
function filesOf(root, task) {
  /** @type {string[]} */
  const files = [];
  const add = (/** @type {string} */ path) => {
    const stat = statSync(join(root, path), { throwIfNoEntry: false });
    if (stat?.isDirectory()) for (const name of readdirSync(join(root, path))) add(`${path}/${name}`);
    else if (stat !== undefined) files.push(path);
  };
  task.inputs.forEach(add);
  return files.sort();
}

/** @param {string} root @param {string[]} files */
function quickMark(root, files) {
  const hash = createHash('sha256');
  for (const path of files) {
    const { mtimeMs, size } = statSync(join(root, path));
    hash.update(`${path}\0${mtimeMs}\0${size}\n`);
  }
  return hash.digest('hex');
}

/** @param {string} root @param {string[]} files */
function contentMark(root, files) {
  const hash = createHash('sha256');
  for (const path of files)
    hash.update(`${path}\0${statSync(join(root, path)).size}\0`).update(readFileSync(join(root, path)));
  return hash.digest('hex');
}
