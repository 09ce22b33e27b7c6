/** covature reproduce */
import { mkdirSync } from 'node:fs';
import * as path from 'node:path';
import { writeFileAtomic } from '../../../data/files.ts';
import { gammaPerLayer, renderSvg } from '../../../shared/figures/index.ts';
import type { MeasurementSummary } from '../../../shared/results.ts';
import { loadFonts } from '../../figures/fonts.ts';
import { dataFolderOf, resumeRun, startRun } from '../../services/runs.ts';
import type { RunRecord, Store } from '../../store/index.ts';
import { planStudy, studyNames } from '../../study/study.ts';
import type { StudyPart, StudyPlan } from '../../study/study.ts';
import {
  choice,
  engineFlags,
  engineHelp,
  engineOf,
  openStoreFor,
  parse,
  printJson,
  storeHelp,
  storeOptions,
} from '../command.ts';
import type { Command } from '../command.ts';
import { formatTable } from '../format.ts';
import { ProgressLine } from '../progress.ts';
import { onInterrupt } from './run.ts';

const help = `Usage: covature reproduce [--study quick|full] [options]

The paper as a built-in study: {MNIST, Fashion-MNIST, CIFAR-10 where present, glyphs} x {MLP, CNN, ResNet, ViT} x {cross-entropy, MSE} x seeds.
Every run is stored; what is there already is not run again, so an interrupted study goes on. Ends in one table and one figure of gamma per layer.

  --study NAME     quick (default; minutes) or full (8,000 samples, 20 epochs, 5 seeds; hours)
  --out DIR        folder for the table (CSV) and the figure (SVG); default reproduce-NAME
${engineHelp}
${storeHelp}

Datasets are looked for in the store's folder "datasets" (see "covature datasets").`;

const options = { ...storeOptions, ...engineFlags, study: { type: 'string' }, out: { type: 'string' } } as const;

/** The cutoff of the table. */
const cutoff = 1e-2;

interface Row {
  readonly part: StudyPart;
  readonly run: RunRecord;
  readonly parameter: string;
  readonly summary: MeasurementSummary | null;
  readonly error: string | null;
}

export const reproduce: Command = {
  help,
  run: async (argv) => {
    const { values } = parse(argv, options, [0, 0]);
    const name = choice(values.study, 'study', studyNames) ?? 'quick';
    using store = openStoreFor(values, false);
    const plan = await planStudy(name, dataFolderOf(store));
    for (const { dataset, reason } of plan.absent) process.stderr.write(`without ${dataset}: ${reason}\n`);
    const rows = await runStudy(store, plan, values);
    const folder = path.resolve(values.out ?? `reproduce-${name}`);
    mkdirSync(folder, { recursive: true });
    const files = [path.join(folder, 'gamma.csv'), path.join(folder, 'gamma.svg')];
    await writeFileAtomic(files[0], csv(rows));
    await writeFileAtomic(files[1], figure(rows));
    if (values.json === true) printJson({ study: name, absent: plan.absent, files, results: rows.map(cells) });
    else {
      const table = rows.map((row) =>
        Object.values(cells(row)).map((value) =>
          value === null ? '-' : typeof value === 'number' ? shown(value) : value,
        ),
      );
      process.stdout.write(
        `${formatTable(heads, table)}\ncutoff ${cutoff}; least squares; gamma over fewer than 30 directions or 1.5 decades decides nothing\n${files.join('\n')}\n`,
      );
    }
    return rows.some((row) => row.run.status !== 'done') ? 1 : 0;
  },
};

async function runStudy(
  store: Store,
  plan: StudyPlan,
  values: { blas?: string | undefined; threads?: string | undefined },
): Promise<Row[]> {
  const progress = new ProgressLine();
  const rows: Row[] = [];
  for (const [index, part] of plan.parts.entries()) {
    const run = await runPart(store, plan, part, `${index + 1} of ${plan.parts.length}`, progress, values);
    const found = store.measurements(run.id);
    for (const parameter of part.experiment.measurements[0]?.parameters ?? []) {
      const measurement = found.find((each) => each.parameter === parameter);
      rows.push({
        part,
        run,
        parameter,
        summary: measurement?.summary ?? null,
        error: measurement?.error ?? run.error,
      });
    }
  }
  progress.clear();
  return rows;
}

/** The stored run of a part: as it is when done, resumed when unfinished, else started. */
async function runPart(
  store: Store,
  plan: StudyPlan,
  part: StudyPart,
  count: string,
  progress: ProgressLine,
  values: { blas?: string | undefined; threads?: string | undefined },
): Promise<RunRecord> {
  const known = store
    .listRuns({ tags: [plan.tag], text: part.experiment.name, limit: 100 })
    .rows.find((row) => row.name === part.experiment.name && row.seed === part.seed);
  const record = known === undefined ? undefined : store.getRun(known.id);
  if (record !== undefined && (record.status === 'done' || record.status === 'diverged')) return record;
  const common = {
    engine: engineOf(values),
    baseFolder: process.cwd(),
    onEvent: (event: Parameters<ProgressLine['onEvent']>[0]) => {
      progress.onEvent(
        event.kind === 'progress' ? { ...event, stage: `${count}, ${part.experiment.name}: ${event.stage}` } : event,
      );
    },
  };
  const started = record === undefined ? startRun(store, part.experiment, common) : resumeRun(store, record, common);
  store.tagRuns([started.id], { add: [plan.tag] });
  const stop = onInterrupt(() => {
    started.job.cancel();
  });
  const end = await started.done.finally(stop);
  if (end.kind === 'lost')
    throw new Error(end.cancelled ? 'cancelled; the same command goes on from here' : end.message);
  if (end.kind === 'ended' && end.event.outcome === 'cancelled')
    throw new Error('cancelled; the same command goes on from here');
  const run = store.getRun(started.id);
  if (run === undefined) throw new Error(`run ${started.id} is gone from the store`);
  return run;
}

const heads = [
  'dataset',
  'network',
  'loss',
  'seed',
  'layer',
  'method',
  'directions',
  'decades',
  'gamma',
  'gamma_Q',
  'C on Q',
  'cross-fitted gamma',
  'loss reached',
];

function cells({ part, run, parameter, summary, error }: Row): Record<string, string | number | null> {
  const row = summary?.gamma.training_set.find((each) => each.cutoff === cutoff);
  const crossed = summary?.gamma.cross_fitted.find((each) => each.cutoff === cutoff);
  return {
    dataset: part.dataset,
    network: part.architecture,
    loss: part.loss,
    seed: part.seed,
    layer: parameter,
    method: summary?.method ?? error ?? run.status,
    directions: row?.n ?? null,
    decades: row?.decades ?? null,
    gamma: row?.gamma.ols ?? null,
    gamma_Q: row?.gamma_Q.ols ?? null,
    C_on_Q: row?.C_on_Q.ols ?? null,
    cross_fitted_gamma: crossed?.gamma.ols ?? null,
    loss_reached: run.values['loss']?.value ?? null,
  };
}

function shown(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(3);
}

function csv(rows: readonly Row[]): string {
  const quoted = (value: string | number | null): string =>
    typeof value === 'string' && /[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : String(value ?? '');
  return [heads.join(','), ...rows.map((row) => Object.values(cells(row)).map(quoted).join(','))].join('\n') + '\n';
}

/** gamma of every layer of every network, seeds averaged. */
function figure(rows: readonly Row[]): string {
  const measurements = rows.flatMap(({ part, parameter, summary }) => {
    if (summary === null) return [];
    const label = `${part.dataset} ${part.architecture} ${part.loss === 'mse' ? 'MSE' : 'CE'} ${parameter.replace('.kernel', '')}`;
    return [{ summary: { ...summary, parameter: label }, arrays: {} }];
  });
  const width = Math.max(170, 6.5 * new Set(measurements.map((each) => each.summary.parameter)).size);
  return renderSvg(gammaPerLayer(measurements, { cutoff, width_mm: width }), loadFonts());
}
