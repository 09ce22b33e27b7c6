/** The packaged desktop: its fuses, what is in it, and the flow from a read-only folder with an odd name, over a store of an older version. */
import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
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
import { desktopAvailable, hasProgram, root } from './place.ts';

/** The process of the workbench that runs in a home, by the lock that keeps it single; undefined where none does. */
function processOf(home: string): number | undefined {
  try {
    const pid = Number(/-(\d+)$/.exec(readlinkSync(join(home, '.config/Covature/SingletonLock')))?.[1]);
    process.kill(pid, 0);
    return pid;
  } catch {
    return undefined;
  }
}

describeWhere(desktopAvailable(), 'the packaged desktop', () => {
  const fixture = new Fixture();
  let binary: string;
  let program: string;
  /** What packages for Linux install so that the system knows its files. */
  let association: string;
  let files: ReadonlyMap<string, AsarFile>;
  const running: Packaged[] = [];

  beforeAll(() => {
    const { place } = fixture;
    const made = pack(place, join(place.folder, 'made'));
    association = join(place.folder, 'made/association');
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

  it('is what the system opens .covature files with: it is started, and shown where it runs', async (context) => {
    const { place, display } = fixture;
    const tools = ['gio', 'update-mime-database', 'update-desktop-database', 'desktop-file-validate', 'xdotool'];
    const missing = tools.filter((name) => !hasProgram(name));
    if (process.platform !== 'linux' || missing.length > 0)
      return context.skip(`no association of a Linux desktop: ${missing.join(', ')} missing`);
    const home = place.home();
    const env = environment(display, home, { COVATURE_HOME: join(home, 'other') });
    /** A tool of the system, as the tests' user. */
    const tool = (name: string, ...args: readonly string[]): string => {
      const { status, stdout, stderr } = spawnSync(place.asUser(name, `${name}.sh`), args, { env, encoding: 'utf8' });
      expect([status, stderr], name).toEqual([0, '']);
      return stdout;
    };
    /** Opens a file as a file manager does. What it starts lives on, with the streams that it was given. */
    const openFile = (file: string): void =>
      void expect(spawnSync(place.asUser('gio', 'gio.sh'), ['open', file], { env, stdio: 'ignore' }).status).toBe(0);
    // As a package installs it, but for this user alone, and for the program where it lies.
    const share = join(home, '.local/share');
    const entry = readFileSync(join(association, 'covature.desktop'), 'utf8');
    expect(entry).toMatch(/^Exec=\/opt\/Covature\/covature %U$/m);
    for (const path of ['', '.local', '.local/share', '.local/share/applications', '.local/share/mime'])
      mkdirSync(join(home, path), { recursive: true });
    mkdirSync(join(share, 'mime/packages'));
    writeFileSync(join(share, 'applications/covature.desktop'), entry.replace('/opt/Covature/covature', `"${binary}"`));
    cpSync(join(association, 'covature.xml'), join(share, 'mime/packages/covature.xml'));
    place.giveAll(home);
    expect(tool('desktop-file-validate', join(share, 'applications/covature.desktop'))).toBe('');
    tool('update-mime-database', join(share, 'mime'));
    tool('update-desktop-database', join(share, 'applications'));

    // Two runs of another store, in files with names of a user's.
    const first = await start(home, { env: { COVATURE_HOME: join(home, 'first') } });
    const files: string[] = [];
    for (const name of ['Größe', 'λ = 1 % (2)']) {
      const { runs } = await first.request('runs.start', { experiment: { ...tiny, name, epochs: 1 } });
      await until(async () => (await first.request('runs.get', { id: runs[0] })).status === 'done', 'the run');
      files.push(join(home, `${name}.covature`));
      await first.request('runs.export', { id: runs[0], to: { path: files.at(-1) } });
    }
    expect(await first.end()).toBe(0);

    expect(tool('gio', 'info', '-a', 'standard::content-type', files[0])).toContain('application/x-covature');
    expect(tool('gio', 'mime', 'application/x-covature')).toContain('covature.desktop');
    openFile(files[0]);
    const pid = await until(() => processOf(home), 'the program to be started');
    try {
      const windows = await until(() => {
        const shown = display.windows('Größe');
        return shown !== null && shown.length > 0 && shown;
      }, 'the first run on show');
      display.minimise(windows[0]);
      await until(() => display.windows('Covature')?.length === 0, 'the window to be minimised');
      openFile(files[1]);
      await until(() => display.windows('λ = 1 % \\(2\\)')?.[0] === windows[0], 'the second run in the same window');
      if (display.hasWindowManager) await until(() => display.activeWindow() === windows[0], 'the window in front');
      expect(processOf(home)).toBe(pid);
    } finally {
      process.kill(pid, 'SIGTERM');
      await until(() => processOf(home) === undefined, 'the end');
    }
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
