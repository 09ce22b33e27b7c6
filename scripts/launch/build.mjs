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
import { checkout, runQuietly } from './run.mjs';
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
export const tasks = {
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
 * @param {string} node the pinned Node
 * @param {(keyof typeof tasks)[]} names
 */
export async function build(node, names) {
  const stale = names.map((name) => tasks[name]).filter((task) => isStale(task));
  if (stale.length === 0) return;
  await withLock(setupLock, 'another launch is building', async (record) => {
    // Another launch may have built it in the meantime.
    for (const task of stale) if (isStale(task)) await run(node, task, record);
  });
}

/** @param {Task} task */
const stampFile = (task) => join(checkout, `out/.built/${task.name}.json`);

/** @param {Task} task */
function isStale(task) {
  if (!task.needs.every((path) => existsSync(join(checkout, path)))) return false;
  if (!task.outputs.every((path) => existsSync(join(checkout, path)))) return true;
  const built = readJson(stampFile(task));
  const files = filesOf(task);
  const quick = quickMark(files);
  if (built?.quick === quick) return false;
  const contents = contentMark(files);
  if (built?.contents !== contents) return true;
  writeJson(stampFile(task), { quick, contents });
  return false;
}

/**
 * @param {string} node @param {Task} task @param {(pid: number) => void} record
 */
async function run(node, task, record) {
  say(`building ${task.title}`);
  const started = performance.now();
  // Recorded before the build: what changes during it is built the next time.
  const files = filesOf(task);
  const stamp = { quick: quickMark(files), contents: contentMark(files) };
  const { status, output } = await runQuietly(node, [task.script, ...task.args], { cwd: checkout, onStart: record });
  record(0);
  if (status !== 0 || !task.outputs.every((path) => existsSync(join(checkout, path)))) {
    process.stderr.write(output);
    throw new SetupError(`${task.title} could not be built (see the messages above)`);
  }
  writeJson(stampFile(task), stamp);
  say(`built in ${duration(performance.now() - started)}`);
}

/**
 * All input files, sorted, relative to the checkout with forward slashes.
 * @param {Task} task
 */
function filesOf(task) {
  /** @type {string[]} */
  const files = [];
  const add = (/** @type {string} */ path) => {
    const stat = statSync(join(checkout, path), { throwIfNoEntry: false });
    if (stat?.isDirectory()) for (const name of readdirSync(join(checkout, path))) add(`${path}/${name}`);
    else if (stat !== undefined) files.push(path);
  };
  task.inputs.forEach(add);
  return files.sort();
}

/** @param {string[]} files */
function quickMark(files) {
  const hash = createHash('sha256');
  for (const path of files) {
    const { mtimeMs, size } = statSync(join(checkout, path));
    hash.update(`${path}\0${mtimeMs}\0${size}\n`);
  }
  return hash.digest('hex');
}

/** @param {string[]} files */
function contentMark(files) {
  const hash = createHash('sha256');
  for (const path of files)
    hash.update(`${path}\0${statSync(join(checkout, path)).size}\0`).update(readFileSync(join(checkout, path)));
  return hash.digest('hex');
}
