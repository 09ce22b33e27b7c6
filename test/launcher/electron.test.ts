/** Electron's binary by the package's own script, from a mirror and through a proxy that stand on this machine. */
import { createHash, randomBytes } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zipSync } from 'fflate';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ensureElectron, hasElectron } from '../../scripts/setup/downloads.ts';
import { describeWhere } from '../support/skips.ts';

const packages = fileURLToPath(new URL('../../node_modules/', import.meta.url));
const { version } = JSON.parse(readFileSync(join(packages, 'electron/package.json'), 'utf8')) as { version: string };
const name = `electron-v${version}-${process.platform}-${process.arch}.zip`;
const program =
  { win32: 'electron.exe', darwin: 'Electron.app/Contents/MacOS/Electron' }[process.platform as string] ?? 'electron';
/** As a mirror has it: the program and its version. */
const archive = Buffer.from(
  zipSync({ [program]: randomBytes(3_000_000), version: Buffer.from(version) }, { level: 0 }),
);

describeWhere(
  existsSync(join(packages, '@electron/get')) || 'the package electron is not installed',
  "Electron's binary",
  () => {
    let root: string;
    let said: string;
    let asked: string[];
    let server: Server;
    let address: string;
    /** Milliseconds between two parts of the archive. */
    let pause: number;
    /** Bytes after which the mirror falls silent. */
    let end: number;

    beforeEach(async () => {
      root = mkdtempSync(join(tmpdir(), 'covature-electron-'));
      cpSync(join(packages, 'electron'), join(root, 'node_modules/electron'), {
        recursive: true,
        filter: (path) => !/electron[\\/](dist|path\.txt)/.test(path),
      });
      for (const scope of ['@electron', '@electron-internal'])
        symlinkSync(join(packages, scope), join(root, 'node_modules', scope), 'junction');
      // The checksums that the package pins, with that of this archive.
      writeFileSync(
        join(root, 'node_modules/electron/checksums.json'),
        JSON.stringify({ [name]: createHash('sha256').update(archive).digest('hex') }),
      );
      asked = [];
      pause = 0;
      end = Infinity;
      server = createServer((request, response) => {
        asked.push(request.url ?? '');
        response.setHeader('content-length', archive.length);
        const send = (from: number): void => {
          if (from >= archive.length) return void response.end();
          if (from >= end) return;
          response.write(archive.subarray(from, from + 500_000));
          setTimeout(send, pause, from + 500_000);
        };
        send(0);
      });
      // As a proxy: the way to whatever host is the way to this server.
      server.on('connect', (request, socket) => {
        asked.push(request.url ?? '');
        const onward = connect((server.address() as AddressInfo).port, '127.0.0.1', () => {
          socket.write('HTTP/1.1 200 OK\r\n\r\n');
          socket.pipe(onward).pipe(socket);
        });
        for (const each of [socket, onward]) each.on('error', () => undefined);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      said = '';
      vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
        said += String(text);
        return true;
      });
      for (const variable of [
        'ELECTRON_OVERRIDE_DIST_PATH',
        'HTTP_PROXY',
        'HTTPS_PROXY',
        'http_proxy',
        'https_proxy',
        'NO_PROXY',
        'no_proxy',
      ])
        vi.stubEnv(variable, '');
      vi.stubEnv('electron_config_cache', join(root, 'cache'));
    });
    afterEach(() => {
      vi.unstubAllEnvs();
      vi.restoreAllMocks();
      server.closeAllConnections();
      server.close();
      rmSync(root, { recursive: true, force: true });
    });

    test('comes from ELECTRON_MIRROR with its progress, once', async () => {
      vi.stubEnv('ELECTRON_MIRROR', address);
      pause = 1000;
      expect(await ensureElectron(root)).toBe(true);
      expect(asked.filter((path) => path.endsWith(name))).toEqual([`/v${version}/${name}`]);
      expect(said).toMatch(/fetching Electron's binary \(about 120 MB\)\n.*\d MB so far\n.*fetched in \d+ s\n$/s);
      expect(readFileSync(join(root, 'node_modules/electron/dist', program))).toHaveLength(3_000_000);
      // Nothing but a record is left beside it.
      expect(readdirSync(join(root, 'node_modules/.covature'))).toEqual([]);
      const before = asked.length;
      said = '';
      expect(await ensureElectron(root)).toBe(true);
      expect([asked.length, said]).toEqual([before, '']);
    });

    test('with another content than the checksum that the package pins is refused', async () => {
      vi.stubEnv('ELECTRON_MIRROR', address);
      cpSync(join(packages, 'electron/checksums.json'), join(root, 'node_modules/electron/checksums.json'));
      expect(await ensureElectron(root)).toBe(false);
      expect(said).toMatch(/could not fetch it \(.*checksum.*\), so the workbench opens in the browser instead/i);
      expect(hasElectron(root)).toBe(false);
      expect(existsSync(join(root, 'node_modules/electron/dist', program))).toBe(false);
    });

    test('from a mirror that falls silent in the middle is given up, not tried again by itself, and had when asked for', async () => {
      vi.stubEnv('ELECTRON_MIRROR', address);
      end = 1_500_000;
      const options = { silence: 2000 };
      expect(await ensureElectron(root, options)).toBe(false);
      expect(said).toContain(
        'could not fetch it (nothing arrived for 2 s), so the workbench opens in the browser instead; "npm run setup:electron" tries again\n',
      );
      expect(hasElectron(root)).toBe(false);
      // No part of it is left.
      expect(readdirSync(join(root, 'node_modules/.covature'))).toEqual(['electron.json']);
      const before = asked.length;
      end = Infinity;
      expect(await ensureElectron(root, options)).toBe(false);
      expect(asked).toHaveLength(before);
      expect(await ensureElectron(root, { ...options, again: true })).toBe(true);
      expect(readFileSync(join(root, 'node_modules/electron/dist', program))).toHaveLength(3_000_000);
    });

    test('comes through a proxy', async () => {
      vi.stubEnv('ELECTRON_MIRROR', 'http://mirror.invalid/electron/');
      vi.stubEnv('HTTP_PROXY', address);
      vi.stubEnv('http_proxy', address);
      expect(await ensureElectron(root), said).toBe(true);
      // A proxy is asked for whole addresses, or for a way to the host.
      expect(asked.some((path) => path.includes('mirror.invalid'))).toBe(true);
    });

    test('is the one that ELECTRON_OVERRIDE_DIST_PATH names, and nothing is fetched', async () => {
      const dist = join(root, 'elsewhere');
      mkdirSync(join(dist, program, '..'), { recursive: true });
      vi.stubEnv('ELECTRON_OVERRIDE_DIST_PATH', dist);
      expect(await ensureElectron(root)).toBe(false);
      expect(said).toContain(`ELECTRON_OVERRIDE_DIST_PATH names ${dist}, where there is no Electron`);
      writeFileSync(join(dist, program), '');
      expect(await ensureElectron(root)).toBe(true);
      expect(asked).toEqual([]);
    });
  },
);
