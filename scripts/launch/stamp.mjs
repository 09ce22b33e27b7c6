/**
 * The record of a finished installation, node_modules/.covature/setup.json: for which lock file and machine it was made, and where the Node is
 * that runs everything. Every launch reads it, so it costs one small file, one hash of the lock file and one `stat`.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { checkout } from './run.mjs';

/**
 * @typedef {object} Stamp
 * @property {string} key what was installed for: the lock file's SHA-256, the platform and the architecture (a checkout may be shared by
 *   two machines)
 * @property {string} node path of the pinned Node, relative to the checkout; absolute if the system's own is used
 */

export const stampFile = join(checkout, 'node_modules/.covature/setup.json');

/** What would be installed for now. */
export function installationKey() {
  const hash = createHash('sha256')
    .update(readFileSync(join(checkout, 'package-lock.json')))
    .digest('hex');
  return `${hash} ${process.platform} ${process.arch}`;
}

/**
 * The stamp of a finished installation for the current lock file, or undefined if the packages have to be installed.
 * @returns {Stamp | undefined}
 */
export function currentStamp() {
  const stamp = readJson(stampFile);
  if (stamp?.key !== installationKey() || typeof stamp.node !== 'string') return undefined;
  return existsSync(nodeOf(stamp)) ? stamp : undefined;
}

/** The path of the pinned Node. @param {Stamp} stamp */
export function nodeOf(stamp) {
  return stamp.node.startsWith('node_modules') ? join(checkout, stamp.node) : stamp.node;
}

/**
 * The JSON in a file; undefined if there is none or it is incomplete (each such file can be written again).
 * @param {string} file
 * @returns {any}
 */
export function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError || /** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT')
      return undefined;
    throw error;
  }
}

/** @param {string} file @param {unknown} value */
export function writeJson(file, value) {
  mkdirSync(join(file, '..'), { recursive: true });
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(value)}\n`);
  renameSync(temporary, file);
}
