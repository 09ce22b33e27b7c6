/** covature reproduce */
import * as path from 'node:path';
import * as v from 'valibot';
import { integer } from '../../../shared/validation.ts';
import { writeFileAtomic } from '../../../data/files.ts';
import { loadFonts } from '../../figures/fonts.ts';
import { dataFolderOf, resumeRun, startRun } from '../../services/runs.ts';
import type { RunRecord, Store } from '../../store/index.ts';
import { cellsOf, shortLoss, studyCsv, studyCutoff, studySvg } from '../../study/results.ts';
import type { StudyCells, StudyRow } from '../../study/results.ts';
import { renderSvg } from '../../../shared/figures/svg.ts';
import {
  planSettingsStudy,
  settingNames,
  settingsCells,
  settingsCsv,
  settingsFigure,
  settingsLack,
  wholeSettings,
} from '../../study/settings-study.ts';
import type { SettingsRow, SettingsScale } from '../../study/settings-study.ts';
import { planStudy, studyLacks, studyNames } from '../../study/study.ts';
import type { StudyPart, StudyPlan } from '../../study/study.ts';
import { PausedError, engineFlags, engineOf, makeFolder, openStoreFor, printJson, storeFlags } from '../command.ts';
import type { Command } from '../command.ts';
import { flagsHelp, parse } from '../flags.ts';
import type { Flags, FlagValues } from '../flags.ts';
import { UsageError } from '../usage-error.ts';
import { formatDuration, formatFixed, formatTable } from '../format.ts';
import { ProgressLine } from '../progress.ts';
import { untilEnded } from '../signals.ts';

/** Names of settings as words of a command line; "none" for only the base over training. */
const varyWords = ['none', ...settingNames.map((name) => name.replaceAll(' ', '-'))];

const flags = {
  study: {
    schema: v.optional(v.picklist(studyNames), 'quick'),
    value: 'NAME',
    help: 'which',
    meanings: {
      quick: 'minutes',
      full: "8,000 samples, 20 epochs, 5 seeds, the MLPs' first layer too; hours",
      settings:
        'what gamma depends on: over training, batch size, width, learning rate, label noise, loss; an MLP on MNIST, else on glyphs; 8,000 samples, 5 seeds; 55 runs',
    },
  },
  samples: {
    schema: integer(8),
    value: 'N',
    help: 'of the study settings: samples to train and measure on',
    otherwise: '8000',
  },
  seeds: {
    schema: v.array(integer(0)),
    commas: true,
    value: 'N',
    help: 'of the study settings',
    otherwise: '1,2,3,4,5',
  },
  vary: {
    schema: v.array(v.picklist(varyWords)),
    commas: true,
    value: 'NAME',
    help: 'of the study settings, which settings are varied (none: the base over training alone); what is left out is stated beside the figure',
    otherwise: 'all',
  },
  data: {
    schema: v.string(),
    value: 'DIR',
    help: 'a folder with "mnist", "fashion-mnist" or "cifar-10" below it, complete or in part (CIFAR-10: any of its batches)',
  },
  out: {
    schema: v.string(),
    value: 'DIR',
    help: 'folder for the table (CSV) and the figure (SVG)',
    otherwise: 'reproduce-NAME',
  },
  ...engineFlags,
  ...storeFlags,
} as const satisfies Flags;

const help = `Usage: covature reproduce [--study quick|full|settings] [options]

The paper as a built-in study: {MNIST, Fashion-MNIST, CIFAR-10 where present, glyphs} x {MLP, CNN, ResNet, ViT} x {cross-entropy, MSE; in full binary cross-entropy
too} x seeds.
Every run is stored; what is there already is not run again, so an interrupted study goes on. Ends in one table and one figure of gamma per layer.

${flagsHelp(flags)}

Datasets that --data does not have are looked for in the store's folder "datasets" (see "covature datasets").`;

export const reproduce: Command = {
  help,
  flags,
  run: async (argv) => {
    const { values } = parse(argv, flags, [0, 0]);
    const name = values.study;
    const { samples, seeds } = values;
    const vary = values.vary && settingNames.filter((setting) => values.vary?.includes(setting.replaceAll(' ', '-')));
    if (name !== 'settings' && (samples !== undefined || seeds !== undefined || vary !== undefined))
      throw new UsageError('--samples, --seeds and --vary are of --study settings');
    const began = performance.now();
    const folder = path.resolve(values.out ?? `reproduce-${name}`);
    makeFolder(folder);
    using store = openStoreFor(values, false);
    const dataRoot = values.data === undefined ? undefined : path.resolve(values.data);
    if (name === 'settings')
      return await reproduceSettings(store, values, {
        folder,
        own: dataRoot,
        began,
        scale: {
          train: samples ?? wholeSettings.train,
          seeds: seeds ?? wholeSettings.seeds,
          vary,
        },
      });
    const plan = await planStudy(name, dataFolderOf(store), dataRoot);
    for (const { dataset, reason } of plan.absent) process.stderr.write(`without ${dataset}: ${reason}\n`);
    const rows = await new StudyRunner(store, plan, values).run();
    const files = [path.join(folder, 'gamma.csv')];
    await writeFileAtomic(files[0], studyCsv(rows));
    const svg = studySvg(rows, loadFonts(), studyLacks[name]);
    if (svg !== null) {
      files.push(path.join(folder, 'gamma.svg'));
      await writeFileAtomic(files[1], svg);
    }
    if (values.json) printJson({ study: name, absent: plan.absent, files, results: rows.map(cellsOf) });
    else {
      const took = formatDuration((performance.now() - began) / 1000);
      process.stdout.write(`${studyText(rows)}\n${plan.parts.length} runs in ${took}\n${files.join('\n')}\n`);
    }
    return rows.some((row) => row.run.status !== 'done') ? 1 : 0;
  },
};

/** The study of settings: its own table and figure. */
async function reproduceSettings(
  store: Store,
  values: FlagValues<typeof flags>,
  {
    folder,
    own,
    began,
    scale,
  }: {
    readonly folder: string;
    readonly own: string | undefined;
    readonly began: number;
    readonly scale: SettingsScale;
  },
): Promise<number> {
  const plan = await planSettingsStudy(dataFolderOf(store), own, scale);
  const lack = settingsLack(scale);
  for (const { dataset, reason } of plan.absent) process.stderr.write(`without ${dataset}: ${reason}\n`);
  const runner = new StudyRunner(store, plan, values);
  const rows: SettingsRow[] = [];
  let failed = false;
  for (const [index, part] of plan.parts.entries()) {
    const run = await runner.part(part, index);
    failed ||= run.status !== 'done';
    for (const { parameter, epoch, summary } of store.measurements(run.id))
      rows.push({ part, parameter, epoch, summary });
  }
  runner.progress.clear();
  const files = [path.join(folder, 'settings.csv')];
  await writeFileAtomic(files[0], settingsCsv(rows));
  const figure = settingsFigure(rows, lack);
  if (figure !== null) {
    files.push(path.join(folder, 'settings.svg'));
    await writeFileAtomic(files[1], renderSvg(figure, loadFonts()));
  }
  const cells = settingsCells(rows);
  if (values.json) printJson({ study: 'settings', absent: plan.absent, left_out: lack, files, results: cells });
  else {
    // If not every seed has a value, their number is stated.
    const over = (found: (typeof cells)[number]['gamma'], all: number): string =>
      found === null
        ? '-'
        : `${found.mean.toFixed(3)}${found.standard_deviation === null ? '' : ` ± ${found.standard_deviation.toFixed(3)}`}${found.n < all ? ` (of ${found.n})` : ''}`;
    const table = cells.map((each) => {
      const text = (found: (typeof cells)[number]['gamma']) => over(found, each.gamma?.n ?? 0);
      return [
        each.setting, String(each.value), each.layer.replace('.kernel', ''), each.method, String(Math.round(each.directions)), each.cutoff_in_force.toPrecision(2),
        text(each.gamma), text(each.cross_fitted_gamma), text(each.calibrated_gamma), text(each.gamma_Q), text(each.C_on_Q),
      ]; // prettier-ignore
    });
    const head = [
      'setting',
      'value',
      'layer',
      'method',
      'n',
      'cutoff',
      'gamma',
      'cross-fitted',
      'calibrated',
      'gamma_Q',
      'C on Q',
    ];
    const took = formatDuration((performance.now() - began) / 1000);
    process.stdout.write(
      `${formatTable(head, table)}\nmean ± standard deviation over seeds; least squares; cutoff: the one in force\n${lack === null ? '' : `${lack}\n`}${plan.parts.length} runs in ${took}\n${files.join('\n')}\n`,
    );
  }
  return failed ? 1 : 0;
}

/** Parts done and left, with the time remaining. */
class StudyRunner {
  readonly #store: Store;
  readonly #plan: StudyPlan;
  readonly #values: FlagValues<typeof engineFlags>;
  readonly progress = new ProgressLine();
  /** Seconds of parts by network and dataset: a finished part predicts the next of its kind. */
  readonly #took = new Map<string, number>();

  constructor(store: Store, plan: StudyPlan, values: FlagValues<typeof engineFlags>) {
    this.#store = store;
    this.#plan = plan;
    this.#values = values;
  }

  async run(): Promise<StudyRow[]> {
    const rows: StudyRow[] = [];
    for (const [index, part] of this.#plan.parts.entries()) {
      const run = await this.part(part, index);
      const measurements = this.#store.measurements(run.id);
      for (const parameter of part.experiment.measurements.flatMap(({ parameters }) => parameters)) {
        const measurement = measurements.find((each) => each.parameter === parameter);
        rows.push({
          part,
          run,
          parameter,
          summary: measurement?.summary ?? null,
          error: measurement?.error ?? run.error,
        });
      }
    }
    this.progress.clear();
    return rows;
  }

  /** The stored run of a part: as it is when done, resumed when unfinished, else started. */
  async part(part: StudyPart, index: number): Promise<RunRecord> {
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
          this.progress.show(stage, (index + event.share) / parts.length, left);
        } else if (event.kind !== 'forecast') this.progress.onEvent(event);
      },
    };
    const started = record === undefined ? startRun(store, part.experiment, common) : resumeRun(store, record, common);
    store.tagRuns([started.id], { add: [this.#plan.tag] });
    const { end } = await untilEnded(started);
    if (store.getRun(started.id)?.status === 'paused') {
      this.progress.clear();
      throw new PausedError('paused; the same command continues from here');
    }
    if (end.kind === 'lost' && !end.cancelled) throw new Error(end.message);
    if (end.kind === 'lost' || (end.kind === 'ended' && end.event.outcome === 'cancelled')) {
      this.progress.clear();
      throw new Error('cancelled; the same command continues from here');
    }
    this.#took.set(kindOf(part), (performance.now() - began) / 1000);
    const run = store.getRun(started.id);
    if (run === undefined) throw new Error(`run ${started.id} is gone from the store`);
    return run;
  }

  /** The run that has the experiment of a part, among those of the study. */
  #known(part: StudyPart): RunRecord | undefined {
    const store = this.#store;
    const specification = JSON.stringify(part.experiment);
    const { rows } = store.listRuns({ tags: [this.#plan.tag], text: part.experiment.name, limit: 1000 });
    return rows
      .filter((row) => row.name === part.experiment.name && row.seed === part.seed)
      .map((row) => store.getRun(row.id))
      .find((run) => run !== undefined && JSON.stringify(run.experiment) === specification);
  }

  /** Seconds left of the whole study, from what parts of each kind took; a kind that has not run yet counts as the mean of the known ones. */
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
        : `${formatFixed(cells.gamma_low, 2)} to ${formatFixed(cells.gamma_high, 2)}`;
    return [
      cells.dataset,
      cells.network,
      shortLoss(row.part.loss),
      String(cells.seed),
      cells.layer.replace('.kernel', ''),
      cells.method,
      cells.directions === null ? '-' : String(Math.round(cells.directions)),
      formatFixed(cells.decades, 1),
      formatFixed(cells.gamma),
      interval,
      formatFixed(cells.gamma_Q),
      formatFixed(cells.C_on_Q),
      formatFixed(cells.cross_fitted_gamma),
      formatFixed(cells.calibrated_gamma),
      cells.accuracy === null ? '-' : `${(100 * cells.accuracy).toFixed(1)} %`,
      cells.remark,
    ];
  });
  return `${formatTable(heads, table)}
least squares above ${studyCutoff} of the largest eigenvalue; rows with a remark are not in the figure`;
}
