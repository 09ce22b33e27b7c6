/**
 * Watches a download by another program, which has no time limit of its own, and ends it when nothing has arrived for a while. A
 * network that drops packets would otherwise block it for minutes.
 */
import { spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Interrupted, say } from '../launch/say.mjs';

export interface Guarded {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Variables added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Folders and files into which it writes; they need not exist yet. What arrives there is told every five seconds. */
  readonly watch: readonly string[];
  /** Milliseconds without a new byte after which it is given up, above 0; evaluated at every check. */
  readonly silence: () => number;
}

/** Resolves to undefined if the program succeeded, otherwise to the reason why it did not. Rejects with `Interrupted` if the user stops it. */
export function runGuarded({ command, args, cwd, env, watch, silence }: Guarded): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const posix = process.platform !== 'win32';
    // Its own process group, so that the processes that it starts end with it.
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      detached: posix,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let printed = 0;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        printed += text.length;
        output = (output + text).slice(-2000);
      });
    }

    const before = sizeOf(watch);
    let seen = { size: before, at: performance.now() };
    let told = performance.now();
    let reason: string | undefined;
    const end = (): void => {
      try {
        if (posix && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
        else child.kill('SIGKILL');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    };
    const timer = setInterval(() => {
      const now = performance.now();
      const size = sizeOf(watch) + printed;
      if (size !== seen.size) seen = { size, at: now };
      const limit = silence();
      if (now - seen.at > limit) {
        reason ??= `nothing arrived for ${Math.round(limit / 1000)} s`;
        end();
      } else if (now - told > 5000) {
        told = now;
        const bytes = size - printed - before;
        if (bytes >= 1e6) say(`${Math.round(bytes / 1e6)} MB so far`);
      }
    }, 250);
    let interrupted: NodeJS.Signals | undefined;
    const interrupt = (signal: NodeJS.Signals): void => {
      interrupted = signal;
      end();
    };
    process.on('SIGINT', interrupt).on('SIGTERM', interrupt);

    const settle = (outcome: string | undefined): void => {
      clearInterval(timer);
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
      if (interrupted) reject(new Interrupted(interrupted));
      else resolve(outcome);
    };
    child.once('error', (error) => settle(error.message));
    child.once('close', (status) =>
      settle(reason ?? (status === 0 ? undefined : (tellingLine(output) ?? `exit status ${status}`))),
    );
  });
}

/** The most informative line of a failed program's output: one with a system's error code, otherwise one with the word error, otherwise the last. */
function tellingLine(text: string): string | undefined {
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

/** Bytes in files and, recursively, in folders. What disappears while it is counted counts as nothing. */
function sizeOf(paths: readonly string[]): number {
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
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return sum;
}
