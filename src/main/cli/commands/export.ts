/** covature export */
import { copyFileSync, mkdirSync } from 'node:fs';
import * as path from 'node:path';
import { writeFileAtomic } from '../../../data/files.ts';
import { InputError } from '../../../shared/errors.ts';
import { renderSvg, scatterDiagonals } from '../../../shared/figures/index.ts';
import type { MeasurementSummary, ResultArrays } from '../../../shared/results.ts';
import { loadFonts } from '../../figures/fonts.ts';
import { diagonalNames, readArrays } from '../../results-file.ts';
import type { MeasurementRecord, RunRecord, Store } from '../../store/index.ts';
import {
  integerOption,
  oneOf,
  openStoreFor,
  parse,
  printJson,
  storeHelp,
  storeOptions,
  UsageError,
} from '../command.ts';
import type { Command } from '../command.ts';
import { runDocument } from '../run-text.ts';
import { writeRunFolder } from './import.ts';

const kinds = ['safetensors', 'csv', 'json', 'svg', 'run'] as const;
type Kind = (typeof kinds)[number];

const help = `Usage: covature export RUN --format KIND [--format KIND ...] --out DIR [options]

Writes a stored run's results to files.

  --format KIND    safetensors  C, H, Q, Gauss-Newton part, spectrum and diagonals of every measurement
                   csv          the diagonals, one line a direction; the metric series, one line a step
                   json         the run with all summaries
                   svg          C_ii against H_ii of every measurement, both estimands
                   run          the whole run with its files, for "covature import" elsewhere
  --out DIR        folder that receives them (made if need be)
  --parameter P    only measurements of this parameter
  --step N         only those taken at this step
${storeHelp}

Example: covature export mnist-ce --format svg --format csv --out figures`;

const options = {
  ...storeOptions,
  format: { type: 'string', multiple: true },
  out: { type: 'string' },
  parameter: { type: 'string' },
  step: { type: 'string' },
} as const;

export const exportCommand: Command = {
  help,
  run: async (argv) => {
    const { values, positionals } = parse(argv, options, [1, 1]);
    if (values.format === undefined) throw new UsageError(`expected --format: ${kinds.join(', ')}`);
    const formats = values.format.map((text) => oneOf(text, 'format', kinds));
    const folder = path.resolve(values.out ?? '.');
    const step = integerOption(values.step, 'step', 0);
    using store = openStoreFor(values, true);
    const run = store.findRun(positionals[0]);
    const measurements = store
      .measurements(run.id)
      .filter((each) => each.state === 'done' && (step === undefined || each.step === step))
      .filter((each) => values.parameter === undefined || each.parameter === values.parameter);
    if (measurements.length === 0 && (formats.includes('svg') || formats.includes('safetensors'))) {
      throw new InputError(`run ${run.id} (${run.name}) has no such measurement`);
    }
    mkdirSync(folder, { recursive: true });
    const written: string[] = [];
    for (const format of formats) written.push(...(await exportRun(store, run, measurements, format, folder)));
    if (values.json === true) printJson({ run: run.id, files: written });
    else process.stdout.write(written.map((file) => `${file}\n`).join(''));
    return 0;
  },
};

/** Writes one kind of file for a run; answers their paths. */
export async function exportRun(
  store: Store,
  run: RunRecord,
  measurements: readonly MeasurementRecord[],
  kind: Kind,
  folder: string,
): Promise<string[]> {
  if (kind === 'run') return writeRunFolder(store, run, folder);
  const stem = fileStem(run);
  const target = (name: string): string => path.join(folder, name);
  if (kind === 'json') {
    const file = target(`${stem}.json`);
    await writeFileAtomic(file, `${JSON.stringify(runDocument(store, run), null, 2)}\n`);
    return [file];
  }
  const written: string[] = [];
  const fonts = kind === 'svg' ? loadFonts() : null;
  for (const measurement of measurements) {
    const { summary, arrays } = measurement;
    if (summary === null || arrays === null) continue;
    const base = `${stem}-${measurement.parameter}-step-${measurement.step}`;
    if (kind === 'safetensors') {
      copyFileSync(arrays.path, target(`${base}.safetensors`));
      written.push(target(`${base}.safetensors`));
      continue;
    }
    const diagonals = await readArrays(arrays.path, diagonalNames);
    if (kind === 'csv') {
      await writeFileAtomic(target(`${base}.csv`), diagonalsCsv(diagonals));
      written.push(target(`${base}.csv`));
    }
    if (fonts !== null) written.push(...(await writeScatters(run, summary, diagonals, fonts, target(base))));
  }
  if (kind === 'csv') {
    await writeFileAtomic(target(`${stem}-series.csv`), seriesCsv(store.series(run.id)));
    written.push(target(`${stem}-series.csv`));
  }
  return written;
}

async function writeScatters(
  run: RunRecord,
  summary: MeasurementSummary,
  arrays: Partial<ResultArrays>,
  fonts: ReturnType<typeof loadFonts>,
  base: string,
): Promise<string[]> {
  const files: string[] = [];
  for (const estimand of ['training_set', 'cross_fitted'] as const) {
    const provenance = {
      software: 'Covature',
      runs: [{ id: run.id, name: run.name }],
      data: dataHash(run),
      fit: { estimand, split_seed: summary.halves.seed },
    };
    const figure = scatterDiagonals({ summary, arrays, name: run.name }, { estimand, provenance });
    const file = `${base}-C-H-${estimand}.svg`;
    await writeFileAtomic(file, renderSvg(figure, fonts));
    files.push(file);
  }
  return files;
}

function dataHash(run: RunRecord): Record<string, string> {
  const provenance = run.provenance as { readonly dataset?: { readonly name: string; readonly hash: string } } | null;
  return provenance?.dataset === undefined ? {} : { [provenance.dataset.name]: provenance.dataset.hash };
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

/** One line a step that any series has; empty where a series has no value there. */
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

/** The run's name as part of a file name, with the end of its id. */
function fileStem(run: RunRecord): string {
  const name = run.name
    .normalize('NFC')
    .replace(/[^\p{L}\p{N}._-]+/gu, '-')
    .slice(0, 60);
  return `${name}-${run.id.slice(-6)}`;
}
