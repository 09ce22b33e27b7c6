/** From every earlier version, with rows in every table, to the present one. */
import Database from 'better-sqlite3';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openStore } from '../../../src/main/store/index.ts';
import { migrate, versionOf } from '../../../src/main/store/migrate.ts';
import { migrations, schemaVersion, type Migration } from '../../../src/main/store/schema.ts';
import { errorOf, experiment, workplace } from './support/stores.ts';

const versions = new URL('./versions/', import.meta.url);

/** SHA-256 of the SQL of released steps. A step is never edited: what a store has run cannot be changed afterwards. */
const released = [
  'a3d8224fe639a5a2c67a67b130a19136aa2a9c3828bb8d0d3046fc47f76e145e',
  '7f9cc02d528ea0b185316b430e55d53c35d9729dbe8039420bd79bf9f8e34b3e',
  '59cd305b5b2d299dadc79e90d9350fa62b75718a9e15a3a24071226a254b7c5f',
];

function tablesOf(path: string): Map<string, number> {
  const db = new Database(path, { readonly: true });
  const names = db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    .pluck()
    .all() as string[];
  const counts = new Map(
    names.map((name) => [name, db.prepare(`SELECT count(*) FROM "${name}"`).pluck().get() as number]),
  );
  db.close();
  return counts;
}

/** The schema as text, white space aside. */
function schemaOf(path: string): string[] {
  const db = new Database(path, { readonly: true });
  const sql = db
    .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'")
    .pluck()
    .all() as string[];
  db.close();
  return sql.map((text) => text.replace(/--.*$/gm, '').replace(/["\s]+/g, ' ')).sort();
}

describe('the steps', () => {
  it('are numbered without gaps and are the released ones', () => {
    expect(migrations.map((step) => step.version)).toEqual(migrations.map((_, i) => i + 1));
    const hashes = migrations.map((step) => createHash('sha256').update(step.sql).digest('hex'));
    expect(hashes).toEqual(released);
  });
});

describe('a database that another process makes at this moment', () => {
  const { folder } = workplace();

  it.each(['user_version', 'application_id'])(
    'is new or a store, never of another program: made after a look at %s',
    (after) => {
      const path = join(folder(), `${after}.db`);
      new Database(path).pragma('journal_mode = WAL');
      const other = new Database(path, { timeout: 0 });
      const db = new Database(path);
      const pragma = db.pragma.bind(db);
      let made = false;
      db.pragma = (source, options) => {
        const value = pragma(source, options);
        if (source === after && !made) {
          made = true;
          expect(migrate(other, folder(), 0, migrations, 0)).toBeUndefined();
        }
        return value;
      };
      expect(versionOf(db, folder(), schemaVersion)).toBe(0);
      expect(made).toBe(true);
      expect(versionOf(db, folder(), schemaVersion)).toBe(schemaVersion);
      db.close();
      other.close();
    },
  );
});

describe.each(migrations.map((step) => step.version))('a store of version %i', (version) => {
  const { open, folder } = workplace();

  it('opens with all that was in it', () => {
    const place = folder();
    const path = join(place, 'covature.db');
    const frozen = new Database(path);
    frozen.exec(readFileSync(new URL(`v${version}.sql`, versions), 'utf8'));
    frozen.close();
    const before = tablesOf(path);
    for (const [table, rows] of before) expect(rows, `rows of ${table} in v${version}.sql`).toBeGreaterThan(0);

    const store = open(place);
    expect(store.report.backup === undefined).toBe(version === schemaVersion);
    const run = store.findRun('frozen');
    expect(run).toMatchObject({ status: 'done', seed: 7, tags: ['paper'], notes: 'γ', experiment, step: 3 });
    expect(store.getProject(run.project!)).toMatchObject({ name: 'MNIST', runs: 1 });
    // Version 1 held the slopes at a cutoff of 1e-4 under this name; they are read off again at 1e-2, where the frozen measurement has no interval.
    expect(run.values['gamma.fc2']).toMatchObject(
      version === 1 ? { value: 1.05, low: null, high: null } : { value: 1.2, low: 1.18, high: 1.22 },
    );
    expect(run.values['gamma.fc2.cross_fitted']?.value).toBeCloseTo(version === 1 ? 1.01 : 1.1, 12);
    expect(run.values['gamma.training_set.fc2@1e-4']).toBeDefined();
    expect(run.values['loss']).toMatchObject({ value: 0.5, text: 'cross-entropy' });
    expect(Array.from(store.series(run.id)['loss'].values)).toEqual([2.3, 1.1, 0.5]);
    expect(store.logs(run.id)).toEqual([{ time: 1, level: 'info', text: 'started' }]);
    expect(store.measurements(run.id)[0]).toMatchObject({
      parameter: 'fc2.kernel',
      state: 'done',
      arrays: { bytes: 6 },
    });
    expect(store.lastCheckpoint(run.id)).toMatchObject({ step: 3, file: { bytes: 10 } });
    expect(store.settings()).toEqual({ theme: 'dark' });
    expect(store.calibrations('machine')).toMatchObject([{ name: 'dgemm', value: 1e11 }]);
    expect(store.listFigures()).toMatchObject([{ name: 'scatter' }]);
    expect(store.listDatasets()).toMatchObject([{ name: 'mnist' }]);
    expect(store.listRuns({ filter: 'gamma.fc2 > 1.01 and loss = "cross-entropy"' }).total).toBe(2);
    store.close();

    const after = tablesOf(path);
    for (const [table, rows] of before) if (after.has(table)) expect(after.get(table), table).toBe(rows);
    const fresh = folder();
    open(fresh).close();
    expect(schemaOf(path)).toEqual(schemaOf(join(fresh, 'covature.db')));
  });
});

describe('migrating', () => {
  const { open, folder } = workplace();
  const next = schemaVersion + 1;
  const good: Migration = {
    version: next,
    sql: 'ALTER TABLE runs ADD COLUMN mood TEXT',
    run: (db) => db.prepare("UPDATE runs SET mood = 'good'").run(),
  };

  function storeWithRun(): { place: string; id: string } {
    const place = folder();
    const store = open(place);
    const id = store.createRun({ name: 'a', experiment });
    store.close();
    return { place, id };
  }
  const versionIn = (path: string): number => {
    const db = new Database(path, { readonly: true });
    const version = db.pragma('user_version', { simple: true }) as number;
    db.close();
    return version;
  };

  it('copies the database first, and says where', () => {
    const { place, id } = storeWithRun();
    expect(errorOf(() => openStore(place, { readOnly: true, migrations: [...migrations, good] })).code).toBe(
      'older-version',
    );
    const store = open(place, { migrations: [...migrations, good] });
    expect(store.getRun(id)!.name).toBe('a');
    const backup = store.report.backup!;
    store.close();
    expect(versionIn(join(place, 'covature.db'))).toBe(next);
    expect(versionIn(backup)).toBe(schemaVersion);
    const old = new Database(backup, { readonly: true });
    expect(old.prepare('SELECT name FROM runs').pluck().all()).toEqual(['a']);
    old.close();
    // The program before it refuses it from now on.
    expect(errorOf(() => openStore(place)).code).toBe('newer-version');
  });

  const bad: [string, Migration[], number][] = [
    ['SQL that fails', [good, { version: next + 1, sql: 'CREATE TABLE x (a); INSERT INTO nothing VALUES (1)' }], next],
    [
      'code that fails',
      [
        {
          version: next,
          sql: 'CREATE TABLE x (a)',
          run: () => {
            throw new Error('cannot');
          },
        },
      ],
      schemaVersion,
    ],
    [
      'rows that refer to nothing',
      [{ version: next, sql: 'INSERT INTO run_tags (run, tag) VALUES (1, 99)' }],
      schemaVersion,
    ],
    ['a step left out', [{ version: next + 1, sql: 'CREATE TABLE x (a)' }], schemaVersion],
  ];
  it.each(bad)('stops at %s, with everything up to there kept', (_, steps, reached) => {
    const { place, id } = storeWithRun();
    const error = errorOf(() => openStore(place, { migrations: [...migrations, ...steps] }));
    expect(error.code).toBe('migration-failed');
    expect(error.message).toContain(`as they were at version ${reached}`);
    expect(error.message).toContain(join(place, 'backups'));
    const path = join(place, 'covature.db');
    expect(versionIn(path)).toBe(reached);
    expect(tablesOf(path).has('x')).toBe(false);
    const store = open(place, { migrations: reached === schemaVersion ? migrations : [...migrations, good] });
    expect(store.getRun(id)!.name).toBe('a');
  });

  it('does not begin without room for the copy', () => {
    const { place, id } = storeWithRun();
    mkdirSync(join(place, 'backups'));
    // A file in the way stands for whatever keeps the copy from being made.
    const now = Date.UTC(2026, 10, 23);
    writeFileSync(join(place, 'backups', `before-migration-from-${schemaVersion}-20261123-000000-000.db`), 'occupied');
    errorOf(() => openStore(place, { migrations: [...migrations, good], now: () => now }));
    expect(versionIn(join(place, 'covature.db'))).toBe(schemaVersion);
    expect(open(place).getRun(id)!.name).toBe('a');
  });

  it('makes no copy of a store that is new', () => {
    const place = folder();
    const store = open(place, { migrations: [...migrations, good] });
    expect(store.report.backup).toBeUndefined();
    expect(existsSync(join(place, 'backups'))).toBe(false);
    expect(readdirSync(place)).toContain('covature.db');
  });
});
