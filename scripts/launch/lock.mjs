/**
 * Allows one set-up at a time in a checkout. This is our own code because it has to work before any package is installed. The lock is a file created with O_EXCL that names its holder; the holder touches it every two seconds.
 * A holder that was killed leaves the file behind, so the processes that wait decide whether it is stale: it is if its process is gone (on the same host) or
 * if it has not been touched for a while, and in either case only if the child that it recorded (npm outlives a killed launcher) is gone too.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { say } from './say.mjs';
import { writeJson } from './stamp.mjs';

/**
 * @typedef {object} Holder
 * @property {number} pid
 * @property {number} child a process that works for the holder; 0 for none
 * @property {string} host
 * @property {string} id
 */

/** Milliseconds between two checks. */
const poll = 200;
/** Milliseconds without a touch after which a holder counts as gone. */
const silence = 30_000;
/** The same if the holder's child seems to be alive: its process id may have been reused. */
const longSilence = 600_000;

/**
 * Runs `work` while holding the lock. `work` gets a function that records the child process that it has started (0 once that has ended).
 * @template T
 * @param {string} file
 * @param {string} what what another process that holds the lock does, as the user is told: "another launch is building"
 * @param {(record: (child: number) => void) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(file, what, work) {
  /** @type {Holder} */
  const holder = { pid: process.pid, child: 0, host: hostname(), id: randomUUID() };
  await acquire(file, what, holder);
  const beat = setInterval(() => touch(file), 2000);
  try {
    return await work((child) => {
      holder.child = child;
      if (readHolder(file)?.id === holder.id) writeJson(file, holder);
    });
  } finally {
    clearInterval(beat);
    if (readHolder(file)?.id === holder.id) rmSync(file, { force: true });
  }
}

/** @param {string} file @param {string} what @param {Holder} holder */
async function acquire(file, what, holder) {
  mkdirSync(dirname(file), { recursive: true });
  let told = false;
  /** What was seen last, and since when it has not changed, by this process's own clock. */
  let seen = { mark: '', since: 0 };
  for (;;) {
    if (create(file, JSON.stringify(holder))) return;
    const other = readHolder(file);
    const mark = `${other?.id} ${modified(file)}`;
    if (mark !== seen.mark) seen = { mark, since: performance.now() };
    const quiet = performance.now() - seen.since;
    if (isStale(other, quiet)) {
      discard(file, other?.id);
      continue;
    }
    if (!told) say(`${what}${other ? ` (process ${other.pid})` : ''}; waiting for it`);
    told = true;
    await sleep(poll);
  }
}

/**
 * @param {Holder | undefined} holder undefined for a file whose writing was cut short
 * @param {number} quiet milliseconds since it was last seen touched
 */
function isStale(holder, quiet) {
  if (holder === undefined || holder.host !== hostname()) return quiet >= silence;
  if (holder.child !== 0 && isAlive(holder.child)) return quiet >= longSilence;
  return !isAlive(holder.pid) || quiet >= silence;
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
  if (process.platform !== 'linux') return true;
  try {
    // A process that has ended but was not waited for (containers often have no init) still responds to kill.
    const state = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !/^[ZX]/.test(state.slice(state.lastIndexOf(')') + 2));
  } catch {
    return true; // no /proc here: rely on kill's answer
  }
}

/** Whether the lock file was created; this fails if there is one already. To a reader, an incomplete one belongs to another process. @param {string} file @param {string} text */
function create(file, text) {
  try {
    writeFileSync(file, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Removes a stale lock. Two processes may have found the same one stale: the slower must not remove the lock that the faster has created since.
 * @param {string} file @param {string | undefined} id
 */
function discard(file, id) {
  const aside = `${file}.${randomUUID()}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return;
    throw error;
  }
  if (readHolder(aside)?.id !== id) create(file, readFileSync(aside, 'utf8'));
  rmSync(aside, { force: true });
}

/** @param {string} file @returns {Holder | undefined} */
function readHolder(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined; // gone in the meantime, or incomplete: the caller checks again
  }
}

/** @param {string} file */
function modified(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** @param {string} file */
function touch(file) {
  const now = new Date();
  try {
    utimesSync(file, now, now);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ENOENT') throw error;
  }
}
