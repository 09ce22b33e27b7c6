/** A stored run's results as data files: arrays, tables, the run itself. */
import { copyFileSync, existsSync } from 'node:fs';
import * as path from 'node:path';
import { writeFileAtomic } from '../../data/files.ts';
import { InputError } from '../../shared/errors.ts';
import type { ResultArrays } from '../../shared/results.ts';
import { fileStem, measurementStem } from '../figures/batch.ts';
import { runFileExtension, writeRunFile } from '../services/run-file.ts';
import { diagonalNames } from '../../shared/array-names.ts';
import { readResultArrays } from '../results-file.ts';
import type { MeasurementRecord, RunRecord, Store } from '../store/index.ts';
import { writeRunFolder } from './commands/import.ts';
import { runDocument } from './run-text.ts';

export const dataKinds = ['safetensors', 'csv', 'json', 'run', 'covature'] as const;
export type DataKind = (typeof dataKinds)[number];

/** Writes one kind of file for a run; returns their paths. */
export async function writeRunFiles(
  store: Store,
  run: RunRecord,
  measurements: readonly MeasurementRecord[],
  kind: DataKind,
  folder: string,
): Promise<string[]> {
  if (kind === 'run') return writeRunFolder(store, run, folder);
  const stem = fileStem(run);
  const target = (name: string): string => path.join(folder, name);
  if (kind === 'covature') {
    const file = target(`${stem}${runFileExtension}`);
    if (existsSync(file)) throw new InputError(`${file} already exists`);
    await writeRunFile(store.exportRun(run.id), file);
    return [file];
  }
  if (kind === 'json') {
    const file = target(`${stem}.json`);
    await writeFileAtomic(file, `${JSON.stringify(runDocument(store, run), null, 2)}\n`);
    return [file];
  }
  const written: string[] = [];
  for (const measurement of measurements) {
    const { summary, arrays } = measurement;
    if (summary === null || arrays === null) continue;
    const file = target(`${measurementStem(run, measurement)}.${kind}`);
    if (kind === 'safetensors') copyFileSync(arrays.path, file);
    else await writeFileAtomic(file, diagonalsCsv(await readResultArrays(arrays.path, diagonalNames)));
    written.push(file);
  }
  if (kind === 'csv') {
    const file = target(`${stem}-series.csv`);
    await writeFileAtomic(file, seriesCsv(store.series(run.id)));
    written.push(file);
  }
  return written;
}

function diagonalsCsv(arrays: Partial<ResultArrays>): string {
  const columns: [string, Float64Array][] = [];
  const add = (name: string, values: Float64Array | undefined, half?: number): void => {
    if (values === undefined) return;
    const d = half === undefined ? values.length : values.length / 2;
    columns.push([name, half === undefined ? values : values.subarray(half * d, (half + 1) * d)]);
  };
  add('H', arrays.eigenvalues);
  add('C', arrays.C_diagonal);
  add('Q', arrays.Q_diagonal);
  for (const [half, name] of ['A_to_B', 'B_to_A'].entries()) {
    add(`${name}_selection`, arrays.cross_fitted_selection, half);
    add(`${name}_H`, arrays.cross_fitted_H_diagonal, half);
    add(`${name}_C`, arrays.cross_fitted_C_diagonal, half);
    add(`${name}_Q`, arrays.cross_fitted_Q_diagonal, half);
  }
  const rows = [['direction', ...columns.map(([name]) => name)].join(',')];
  const count = Math.max(...columns.map(([, values]) => values.length));
  for (let i = 0; i < count; i++) rows.push([i + 1, ...columns.map(([, values]) => values[i])].join(','));
  return `${rows.join('\n')}\n`;
}

/** One line per step of any series; empty fields if a series has no value. */
function seriesCsv(series: ReturnType<Store['series']>): string {
  const names = Object.keys(series).sort();
  const table = new Map<number, Map<string, number>>();
  for (const name of names) {
    const { steps, values } = series[name];
    for (let i = 0; i < steps.length; i++) {
      const row = table.get(steps[i]) ?? new Map<string, number>();
      row.set(name, values[i]);
      table.set(steps[i], row);
    }
  }
  const steps = [...table.keys()].sort((a, b) => a - b);
  const rows = steps.map((step) => [step, ...names.map((name) => table.get(step)?.get(name) ?? '')].join(','));
  return `${[['step', ...names].join(','), ...rows].join('\n')}\n`;
}
