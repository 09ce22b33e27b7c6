/** Small disks of their own, for what happens when one is full or read-only. Only the superuser of a Linux may make them. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Mount {
  readonly path: string;
  /** No more writing from here on. */
  readOnly(): void;
}

function run(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** True, or why no disk can be made here. */
export const mountable: true | string = ((): true | string => {
  if (process.platform !== 'linux') return 'needs tmpfs, which Linux has';
  if (process.getuid?.() !== 0) return 'needs the superuser, to mount a small disk';
  const path = mkdtempSync(join(tmpdir(), 'covature-mount-'));
  const works = run('mount', '-t', 'tmpfs', '-o', 'size=64k', 'covature-test', path);
  if (works) run('umount', path);
  rmdirSync(path);
  return works ? true : 'mounting is not allowed in this container';
})();

/** Runs `use` with a disk of `size` bytes (a number with k or m), and takes the disk away. */
export function withMount<T>(use: (mount: Mount) => T, size = '16m'): T {
  const path = mkdtempSync(join(tmpdir(), 'covature-mount-'));
  if (!run('mount', '-t', 'tmpfs', '-o', `size=${size}`, 'covature-test', path))
    throw new Error(`cannot mount ${path}`);
  const away = (): void => {
    if (!run('umount', path)) run('umount', '-l', path);
    rmdirSync(path);
  };
  const mount: Mount = {
    path,
    readOnly() {
      if (!run('mount', '-o', 'remount,ro', path)) throw new Error(`cannot make ${path} read-only`);
    },
  };
  let result: T;
  try {
    result = use(mount);
  } catch (error) {
    away();
    throw error;
  }
  if (result instanceof Promise) return result.finally(away) as T;
  away();
  return result;
}
