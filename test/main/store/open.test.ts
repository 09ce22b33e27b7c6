/** Opening: several processes, other versions, other files, places that cannot be written. */
import Database from 'better-sqlite3';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openStore, StoreError } from '../../../src/main/store/index.ts';
import { networkWarning } from '../../../src/main/store/network.ts';
import { applicationId, schemaVersion } from '../../../src/main/store/schema.ts';
import { describeWhere } from '../../support/skips.ts';
import { mountable, withMount } from './support/mounts.ts';
import { errorOf, experiment, workplace } from './support/stores.ts';

const holder = fileURLToPath(new URL('./support/holder.ts', import.meta.url));

function expectStoreError(call: () => unknown, code: string): StoreError {
  const error = errorOf(call);
  expect(error).toBeInstanceOf(StoreError);
  expect(error.code).toBe(code);
  return error as StoreError;
}

/** Every file below a folder with its content. */
function contentOf(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path, readFileSync(path).toString('base64')]),
  );
}

describe('opening', () => {
  const { open, folder } = workplace();

  it('makes a store, in folders that are not there yet and have any name', () => {
    const place = join(folder('Ordner mit Leerzeichen 相似 🙂'), 'a', 'b');
    const store = open(place);
    const id = store.createRun({ name: 'a', experiment });
    store.close();
    expect(readdirSync(place).sort()).toEqual(['artifacts', 'covature.db', 'writer.lock']);
    const again = open(place);
    expect(again.getRun(id)!.name).toBe('a');
    expect(again.report).toEqual({ interrupted: [], backup: undefined, warnings: [] });
    const db = new Database(join(place, 'covature.db'), { readonly: true });
    expect(db.pragma('user_version', { simple: true })).toBe(schemaVersion);
    expect(db.pragma('application_id', { simple: true })).toBe(applicationId);
    expect(db.pragma('journal_mode', { simple: true })).toBe('wal');
    db.close();
  });

  it('lets other writers and readers in, and leaves a run to the process that trains it', async () => {
    const place = folder();
    const child = spawn(process.execPath, [holder, place], { stdio: ['pipe', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    const [ready] = (await once(child.stdout, 'data')) as [Buffer];
    const run = ready.toString().trim();
    const store = open(place);
    expect(store.report.interrupted).toEqual([]);
    const reader = open(place, { readOnly: true });
    expect(reader.getRun(run)!.status).toBe('running');
    expect(store.isOwnRun(run)).toBe(false);
    expect(expectStoreError(() => store.setRunStatus(run, 'running'), 'in-use').message).toBe(
      `the run ${run} is being trained by another process; nothing was changed`,
    );
    const own = store.createRun({ name: 'b', experiment, status: 'running' });
    expect(store.isOwnRun(own)).toBe(true);
    expectStoreError(() => reader.createRun({ name: 'c', experiment }), 'read-only');
    expect(reader.listRuns().total).toBe(2);
    // However a process dies, what it trained is found to be nobody's, and nothing else is.
    child.kill('SIGKILL');
    await exited;
    expect(store.markInterrupted()).toEqual([run]);
    expect(reader.getRun(run)!.status).toBe('interrupted');
    expect(reader.getRun(own)!.status).toBe('running');
    expect(open(place).report.interrupted).toEqual([]);
    store.setRunStatus(own, 'done');
    expect(existsSync(join(place, 'running'))).toBe(false);
  });

  it('lets one process at a time write on a disk of another machine, and says so', () => {
    const place = folder();
    const nfs = 0x6969;
    const store = open(place, { fileSystem: nfs });
    expect(store.report.warnings[0]).toMatch(/network disk \(NFS\): one process at a time can write there/);
    expectStoreError(() => openStore(place, { fileSystem: nfs }), 'in-use');
    open(place, { readOnly: true, fileSystem: nfs });
    store.close();
    open(place, { fileSystem: nfs }).close();
  });

  it('names no process that is gone', () => {
    const place = folder();
    const store = open(place, { fileSystem: 0x6969 });
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    const record = JSON.parse(readFileSync(join(place, 'writer.json'), 'utf8')) as { pid: number };
    expect(record.pid).toBe(process.pid);
    for (const text of [JSON.stringify({ ...record, pid: dead }), '{"pid":', '[]', '']) {
      writeFileSync(join(place, 'writer.json'), text);
      expect(expectStoreError(() => openStore(place, { fileSystem: 0x6969 }), 'in-use').message).toMatch(
        /^another Covature has this store open/,
      );
    }
    store.close();
  });

  it('says that there is no store to read', () => {
    const place = folder();
    expectStoreError(() => openStore(place, { readOnly: true }), 'not-found');
    expectStoreError(() => openStore(join(place, 'deeper'), { readOnly: true }), 'not-found');
    expect(readdirSync(place)).toEqual([]);
  });

  it('refuses a file in the place of the folder', () => {
    const file = join(folder(), 'file');
    writeFileSync(file, 'text');
    expectStoreError(() => openStore(file), 'io');
    expectStoreError(() => openStore(join(file, 'deeper')), 'io');
    expect(readFileSync(file, 'utf8')).toBe('text');
  });

  it('refuses a newer version, names both, and touches nothing', () => {
    const place = folder();
    open(place).close();
    const db = new Database(join(place, 'covature.db'));
    db.exec(`CREATE TABLE future (x); PRAGMA user_version = ${schemaVersion + 3}`);
    db.close();
    const before = contentOf(place);
    for (const readOnly of [false, true]) {
      const error = expectStoreError(() => openStore(place, { readOnly }), 'newer-version');
      expect(error.message).toContain(`version ${schemaVersion + 3}`);
      expect(error.message).toContain(`up to ${schemaVersion}`);
      const after = contentOf(place);
      for (const [path, content] of Object.entries(before)) expect(after[path]).toBe(content);
    }
  });

  it('refuses the database of another program and touches nothing', () => {
    const place = folder();
    const path = join(place, 'covature.db');
    const db = new Database(path);
    db.exec('CREATE TABLE accounts (id INTEGER)');
    db.close();
    const before = contentOf(place);
    expectStoreError(() => openStore(place), 'not-a-store');
    expectStoreError(() => openStore(place, { readOnly: true }), 'not-a-store');
    expect(contentOf(place)).toEqual(before);
  });

  const damages: [string, (path: string) => void][] = [
    ['another file', (path) => writeFileSync(path, 'This is a text about gamma.\n'.repeat(1000))],
    ['a database cut in half', (path) => truncateSync(path, Math.floor(statSync(path).size / 2 / 4096) * 4096)],
    [
      'a database with a page overwritten',
      (path) => {
        const bytes = readFileSync(path);
        bytes.fill(0xa5, 0, 50 * 1024);
        writeFileSync(path, bytes);
      },
    ],
    ['an empty file, with artifacts beside it,', (path) => truncateSync(path, 0)],
  ];
  it.each(damages)('calls %s corrupt and leaves it as it is', (_, damage) => {
    const place = folder();
    const store = open(place);
    store.transaction(() => {
      for (let i = 0; i < 200; i++) store.createRun({ name: `run ${i}`, experiment });
    });
    const run = store.createRun({ name: 'a', experiment });
    store.addFile(run, 'weights', { chunks: [Buffer.from('weights')] });
    store.close();
    const path = join(place, 'covature.db');
    damage(path);
    const before = readFileSync(path).toString('base64');
    const error = expectStoreError(() => {
      const damaged = open(place);
      // SQLite may notice only when it reads a page that is not there.
      damaged.listRuns({ text: 'run', columns: ['loss'] });
    }, 'corrupt');
    expect(error.message).toContain('backup');
    expect(readFileSync(path).toString('base64')).toBe(before);
  });

  it('takes a folder with artifacts and no database for a lost store', () => {
    const place = folder();
    mkdirSync(join(place, 'artifacts', 'run'), { recursive: true });
    expect(expectStoreError(() => openStore(place), 'corrupt').message).toContain('gone');
    expect(readdirSync(place)).toEqual(['artifacts']);
  });

  it('says so once it is closed', () => {
    const store = open();
    store.close();
    store.close();
    expectStoreError(() => store.listRuns(), 'closed');
    expectStoreError(() => store.createRun({ name: 'a', experiment }), 'closed');
  });

  it('says that another program keeps the database locked', () => {
    const place = folder();
    const store = open(place, { timeout: 50 });
    const other = new Database(join(place, 'covature.db'));
    other.exec('BEGIN IMMEDIATE');
    expectStoreError(() => store.createRun({ name: 'a', experiment }), 'busy');
    other.exec('ROLLBACK');
    other.close();
    store.createRun({ name: 'a', experiment });
    expect(store.listRuns().total).toBe(1);
  });

  it('removes what a process left half written', () => {
    const place = folder();
    const store = open(place);
    const path = store.stagingPath('arrays');
    writeFileSync(path, 'half');
    store.close();
    open(place);
    expect(existsSync(path)).toBe(false);
  });
});

describe('a network disk', () => {
  const rows: [string, number, RegExp | undefined][] = [
    ['NFS', 0x6969, /network disk \(NFS\)/],
    ['SMB2, whose number some systems give as negative', 0xfe534d42 | 0, /network disk \(SMB2\)/],
    ['ext4', 0xef53, undefined],
    ['tmpfs', 0x01021994, undefined],
  ];
  it.each(rows)('%s', (_, type, expected) => {
    const warning = networkWarning('/data', type);
    if (expected === undefined) expect(warning).toBeUndefined();
    else expect(warning).toMatch(expected);
  });
});

describeWhere(mountable, 'a read-only disk', () => {
  const { open } = workplace();

  it('can be read, and is not written', () => {
    withMount((mount) => {
      const place = join(mount.path, 'store');
      const store = open(place);
      const id = store.createRun({ name: 'a', experiment });
      store.close();
      mount.readOnly();
      expectStoreError(() => openStore(place), 'read-only');
      expectStoreError(() => openStore(join(mount.path, 'new')), 'read-only');
      const reader = open(place, { readOnly: true });
      expect(reader.getRun(id)!.name).toBe('a');
      expect(reader.listRuns({ filter: 'name = a' }).total).toBe(1);
      reader.close();
    });
  });

  it('is not read past a log that is still to be merged', async () => {
    await withMount(async (mount) => {
      const place = join(mount.path, 'store');
      const child = spawn(process.execPath, [holder, place], { stdio: ['pipe', 'pipe', 'inherit'] });
      const exited = once(child, 'exit');
      await once(child.stdout, 'data');
      child.kill('SIGKILL');
      await exited;
      // As when the folder is copied without the helper file.
      spawnSync('rm', [join(place, 'covature.db-shm')]);
      mount.readOnly();
      expect(expectStoreError(() => openStore(place, { readOnly: true }), 'read-only').message).toContain(
        'Copy the whole folder',
      );
    });
  });
});

const unprivileged: true | string =
  process.platform === 'win32'
    ? 'permissions of files work differently on Windows'
    : process.getuid?.() === 0
      ? 'the superuser may write anywhere; the read-only disk above stands for it'
      : true;
describeWhere(unprivileged, 'a folder without write permission', () => {
  const { open, folder } = workplace();

  it('can be read, and is not written', () => {
    const place = folder();
    const store = open(place);
    const id = store.createRun({ name: 'a', experiment });
    store.close();
    chmodSync(place, 0o555);
    try {
      expectStoreError(() => openStore(place), 'read-only');
      expect(open(place, { readOnly: true }).getRun(id)!.name).toBe('a');
    } finally {
      chmodSync(place, 0o755);
    }
  });
});
