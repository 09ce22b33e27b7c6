/** Downloads that nobody answers: a listener that accepts every connection and stays silent, as a network that drops packets looks. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ensureElectron, ensureTensorflow, hasElectron, hasTensorflow } from '../../scripts/setup/downloads.ts';
import { runGuarded } from '../../scripts/setup/guard.ts';

let root: string;
let said: string;
beforeEach(() => {
  root = join(mkdtempSync(join(tmpdir(), 'covature-downloads-')), 'späced out');
  said = '';
  // A binary that the machine has elsewhere would do.
  vi.stubEnv('ELECTRON_OVERRIDE_DIST_PATH', '');
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(dirname(root), { recursive: true, force: true });
});

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

const node = process.execPath;
const tensorflow = 'node_modules/@tensorflow/tfjs-node-gpu';

/** An install script that fetches through the proxy of the environment, without a time limit of its own, and first starts a helper. */
const patient = `
const { spawn } = require('node:child_process');
const { writeFileSync } = require('node:fs');
const helper = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
writeFileSync(process.env.HELPER_FILE, String(helper.pid));
const { hostname, port } = new URL(process.env.HTTPS_PROXY);
const socket = require('node:net').connect(Number(port), hostname, () => socket.write('CONNECT storage.example:443 HTTP/1.1\\r\\n\\r\\n'));
`;

async function withSilentProxy(body: () => Promise<void>): Promise<void> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket.on('error', () => {})));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  vi.stubEnv('HTTPS_PROXY', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('HELPER_FILE', join(root, 'helper.pid'));
  try {
    await body();
    expect(sockets.length).toBeGreaterThan(0);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

describe('libtensorflow', () => {
  test('behind a network that answers nothing: given up, said so in one line, not tried again today unless asked', async () => {
    write(`${tensorflow}/scripts/install.js`, patient);
    await withSilentProxy(async () => {
      expect(await ensureTensorflow(root, { silence: 1000 })).toBe(false);
      expect(said).toContain(
        'covature: could not fetch it (nothing arrived for 1 s), so the engines that need no card are used instead ("npm run setup:tensorflow -- --python" installs a newer one from PyPI); "npm run setup:tensorflow" tries again\n',
      );
      const helper = Number(readFileSync(join(root, 'helper.pid'), 'utf8'));
      expect(isGone(helper), 'the processes that the install script started').toBe(true);

      said = '';
      expect(await ensureTensorflow(root, { silence: 1000 })).toBe(false);
      expect(said).toBe('');
      expect(await ensureTensorflow(root, { silence: 1000, again: true })).toBe(false);
      expect(said).toContain('could not fetch it');
    });
  });

  test('that arrives slowly is waited for', async () => {
    write(
      `${tensorflow}/scripts/install.js`,
      `const { appendFileSync, mkdirSync } = require('node:fs');
       mkdirSync('deps/lib', { recursive: true });
       mkdirSync('lib/napi-v8', { recursive: true });
       let left = 12;
       const timer = setInterval(() => {
         appendFileSync('deps/lib/${process.platform === 'win32' ? 'tensorflow.dll' : 'libtensorflow.so.2.9.1'}', 'x'.repeat(1000));
         if (--left > 0) return;
         appendFileSync('lib/napi-v8/tfjs_binding.node', 'x');
         clearInterval(timer);
       }, 200);`,
    );
    expect(await ensureTensorflow(root, { silence: 1500 })).toBe(true);
    expect(hasTensorflow(root)).toBe(true);
    expect(said).toContain('fetched in ');
    said = '';
    expect(await ensureTensorflow(root, { silence: 1500 })).toBe(true);
    expect(said).toBe('');
  });

  test('whose script ends in an error: its own words are passed on', async () => {
    write(
      `${tensorflow}/scripts/install.js`,
      `console.log('* Downloading'); throw new Error('getaddrinfo ENOTFOUND storage');`,
    );
    expect(await ensureTensorflow(root)).toBe(false);
    expect(said).toContain('could not fetch it (Error: getaddrinfo ENOTFOUND storage)');
  });

  test('without the package there is nothing to fetch it for', async () => {
    expect(await ensureTensorflow(root)).toBe(false);
    expect(said).toContain('@tensorflow/tfjs-node-gpu is not installed');
  });
});

describe("Electron's binary", () => {
  test('behind a network that answers nothing is given up', async () => {
    write('node_modules/electron/install.js', patient);
    await withSilentProxy(async () => {
      expect(await ensureElectron(root, { silence: 1000 })).toBe(false);
      expect(said).toContain('nothing arrived for 1 s), so the workbench opens in the browser instead');
    });
  });

  test('is fetched through a folder that is watched and then removed', async () => {
    write(
      'node_modules/electron/install.js',
      `const { mkdirSync, writeFileSync } = require('node:fs'), { join } = require('node:path');
       writeFileSync(join(require('node:os').tmpdir(), 'electron.zip'), 'x');
       mkdirSync('dist');
       writeFileSync('dist/electron', '');
       writeFileSync('path.txt', 'electron');`,
    );
    expect(await ensureElectron(root)).toBe(true);
    expect(hasElectron(root)).toBe(true);
    expect(existsSync(join(root, 'node_modules/.covature/electron.json'))).toBe(false);
  });
});

describe('a guarded program', () => {
  test.each([
    ['that cannot be started', { command: '/nowhere/at-all', args: [] }, /ENOENT/],
    ['that fails without a word', { command: node, args: ['-e', 'process.exit(3)'] }, /^exit status 3$/],
  ])('%s: says why', async (_, program, reason) => {
    mkdirSync(root, { recursive: true });
    expect(await runGuarded({ ...program, cwd: root, watch: [], silence: () => 10_000 })).toMatch(reason);
  });

  test('that ends well gives no reason', async () => {
    mkdirSync(root, { recursive: true });
    expect(
      await runGuarded({ command: node, args: ['-e', ''], cwd: root, watch: [], silence: () => 10_000 }),
    ).toBeUndefined();
  });
});

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return true;
  }
  // Ended, but nobody has waited for it: containers often have no init that does.
  return process.platform === 'linux' && /\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
}
