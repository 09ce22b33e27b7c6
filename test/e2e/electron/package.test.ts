/** The packaged desktop: its fuses, what is in it, and the flow from a read-only folder with an odd name, over a store of an older version. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { tiny, until } from '../../main/queue/support.ts';
import { describeWhere } from '../../support/skips.ts';
import { journey } from '../journey.ts';
import type { Shell } from '../journey.ts';
import { environment } from './desktop.ts';
import { Fixture } from './fixture.ts';
import { filesOfAsar, pack, Packaged, readFuses } from './packaged.ts';
import type { AsarFile } from './packaged.ts';
import { desktopAvailable, root } from './place.ts';

describeWhere(desktopAvailable(), 'the packaged desktop', () => {
  const fixture = new Fixture();
  let binary: string;
  let program: string;
  let files: ReadonlyMap<string, AsarFile>;
  const running: Packaged[] = [];

  beforeAll(() => {
    const { place } = fixture;
    const made = pack(place, join(place.folder, 'made'));
    const folder = join(place.folder, 'Größe & Präzision 測定 (1)');
    mkdirSync(folder);
    renameSync(dirname(made), join(folder, 'Covature'));
    binary = join(folder, 'Covature', 'covature');
    // The setuid bit of the sandbox helper goes with other changes of its mode.
    spawnSync('find', [folder, '!', '-name', 'chrome-sandbox', '-exec', 'chmod', 'a-w', '{}', '+']);
    program = place.asUser(binary, 'covature.sh');
    files = filesOfAsar(join(dirname(binary), 'resources/app.asar'));
  }, 300_000);
  afterEach(async () => {
    for (const each of running.splice(0)) await each.end('SIGKILL');
  });
  const start = async (home: string, options: Parameters<typeof Packaged.start>[3] = {}): Promise<Packaged> => {
    const started = await Packaged.start(program, fixture.display, home, options);
    running.push(started);
    return started;
  };

  it('19 of the security checklist: its fuses, read back from the binary', () => {
    // In Electron's order: runAsNode, cookie encryption, NODE_OPTIONS, --inspect, integrity of the archive, archive alone, V8 snapshot, file: privileges.
    expect(readFuses(binary).slice(0, 8)).toEqual([false, true, false, false, true, true, false, false]);
  });

  it('runs no other program: as Node, by NODE_OPTIONS, by a debugger', async () => {
    const home = fixture.place.home();
    const env = environment(fixture.display, home, {
      ELECTRON_RUN_AS_NODE: '1',
      NODE_OPTIONS: '--require=/nonexistent/script.cjs',
    });
    const child = spawn(program, ['--inspect=0', '-e', 'process.exit(7)'], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    // The workbench opens its store, whatever else it was told.
    await until(() => existsSync(join(home, '.local/share/covature/covature.db')), 'the store of the workbench');
    child.kill('SIGKILL');
    expect(said).not.toMatch(/Debugger listening|nonexistent/);
    expect(child.exitCode).toBeNull();
  });

  it('holds what runs and nothing else', () => {
    const names = [...files.keys()];
    const wanted = [
      'out/main/index.js',
      'out/preload/index.cjs',
      'out/renderer/index.html',
      'out/wasm/kernels.wasm',
      'package.json',
    ];
    expect(wanted.filter((name) => !files.has(name))).toEqual([]);
    // No sources, tests, documents, tools, engines that it does not bring, and one copy of the BLAS kernels.
    expect(names.filter((name) => /^(src|test|docs|scripts|figures|dist)\//.test(name))).toEqual([]);
    expect(names.filter((name) => /\.(ts|map|cc|cpp|h|gyp|md)$/.test(name))).toEqual([]);
    expect(
      names.filter((name) =>
        /^node_modules\/(electron|vite|vitest|typescript|node-(linux|win)|core-js|google-protobuf)/.test(name),
      ),
    ).toEqual([]);
    expect(names.filter((name) => /tfjs-(node|layers|data|converter|backend-webgl)/.test(name))).toEqual([]);
    expect(names.filter((name) => name.endsWith('.wasm'))).toEqual(['out/wasm/kernels.wasm']);
    const others = {
      linux: /win32|darwin|\.dll$|\.dylib$/,
      darwin: /win32|linux|\.dll$/,
      win32: /linux|darwin|\.dylib$/,
    }[process.platform as string]!;
    const native = names.filter((name) => /\.(node|so|dll|dylib)$/.test(name));
    expect(native.length).toBeGreaterThan(2);
    expect(native.filter((name) => others.test(name))).toEqual([]);
    expect(native.filter((name) => !files.get(name)!.isUnpacked)).toEqual([]);
  });

  it('takes no more room than Electron and 60 MB', () => {
    const sizeOf = (path: string): number =>
      readdirSync(path, { recursive: true, withFileTypes: true })
        .filter((each) => each.isFile())
        .reduce((sum, each) => sum + statSync(join(each.parentPath, each.name)).size, 0);
    const resources = sizeOf(join(dirname(binary), 'resources'));
    expect(resources).toBeGreaterThan(20e6);
    expect(resources).toBeLessThan(60e6);
  });

  it('opens the store of an older version and of an older program, with all that is in it', async () => {
    const { place } = fixture;
    const home = place.home();
    const old = mkdtempSync(join(place.folder, 'old-'));
    const db = new Database(join(old, 'covature.db'));
    db.exec(readFileSync(join(root, 'test/main/store/versions/v1.sql'), 'utf8'));
    db.close();
    place.give(old);
    place.give(join(old, 'covature.db'));
    const packaged = await start(home, { env: { COVATURE_HOME: old } });
    const { rows } = await packaged.request('runs.list', {});
    expect(rows.map(({ name }) => name)).toContain('frozen');
    expect(await packaged.end()).toBe(0);

    // The checkout's own build before it: the same profile, the same store.
    const desktop = await fixture.start(home);
    const { runs } = await desktop.request('runs.start', { experiment: { ...tiny, epochs: 1 } });
    await until(async () => (await desktop.request('runs.get', { id: runs[0] })).status === 'done', 'the run');
    await desktop.request('settings.set', { theme: 'dark' });
    await desktop.quit();
    const after = await start(home);
    await after.page.getByRole('gridcell', { name: 'tiny' }).or(after.page.getByText('tiny')).first().waitFor();
    expect(await after.request('runs.get', { id: runs[0] })).toMatchObject({ status: 'done' });
    expect(await after.request('settings.get')).toMatchObject({ theme: 'dark' });
  });

  it('goes the way of a researcher, with files of every kind', async () => {
    const home = fixture.place.home();
    let packaged!: Packaged;
    const open = async (): Promise<Shell> => {
      packaged = await start(home);
      return { page: packaged.page, request: (method, ...params) => packaged.request(method, ...params) };
    };
    await journey(await open(), async () => {
      expect(await packaged.end()).toBe(0);
      return open();
    });
    const { rows } = await packaged.request('runs.list', { limit: 1, sort: [{ key: 'created' }] });
    // Libraries that open files of their own: fonts, the rasteriser, the BLAS kernels, Dawn.
    const recipe = {
      format: 'covature-figure-recipe',
      version: 1,
      name: 'figure',
      figure: 'C_H',
      sources: [{ run: rows[0].id, parameter: 'fc3.kernel' }],
      options: {},
    };
    const { files: made } = await packaged.request('figures.export', {
      figures: [{ name: 'figure', recipe }],
      formats: ['svg', 'pdf', 'png'],
      archive: false,
    });
    const starts = Object.fromEntries(
      made.map(({ name, content }) => [
        name.slice(name.lastIndexOf('.') + 1),
        Buffer.from(content!).subarray(0, 5).toString('latin1'),
      ]),
    );
    expect(starts).toEqual({ svg: '<svg ', pdf: '%PDF-', png: '\u0089PNG\r' });
    const doctor = await packaged.request('doctor.engines');
    expect(doctor.engine).not.toBeNull();
    await packaged.request('settings.set', { blas: 'wasm' });
    expect(await packaged.request('doctor.engines')).toMatchObject({ engine: { kind: 'wasm' } });
    // Nothing was written beside the program.
    expect(readdirSync(dirname(binary)).filter((name) => /log|tmp|crash(?!pad)/i.test(name))).toEqual([]);
    await packaged.request('runs.export', { id: rows[0].id, to: { path: `${home}/one.covature` } });
    expect(await packaged.end()).toBe(0);
    const other = await start(home, { args: [`${home}/one.covature`], env: { COVATURE_HOME: `${home}/other` } });
    await other.page.getByText('glyphs was imported.').waitFor();
  }, 300_000);
});
