/**
 * Writes a dump of a store of the present version with rows in every table, to freeze before a migration is added:
 *
 *   node test/main/store/versions/make.ts > test/main/store/versions/v1.sql
 */
import Database from 'better-sqlite3';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../../../../src/main/store/index.ts';
import { experiment, summaryOf } from '../support/samples.ts';

const folder = mkdtempSync(join(tmpdir(), 'covature-dump-'));
let time = Date.UTC(2026, 10, 23);
const store = openStore(folder, { now: () => (time += 1000) });
const project = store.createProject('MNIST', 'first light');
const id = store.createRun({
  name: 'frozen',
  project: project.id,
  experiment,
  tags: ['paper'],
  notes: 'γ',
  provenance: { version: '0.1.0' },
});
store.setRunStatus(id, 'running', { pid: 1, host: 'host' });
store.appendBatch(id, {
  number: 0,
  metrics: { loss: { steps: [1, 2, 3], values: [2.3, 1.1, 0.5] } },
  log: [{ time: 1, level: 'info', text: 'started' }],
  step: 3,
});
store.addCheckpoint(id, { step: 3, epoch: 1, file: { chunks: [Buffer.from('checkpoint')] } });
store.addMeasurement(id, {
  parameter: 'fc2.kernel',
  step: 3,
  origin: 'schedule',
  summary: summaryOf('fc2.kernel', 1.2),
  arrays: { chunks: [Buffer.from('arrays')] },
});
store.setSummary(id, { loss: 0.5 });
store.setRunStatus(id, 'done');
const { document, files } = store.exportRun(id);
const locate = (name: string) => files.find((file) => file.name === name)!.path;
store.importRun({ ...document, id: 'imported1', name: 'imported' }, { locate });
store.setSetting('theme', 'dark');
store.setCalibration('machine', 'dgemm', 1e11);
store.saveFigure({ name: 'scatter', project: project.id, recipe: { kind: 'scatter' } });
store.saveDataset({ name: 'mnist', spec: { kind: 'idx' }, counts: { train: 60000 } });
store.close();

const db = new Database(join(folder, 'covature.db'), { readonly: true });
const objects = db
  .prepare(
    "SELECT name, type, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid",
  )
  .all() as { name: string; type: string; sql: string }[];
const lines = [
  `PRAGMA application_id = ${String(db.pragma('application_id', { simple: true }))};`,
  `PRAGMA user_version = ${String(db.pragma('user_version', { simple: true }))};`,
  'PRAGMA foreign_keys = OFF;',
  ...objects.map(({ sql }) => `${sql};`),
];
const tables = [...objects.filter(({ type }) => type === 'table').map(({ name }) => name), 'sqlite_sequence'];
for (const table of tables) {
  const columns = db.prepare(`SELECT name FROM pragma_table_info('${table}')`).pluck().all() as string[];
  const values = columns.map((column) => `quote("${column}")`).join(" || ', ' || ");
  for (const row of db.prepare(`SELECT ${values} FROM "${table}"`).pluck().all() as string[]) {
    lines.push(`INSERT INTO "${table}" (${columns.map((column) => `"${column}"`).join(', ')}) VALUES (${row});`);
  }
}
db.close();
rmSync(folder, { recursive: true });
process.stdout.write(`${lines.join('\n')}\n`);
