/**
 * A checkout of the launcher alone, with an npm that fetches nothing: it records how it was called and lays out what an installation leaves
 * behind. Everything runs as separate processes, as it does for a user; nothing is downloaded.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawnSync } from 'node:child_process';

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** The fake npm and Node are scripts with a first line that names their interpreter. */
export const posix = process.platform !== 'win32' || 'the stand-ins for npm and Node are POSIX scripts';

/** The Node that the system has: an old one that the launcher has to cope with, where there is one; else the one that runs the tests. */
export const systemNode = findSystemNode();

/** `true` where the system's Node is one that the program cannot run under, else why not. */
export const oldSystemNode =
  systemNode !== process.execPath || 'there is no Node 20 or 22 on the PATH beside the one that runs the tests';

function findSystemNode(): string {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, 'node');
    if (folder === '' || folder.includes('node_modules') || !existsSync(path)) continue;
    const version = spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout;
    if (/^v(20|21|22)\./.test(version)) return path;
  }
  return process.execPath;
}

const packageName = `node-${process.platform}-${process.arch}`;

/** What the fake npm does, read from npm.json beside it. */
export interface NpmPlan {
  /** Answer to --version. */
  version?: string;
  /** Milliseconds that an installation takes. */
  takes?: number;
  /** Exit status of `npm ci`; nothing is laid out unless it is 0. */
  status?: number;
  /** Packages that are laid out besides the pinned Node, as paths under node_modules. */
  packages?: string[];
  /** Whether `npm ci` brings the pinned Node. */
  bringsNode?: boolean;
  /** Answer to `npm config get ignore-scripts`. */
  ignoreScripts?: boolean;
}

export interface Finished {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Launch {
  /** Variables added; undefined removes one. */
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** Given to the launched program on its stdin. */
  input?: string;
  /** The Node that runs the launcher; the system's. */
  node?: string;
  /** Arguments for that Node itself. */
  nodeArgs?: string[];
}

export class Checkout {
  readonly root: string;
  readonly #base: string;

  /** @param name the last folder of the path: spaces and non-ASCII letters are welcome */
  constructor(name = 'check out, späces and 測') {
    this.#base = mkdtempSync(join(tmpdir(), 'covature-launcher-'));
    this.root = join(this.#base, name);
    mkdirSync(join(this.#base, 'bin'), { recursive: true });
    cpSync(join(repository, 'scripts/launch'), join(this.root, 'scripts/launch'), { recursive: true });
    for (const file of ['launch.mjs', 'covature.mjs']) {
      cpSync(join(repository, 'scripts', file), join(this.root, 'scripts', file));
    }
    const manifest = {
      private: true,
      type: 'module',
      optionalDependencies: { [packageName]: '24.21.0' },
      allowScripts: { koffi: true },
    };
    this.write('package.json', JSON.stringify(manifest));
    this.lock({});
    this.write('src/main/cli/index.ts', echo);
    this.write('node-stand-in', `#!/bin/sh\nPINNED_NODE=yes exec '${process.execPath}' "$@"\n`);
    // Not a first line that names Node: its path may have spaces.
    writeFileSync(join(this.#base, 'bin/npm'), `#!/bin/sh\nexec '${process.execPath}' "$0.cjs" "$@"\n`);
    writeFileSync(join(this.#base, 'bin/npm.cjs'), fakeNpm);
    chmodSync(join(this.#base, 'bin/npm'), 0o755);
    this.npm({});
  }

  /** Writes a lock file that holds the pinned Node and `packages` (paths under node_modules, with versions). */
  lock(packages: Record<string, string>): void {
    const entries = Object.entries({ [packageName]: '24.21.0', ...packages });
    const locked = Object.fromEntries(entries.map(([path, version]) => [`node_modules/${path}`, { version }]));
    this.write('package-lock.json', JSON.stringify({ lockfileVersion: 3, packages: { '': {}, ...locked } }));
  }

  npm(plan: NpmPlan): void {
    writeFileSync(join(this.#base, 'bin/npm.json'), JSON.stringify({ packageName, ...plan }));
  }

  /** The arguments of every call of npm so far, but for questions about its version and configuration. */
  get npmCalls(): string[] {
    const log = join(this.#base, 'bin/npm.log');
    return existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : [];
  }

  write(path: string, text: string): void {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { mode: 0o755 });
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  has(path: string): boolean {
    return existsSync(join(this.root, path));
  }

  start(args: readonly string[], options: Launch = {}): ChildProcess {
    const { npm_execpath, npm_lifecycle_event, INIT_CWD, OPENBLAS_NUM_THREADS, OMP_NUM_THREADS, NODE_OPTIONS, ...env } =
      process.env;
    void [npm_execpath, npm_lifecycle_event, INIT_CWD, OPENBLAS_NUM_THREADS, OMP_NUM_THREADS, NODE_OPTIONS];
    return spawn(
      options.node ?? systemNode,
      [...(options.nodeArgs ?? []), join(this.root, 'scripts/launch.mjs'), ...args],
      {
        cwd: options.cwd ?? this.root,
        // Should a real npm ever be found, it must not reach a registry.
        env: {
          ...env,
          npm_config_offline: 'true',
          PATH: [join(this.#base, 'bin'), '/usr/bin', '/bin'].join(delimiter),
          ...options.env,
        },
        stdio: ['pipe', 'pipe', 'pipe'],
      },
    );
  }

  async run(args: readonly string[], options: Launch = {}): Promise<Finished> {
    const child = this.start(args, options);
    child.stdin?.on('error', () => {}).end(options.input ?? '');
    return await finished(child);
  }

  remove(): void {
    rmSync(this.#base, { recursive: true, force: true });
  }
}

export function finished(child: ChildProcess): Promise<Finished> {
  return new Promise((resolve, reject) => {
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => void (stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => void (stderr += text));
    child.once('error', reject);
    child.once('close', (status, signal) => resolve({ status, signal, stdout, stderr }));
  });
}

/** Waits until `condition` holds; rejects after 30 s. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited 30 s in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The launched program: says what reached it, or does what its first argument says. */
const echo = `
import { readFileSync, writeSync } from 'node:fs';
const [what, value]: string[] = process.argv.slice(2);
if (what === 'exit') process.exit(Number(value));
else if (what === 'die') { process.kill(process.pid, value as NodeJS.Signals); setInterval(() => {}, 1000); }
else if (what === 'wait') {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => { writeSync(1, signal + '\\n'); process.exit(7); });
  writeSync(1, 'ready\\n');
  setInterval(() => {}, 1000);
} else {
  const { PINNED_NODE, OPENBLAS_NUM_THREADS, MKL_NUM_THREADS, VECLIB_MAXIMUM_THREADS, PATH } = process.env;
  const input = what === 'input' ? readFileSync(0, 'utf8') : '';
  const env = { PINNED_NODE, OPENBLAS_NUM_THREADS, MKL_NUM_THREADS, VECLIB_MAXIMUM_THREADS, PATH };
  console.log(JSON.stringify({ args: process.argv.slice(2), cwd: process.cwd(), input, env }));
}
`;

const fakeNpm = `
const fs = require('node:fs'), path = require('node:path');
const here = __dirname, args = process.argv.slice(2);
const plan = JSON.parse(fs.readFileSync(path.join(here, 'npm.json'), 'utf8'));
if (args[0] === '--version') { console.log(plan.version ?? '10.8.2'); process.exit(0); }
if (args[0] === 'config') { console.log(String(plan.ignoreScripts ?? false)); process.exit(0); }
fs.appendFileSync(path.join(here, 'npm.log'), args.join(' ') + '\\n');
console.log('npm speaks on its stdout');
if (plan.status) { console.error('npm error code E503'); process.exit(plan.status); }
if (args[0] === 'ci') {
  fs.rmSync('node_modules', { recursive: true, force: true });
  fs.mkdirSync('node_modules');
}
setTimeout(() => {
  if (args[0] !== 'ci') return;
  const lay = (name, files) => {
    for (const [file, text] of Object.entries(files)) {
      const target = path.join('node_modules', name, file);
      fs.mkdirSync(path.dirname(target), { recursive: true });
      fs.writeFileSync(target, text, { mode: 0o755 });
    }
  };
  const lock = JSON.parse(fs.readFileSync('package-lock.json', 'utf8'));
  for (const name of Object.keys(lock.packages)) if (name) fs.mkdirSync(name, { recursive: true });
  for (const name of plan.packages ?? []) lay(name, { 'package.json': '{}' });
  if (plan.bringsNode !== false) {
    lay(plan.packageName, { 'package.json': '{"bin":{"node":"bin/node"}}', 'bin/node': fs.readFileSync('node-stand-in', 'utf8') });
  }
  fs.writeFileSync('node_modules/.package-lock.json', JSON.stringify(lock));
}, plan.takes ?? 0);
`;
