/**
 * Watches a download by another program, which has no time limit of its own, and ends it when nothing has arrived for a while. A
 * network that drops packets would otherwise block it for minutes.
 */
import { spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { Interrupted } from './say.mjs';

/**
 * @typedef {object} Guarded
 * @property {string} command
 * @property {string[]} args
 * @property {string} cwd
 * @property {NodeJS.ProcessEnv} [env]
 * @property {string[]} watch folders and files into which it writes; they need not exist yet
 * @property {number | (() => number)} silence milliseconds without a new byte after which it is given up, above 0; evaluated at every check
 * @property {(bytes: number) => void} [onProgress] called with what has arrived so far, at most every five seconds
 */

/**
 * Resolves to undefined if the program succeeded, otherwise to the reason why it did not. Rejects with Interrupted if the user stops it.
 * @param {Guarded} guarded
 * @returns {Promise<string | undefined>}
 */
export function runGuarded({ command, args, cwd, env = process.env, watch, silence, onProgress }) {
  return new Promise((resolve, reject) => {
    const posix = process.platform !== 'win32';
    // Its own process group, so that the processes that it starts end with it.
    const child = spawn(command, args, { cwd, env, detached: posix, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    let printed = 0;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
        printed += text.length;
        said = (said + text).slice(-2000);
      });
    }

    const before = sizeOf(watch);
    let seen = { size: before, at: performance.now() };
    let told = performance.now();
    /** @type {string | undefined} */
    let reason;
    const end = (/** @type {NodeJS.Signals} */ signal) => {
      try {
        if (posix && child.pid !== undefined) process.kill(-child.pid, signal);
        else child.kill(signal);
      } catch (error) {
        if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') throw error;
      }
    };
    const timer = setInterval(() => {
      const now = performance.now();
      const size = sizeOf(watch) + printed;
      if (size !== seen.size) seen = { size, at: now };
      const limit = typeof silence === 'number' ? silence : silence();
      if (now - seen.at > limit) {
        reason ??= `nothing arrived for ${Math.round(limit / 1000)} s`;
        end('SIGKILL');
      } else if (now - told > 5000) {
        told = now;
        if (size - printed - before >= 1e6) onProgress?.(size - printed - before);
      }
    }, 250);
    /** @type {NodeJS.Signals | undefined} */
    let interrupted;
    const interrupt = (/** @type {NodeJS.Signals} */ signal) => {
      interrupted = signal;
      end('SIGKILL');
    };
    process.on('SIGINT', interrupt).on('SIGTERM', interrupt);

    const settle = (/** @type {string | undefined} */ outcome) => {
      clearInterval(timer);
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
      if (interrupted) reject(new Interrupted(interrupted));
      else resolve(outcome);
    };
    child.once('error', (error) => settle(error.message));
    child.once('close', (status) =>
      settle(reason ?? (status === 0 ? undefined : (tellingLine(said) ?? `exit status ${status}`))),
    );
  });
}

/**
 * The most informative line of a failed program's output: one with a system's error code, otherwise one with the word error, otherwise the last.
 * @param {string} text
 */
function tellingLine(text) {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('at '));
  const line =
    lines.findLast((line) => /\berror: .*\bE[A-Z_]{4,}/i.test(line)) ??
    lines.findLast((line) => /error\b/i.test(line)) ??
    lines.at(-1);
  return line?.replace(/^\[cause\]: /, '').replace(/ \{$/, '');
}

/**
 * Bytes in files and, recursively, in folders. What disappears while it is counted counts as nothing.
 * @param {string[]} paths
 * @returns {number}
 */
function sizeOf(paths) {
  let sum = 0;
  for (const path of paths) {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) continue;
    if (!stat.isDirectory()) {
      sum += stat.size;
      continue;
    }
    try {
      sum += 1 + sizeOf(readdirSync(path).map((name) => join(path, name)));
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ENOENT') throw error;
    }
  }
  return sum;
}
