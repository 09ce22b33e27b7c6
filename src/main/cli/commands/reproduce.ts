/** covature reproduce */
import * as path from 'node:path';
import { writeFileAtomic } from '../../../data/files.ts';
import { loadFonts } from '../../figures/fonts.ts';
import { dataFolderOf, resumeRun, startRun } from '../../services/runs.ts';
import type { RunRecord, Store } from '../../store/index.ts';
import { cellsOf, studyCsv, studyCutoff, studySvg } from '../../study/results.ts';
import type { StudyCells, StudyRow } from '../../study/results.ts';
import { planStudy, studyNames } from '../../study/study.ts';
import type { StudyPart, StudyPlan } from '../../study/study.ts';
import {
  choice,
  engineFlags,
  engineHelp,
  engineOf,
  openStoreFor,
  PausedError,
  parse,
  printJson,
  storeHelp,
  storeOptions,
  makeFolder,
} from '../command.ts';
import type { Command } from '../command.ts';
import { formatDuration, formatTable } from '../format.ts';
import { ProgressLine } from '../progress.ts';
import { onInterrupt, pauseGrace } from './run.ts';
import { onPauseSignal } from '../../jobs/signals.ts';

const help = `Usage: covature reproduce [--study quick|full] [options]

The paper as a built-in study: {MNIST, Fashion-MNIST, CIFAR-10 where present, glyphs} x {MLP, CNN, ResNet, ViT} x {cross-entropy, MSE} x seeds.
Every run is stored; what is there already is not run again, so an interrupted study goes on. Ends in one table and one figure of gamma per layer.

  --study NAME     quick (default; minutes) or full (8,000 samples, 20 epochs, 5 seeds; hours)
  --data DIR       a folder with "mnist", "fashion-mnist" or "cifar-10" below it, complete or in part (CIFAR-10: any of its batches)
  --out DIR        folder for the table (CSV) and the figure (SVG); default reproduce-NAME
${engineHelp}
${storeHelp}

Datasets that --data does not have are looked for in the store's folder "datasets" (see "covature datasets").`;

const options = {
  ...storeOptions,
  ...engineFlags,
  study: { type: 'string' },
  data: { type: 'string' },
  out: { type: 'string' },
} as const;

interface EngineValues {
  readonly blas?: string | undefined;
  readonly threads?: string | undefined;
}

export const reproduce: Command = {
  help,
  options,
  run: async (argv) => {
    const { values } = parse(argv, options, [0, 0]);
    const name = choice(values.study, 'study', studyNames) ?? 'quick';
    const began = performance.now();
    const folder = path.resolve(values.out ?? `reproduce-${name}`);
    makeFolder(folder);
    using store = openStoreFor(values, false);
    const own = values.data === undefined ? undefined : path.resolve(values.data);
    const plan = await planStudy(name, dataFolderOf(store), own);
    for (const { dataset, reason } of plan.absent) process.stderr.write(`without ${dataset}: ${reason}\n`);
    const rows = await new StudyRunner(store, plan, values).run();
    const files = [path.join(folder, 'gamma.csv')];
    await writeFileAtomic(files[0], studyCsv(rows));
    const svg = studySvg(rows, loadFonts());
    if (svg !== null) {
      files.push(path.join(folder, 'gamma.svg'));
      await writeFileAtomic(files[1], svg);
    }
    if (values.json === true) printJson({ study: name, absent: plan.absent, files, results: rows.map(cellsOf) });
    else {
      const took = formatDuration((performance.now() - began) / 1000);
      process.stdout.write(`${studyText(rows)}\n${plan.parts.length} runs in ${took}\n${files.join('\n')}\n`);
    }
    return rows.some((row) => row.run.status !== 'done') ? 1 : 0;
  },
};

/** Parts done and left, with the time that they leave. */
class StudyRunner {
  readonly #store: Store;
  readonly #plan: StudyPlan;
  readonly #values: EngineValues;
  readonly #progress = new ProgressLine();
  /** Seconds of parts by network and dataset: one of a kind says what the next of it will take. */
  readonly #took = new Map<string, number>();

  constructor(store: Store, plan: StudyPlan, values: EngineValues) {
    this.#store = store;
    this.#plan = plan;
    this.#values = values;
  }

  async run(): Promise<StudyRow[]> {
    const rows: StudyRow[] = [];
    for (const [index, part] of this.#plan.parts.entries()) {
      const run = await this.#part(part, index);
      const found = this.#store.measurements(run.id);
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
    this.#progress.clear();
    return rows;
  }

  /** The stored run of a part: as it is when done, resumed when unfinished, else started. */
  async #part(part: StudyPart, index: number): Promise<RunRecord> {
    const store = this.#store;
    const record = this.#known(part);
    if (record !== undefined && (record.status === 'done' || record.status === 'diverged')) return record;
    const began = performance.now();
    const { parts } = this.#plan;
    const common = {
      engine: engineOf(this.#values),
      baseFolder: process.cwd(),
      onEvent: (event: Parameters<ProgressLine['onEvent']>[0]) => {
        if (event.kind === 'progress') {
          const left = event.secondsLeft === null ? null : this.#left(index, began, event.secondsLeft);
          const stage = `${index + 1} of ${parts.length}, ${part.experiment.name}: ${event.stage}`;
          this.#progress.show(stage, (index + event.share) / parts.length, left);
        } else if (event.kind !== 'forecast') this.#progress.onEvent(event);
      },
    };
    const started = record === undefined ? startRun(store, part.experiment, common) : resumeRun(store, record, common);
    store.tagRuns([started.id], { add: [this.#plan.tag] });
    const stop = onInterrupt(() => {
      started.job.cancel();
    });
    const stopPausing = onPauseSignal(() => {
      started.job.pause(pauseGrace);
    });
    const end = await started.done.finally(() => {
      stop();
      stopPausing();
    });
    if (store.getRun(started.id)?.status === 'paused') {
      this.#progress.clear();
      throw new PausedError('paused; the same command goes on from here');
    }
    if (end.kind === 'lost' && !end.cancelled) throw new Error(end.message);
    if (end.kind === 'lost' || (end.kind === 'ended' && end.event.outcome === 'cancelled')) {
      this.#progress.clear();
      throw new Error('cancelled; the same command goes on from here');
    }
    this.#took.set(kindOf(part), (performance.now() - began) / 1000);
    const run = store.getRun(started.id);
    if (run === undefined) throw new Error(`run ${started.id} is gone from the store`);
    return run;
  }

  /** The run that has the experiment of a part, among those of the study. */
  #known(part: StudyPart): RunRecord | undefined {
    const store = this.#store;
    const wanted = JSON.stringify(part.experiment);
    const { rows } = store.listRuns({ tags: [this.#plan.tag], text: part.experiment.name, limit: 1000 });
    return rows
      .filter((row) => row.name === part.experiment.name && row.seed === part.seed)
      .map((row) => store.getRun(row.id))
      .find((run) => run !== undefined && JSON.stringify(run.experiment) === wanted);
  }

  /** Seconds left of the whole study, from what parts of each kind took; like the mean of the known ones where a kind has not come yet. */
  #left(index: number, began: number, ofThis: number): number {
    const total = (performance.now() - began) / 1000 + ofThis;
    const known = [...this.#took.values(), total];
    const mean = known.reduce((sum, seconds) => sum + seconds, 0) / known.length;
    const here = kindOf(this.#plan.parts[index]);
    return this.#plan.parts.slice(index + 1).reduce((left, part) => {
      const kind = kindOf(part);
      return left + (this.#took.get(kind) ?? (kind === here ? total : mean));
    }, ofThis);
  }
}

const kindOf = (part: StudyPart): string => `${part.dataset}, ${part.architecture}`;

const heads = [
  'dataset',
  'network',
  'loss',
  'seed',
  'layer',
  'method',
  'n',
  'decades',
  'gamma',
  '95 %',
  'gamma_Q',
  'C on Q',
  'cross-fitted',
  'calibrated',
  'accuracy',
  '',
];

function studyText(rows: readonly StudyRow[]): string {
  const table = rows.map((row) => {
    const cells: StudyCells = cellsOf(row);
    const interval =
      cells.gamma_low === null || cells.gamma_high === null
        ? '-'
        : `${shown(cells.gamma_low, 2)} to ${shown(cells.gamma_high, 2)}`;
    return [
      cells.dataset,
      cells.network,
      cells.loss === 'mse' ? 'MSE' : 'CE',
      String(cells.seed),
      cells.layer.replace('.kernel', ''),
      cells.method,
      cells.directions === null ? '-' : String(Math.round(cells.directions)),
      shown(cells.decades, 1),
      shown(cells.gamma, 3),
      interval,
      shown(cells.gamma_Q, 3),
      shown(cells.C_on_Q, 3),
      shown(cells.cross_fitted_gamma, 3),
      shown(cells.calibrated_gamma, 3),
      cells.accuracy === null ? '-' : `${(100 * cells.accuracy).toFixed(1)} %`,
      cells.remark,
    ];
  });
  return `${formatTable(heads, table)}
least squares above ${studyCutoff} of the largest eigenvalue; rows with a remark are not in the figure`;
}

function shown(value: number | null, digits: number): string {
  return value === null ? '-' : value.toFixed(digits);
}
