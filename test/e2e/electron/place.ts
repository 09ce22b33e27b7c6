/**
 * Where the desktop's tests run: Electron's binary, the built application, and an ordinary user who can read both. Chromium's sandbox refuses to
 * start as root, so a root (a container) lends its processes to the user `nobody`, with copies of what that user cannot reach.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../../', import.meta.url)).replace(/[\\/]$/, '');
const bundles = ['out/main/index.js', 'out/preload/index.cjs', 'out/renderer/index.html'];
const isRoot = process.platform === 'linux' && process.getuid?.() === 0;

/** The folder of Electron's binary (ELECTRON_OVERRIDE_DIST_PATH, else the package's own), and its path; undefined where there is none. */
export function findElectron(): { readonly folder: string; readonly binary: string } | undefined {
  const chosen = process.env['ELECTRON_OVERRIDE_DIST_PATH'];
  const folder = chosen
    ? chosen
    : join(dirname(createRequire(import.meta.url).resolve('electron/package.json')), 'dist');
  const name = { win32: 'electron.exe', darwin: 'Electron.app/Contents/MacOS/Electron' }[process.platform as string];
  const binary = join(folder, name ?? 'electron');
  return existsSync(binary) ? { folder, binary } : undefined;
}

/** Whether a program is on the PATH. */
export function hasProgram(name: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;
}

/** true, or why the desktop cannot be run here. */
export function desktopAvailable(): true | string {
  const missing = bundles.filter((path) => !existsSync(join(root, path)));
  if (missing.length > 0) return `${missing.join(', ')} not built (npm run build)`;
  if (findElectron() === undefined) return "Electron's binary is not on this machine (npm run setup:electron)";
  if (process.platform !== 'linux') return true;
  const { env } = process;
  if (!hasProgram('Xvfb') && !env['DISPLAY'] && !env['WAYLAND_DISPLAY']) return 'there is no display for Electron';
  if (isRoot && !hasProgram('setpriv')) return "Chromium's sandbox refuses to run as root, and there is no setpriv";
  return true;
}

/** Folders of production packages as the lock file has them, without Node itself and the engines that the desktop does not bring. */
function packages(): string[] {
  const { packages: locked } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>;
  };
  return Object.entries(locked)
    .filter(
      ([path, { dev, devOptional }]) =>
        path !== '' && dev !== true && devOptional !== true && !/\/node-(linux|win)-|\/tfjs-node/.test(path),
    )
    .map(([path]) => path)
    .filter((path) => !path.replace('node_modules/', '').includes('node_modules/') && existsSync(join(root, path)));
}

/** The application and Electron where the tests' user can read them. */
export class Place {
  /** A folder of its own, removed by `remove`. */
  readonly folder: string;
  /** What Electron is started with: a folder with a package.json. */
  readonly application: string;
  /** Starts Electron as an ordinary user. */
  readonly binary: string;
  readonly user: { readonly uid: number; readonly gid: number } | null;

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'covature-desktop-'));
    chmodSync(this.folder, 0o755);
    const electron = findElectron()!;
    if (!isRoot) {
      this.user = null;
      this.application = root;
      this.binary = electron.binary;
      return;
    }
    const [, , uid, gid] = /^nobody:.*$/m.exec(readFileSync('/etc/passwd', 'utf8'))![0].split(':');
    this.user = { uid: Number(uid), gid: Number(gid) };
    this.application = join(this.folder, 'application');
    this.#copy(root, ['package.json', 'resources', 'out', ...packages()], this.application);
    const dist = this.isReachable(electron.binary) ? electron.folder : join(this.folder, 'dist');
    if (dist !== electron.folder) this.#copy(electron.folder, ['.'], dist);
    this.binary = this.asUser(join(dist, 'electron'), 'electron.sh');
  }

  /** Whether the tests' user can read a file. */
  isReachable(path: string): boolean {
    const { user } = this;
    if (user === null) return true;
    return spawnSync('setpriv', [...this.#identity(), 'test', '-r', path]).status === 0;
  }

  /** A script that runs a binary as the tests' user. */
  asUser(binary: string, name: string): string {
    if (this.user === null) return binary;
    const script = join(this.folder, name);
    writeFileSync(script, `#!/bin/sh\nexec setpriv ${this.#identity().join(' ')} -- '${binary}' "$@"\n`);
    chmodSync(script, 0o755);
    return script;
  }

  /** The application with other fields in its package.json. */
  copyOf(fields: object): string {
    const folder = mkdtempSync(join(this.folder, 'application-'));
    chmodSync(folder, 0o755);
    // Modules find their package.json by their own place, so `out` is no link.
    cpSync(join(this.application, 'out'), join(folder, 'out'), { recursive: true });
    for (const name of ['resources', 'node_modules']) symlinkSync(join(this.application, name), join(folder, name));
    const described = JSON.parse(readFileSync(join(this.application, 'package.json'), 'utf8')) as object;
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...described, ...fields }));
    return folder;
  }

  /** An empty folder that belongs to the tests' user. */
  home(): string {
    const folder = mkdtempSync(join(this.folder, 'home-'));
    this.give(folder);
    return folder;
  }

  /** Lets the tests' user write a file or folder. */
  give(path: string): void {
    if (this.user !== null) chownSync(path, this.user.uid, this.user.gid);
  }

  /** The same for all that is in a folder. */
  giveAll(folder: string): void {
    this.give(folder);
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) this.give(join(folder, name));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #identity(): string[] {
    return [`--reuid=${this.user!.uid}`, `--regid=${this.user!.gid}`, '--clear-groups'];
  }

  /** Hard links where the file system allows and everyone may read; else copies that everyone may read. */
  #copy(from: string, names: readonly string[], to: string): void {
    mkdirSync(to, { recursive: true });
    const copy = (how: string): boolean =>
      spawnSync('cp', [how, '--parents', ...names, to], { cwd: from, stdio: 'ignore' }).status === 0;
    const isClosed = (): boolean =>
      execFileSync('find', [to, '!', '-type', 'l', '!', '-perm', '-o=r', '-print', '-quit']).length > 0;
    if (copy('-al') && !isClosed()) return;
    rmSync(to, { recursive: true, force: true });
    mkdirSync(to);
    if (!copy('-a')) throw new Error(`${from} cannot be copied to ${to}`);
    execFileSync('chmod', ['-R', 'a+rX', to]);
  }
}
