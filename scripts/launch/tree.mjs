/**
 * Whether node_modules matches the lock file, without asking npm: npm writes a list of what it installed to
 * node_modules/.package-lock.json, as its last step. So someone who ran `npm install` by hand does not wait for a second installation.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { checkout } from './run.mjs';
import { readJson } from './stamp.mjs';

/**
 * @typedef {object} LockedPackage
 * @property {string} version
 * @property {string} [integrity]
 * @property {boolean} [optional]
 * @property {string | string[]} [os]
 * @property {string | string[]} [cpu]
 * @property {string | string[]} [libc]
 */

/** Whether node_modules is what the lock file says for this machine. */
export function treeMatchesLock() {
  /** @type {Record<string, LockedPackage> | undefined} */
  const wanted = readJson(join(checkout, 'package-lock.json'))?.packages;
  /** @type {Record<string, LockedPackage> | undefined} */
  const installed = readJson(join(checkout, 'node_modules/.package-lock.json'))?.packages;
  if (wanted === undefined || installed === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const present = installed[path];
    if (present === undefined) return entry.optional === true && !fitsThisMachine(entry);
    return (
      present.version === entry.version && present.integrity === entry.integrity && existsSync(join(checkout, path))
    );
  });
}

/**
 * npm's own rule: a list of allowed names, or of names with ! that are not allowed.
 * @param {LockedPackage} entry
 */
export function fitsThisMachine(entry) {
  return (
    allows(entry.os, process.platform) &&
    allows(entry.cpu, process.arch) &&
    (entry.libc === undefined || (process.platform === 'linux' && allows(entry.libc, libc())))
  );
}

/** @param {string | string[] | undefined} list @param {string} name */
function allows(list, name) {
  if (list === undefined) return true;
  const names = typeof list === 'string' ? [list] : list;
  if (names.includes(`!${name}`)) return false;
  const positive = names.filter((entry) => !entry.startsWith('!'));
  return positive.length === 0 || positive.includes(name) || positive.includes('any');
}

/** 'glibc' or 'musl', judged by the name of the system's loader. */
export function libc() {
  return existsSync('/lib') && readdirSync('/lib').some((name) => name.startsWith('ld-musl-')) ? 'musl' : 'glibc';
}
