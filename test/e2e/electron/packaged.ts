/** The desktop as it is handed out: packed by electron-builder around Electron's binary, without an installer, and started as a user starts it. */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import type { Arguments, Method, Outcome, Result } from '../../../src/shared/contract/index.ts';
import { environment } from './desktop.ts';
import type { Display } from './display.ts';
import { findElectron, root } from './place.ts';
import type { Place } from './place.ts';

const associationHook = new URL('./association-files.mjs', import.meta.url);

/**
 * Packs the application into a folder; answers where its program lies. Beside it, on Linux, in `association`: what the packages for Linux install so
 * that the system opens its files with it (covature.desktop, covature.xml).
 */
export function pack(place: Place, into: string): string {
  const association = join(into, 'association');
  mkdirSync(association, { recursive: true });
  const dist = join(place.folder, 'electron');
  cpSync(findElectron()!.folder, dist, { recursive: true, verbatimSymlinks: true });
  // A stand-in for the default application, where Electron's binary came with one.
  rmSync(join(dist, 'resources/app'), { recursive: true, force: true });
  const version = readFileSync(join(dist, 'version'), 'utf8').trim().replace(/^v/, '');
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules/electron-builder/cli.js'),
      ...['--dir', '--publish', 'never'],
      ...[`-c.electronDist=${dist}`, `-c.electronVersion=${version}`, `-c.directories.output=${into}`],
      ...(process.platform === 'linux' ? [`-c.afterPack=${fileURLToPath(associationHook)}`] : []),
    ],
    {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, CSC_IDENTITY_AUTO_DISCOVERY: 'false', COVATURE_ASSOCIATION: association },
    },
  );
  if (status !== 0) throw new Error(`electron-builder ended with ${status}:\n${stdout}${stderr}`);
  rmSync(dist, { recursive: true, force: true });
  const folder = join(into, { win32: 'win-unpacked', darwin: 'mac' }[process.platform as string] ?? 'linux-unpacked');
  const sandbox = join(folder, 'chrome-sandbox');
  // As an installer leaves it: without rights to make namespaces, Chromium's sandbox needs them here.
  if (process.getuid?.() === 0 && existsSync(sandbox)) {
    chownSync(sandbox, 0, 0);
    chmodSync(sandbox, 0o4755);
  }
  return join(
    folder,
    { win32: 'Covature.exe', darwin: 'Covature.app/Contents/MacOS/Covature' }[process.platform as string] ?? 'covature',
  );
}

export interface AsarFile {
  readonly size: number;
  /** Beside the archive, not in it. */
  readonly isUnpacked: boolean;
}

/** The files of an application's archive, by their paths ("out/main/index.js"). */
export function filesOfAsar(file: string): ReadonlyMap<string, AsarFile> {
  interface Entry {
    readonly files?: Readonly<Record<string, Entry>>;
    readonly size?: number;
    readonly unpacked?: boolean;
  }
  const fd = openSync(file, 'r');
  const head = Buffer.alloc(16);
  readSync(fd, head, 0, 16, 0);
  const text = Buffer.alloc(head.readUInt32LE(12));
  readSync(fd, text, 0, text.length, 16);
  const found = new Map<string, AsarFile>();
  const walk = (entry: Entry, path: string): void => {
    for (const [name, each] of Object.entries(entry.files ?? {})) {
      const at = path === '' ? name : `${path}/${name}`;
      if (each.files !== undefined) walk(each, at);
      else found.set(at, { size: each.size ?? 0, isUnpacked: each.unpacked === true });
    }
  };
  walk(JSON.parse(text.toString()) as Entry, '');
  return found;
}

/** Electron's fuses in a binary, in their order: true, false, or null where this Electron has no such fuse. */
export function readFuses(binary: string): (boolean | null)[] {
  const content = readFileSync(binary);
  const sentinel = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX';
  const at = content.indexOf(sentinel);
  if (at < 0) throw new Error(`${binary} has no fuses`);
  const [version, count] = content.subarray(at + sentinel.length);
  if (version !== 1) throw new Error(`fuses of version ${version}`);
  return [...content.subarray(at + sentinel.length + 2, at + sentinel.length + 2 + count)].map((byte) =>
    byte === 0x31 ? true : byte === 0x30 ? false : null,
  );
}

/** A packed application that runs: its main process cannot be reached, the page by Chromium's own protocol. */
export class Packaged {
  readonly process: ChildProcess;
  readonly page: Page;
  readonly #browser: Browser;

  private constructor(process: ChildProcess, browser: Browser, page: Page) {
    this.process = process;
    this.#browser = browser;
    this.page = page;
  }

  /** @param program to be started as the tests' user (`Place.asUser`) */
  static async start(
    program: string,
    display: Display,
    home: string,
    options: { readonly args?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
  ): Promise<Packaged> {
    const child = spawn(program, ['--remote-debugging-port=0', ...(options.args ?? [])], {
      cwd: home,
      env: environment(display, home, options.env),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    try {
      const endpoint = await new Promise<string>((resolve, reject) => {
        let said = '';
        child.once('error', reject);
        child.once('exit', (code, signal) =>
          reject(new Error(`it ended with ${code ?? signal}: ${said.slice(-2000)}`)),
        );
        child.stderr.on('data', (chunk: Buffer) => {
          said += chunk.toString();
          const found = /DevTools listening on (ws:\S+)/.exec(said)?.[1];
          if (found !== undefined) resolve(found);
        });
      });
      const browser = await chromium.connectOverCDP(endpoint);
      const [context] = browser.contexts();
      const page = context.pages()[0] ?? (await context.waitForEvent('page', { timeout: 60_000 }));
      page.setDefaultTimeout(60_000);
      await page.locator('main').waitFor();
      return new Packaged(child, browser, page);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  /** Raises the fault of a request that failed. */
  async request<M extends Method>(method: M, ...[params]: Arguments<M>): Promise<Result<M>> {
    const outcome = await this.page.evaluate(
      ([name, given]) =>
        (
          globalThis as unknown as { covature: { request(name: unknown, given: unknown): Promise<unknown> } }
        ).covature.request(name, given),
      [method, params ?? {}],
    );
    const { ok, value, fault } = outcome as Outcome<Result<M>> & { value: Result<M>; fault: { message: string } };
    if (!ok) throw new Error(`${method}: ${fault.message}`);
    return value;
  }

  /** Ends it as the system does at a shutdown; answers the exit status. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const { process: child } = this;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    child.kill(signal);
    const code = await ended;
    await this.#browser.close().catch(() => undefined);
    return code;
  }
}
