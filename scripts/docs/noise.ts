/**
 * The tables and figures of docs/noise.md from a store with the runs of docs/noise/*.json, with several seeds each:
 *   covature run docs/noise/mse.json --seeds 1,2,3,4,5      (and the others)
 *   node scripts/docs/noise.ts STORE
 * prints the tables in Markdown and writes docs/images/noise. Experiments that were not run are left out, and the script says so.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseExperiment, type Experiment } from '../../src/shared/experiment.ts';
import { definedNoise } from '../../src/shared/defined-extras.ts';
import { findRow, headlineCutoff } from '../../src/shared/estimands.ts';
import { finish, type Draft } from '../../src/shared/figures/figures/common.ts';
import type { Mark, Panel } from '../../src/shared/figures/types.ts';
import { statisticsOf } from '../../src/shared/group-statistics.ts';
import { modeNames, samplingModes } from '../../src/shared/minibatch.ts';
import {
  batchFactor,
  linearlyStableRate,
  oneStepChange,
  residualSlope,
  stableRate,
} from '../../src/shared/noise-at-work.ts';
import type { MeasurementSummary } from '../../src/shared/results.ts';
import type { FluctuationMode } from '../../src/shared/weight-fluctuations.ts';
import { exportFigure } from '../../src/main/figures/export.ts';
import { loadFonts } from '../../src/main/figures/fonts.ts';
import { openStore, type RunRecord } from '../../src/main/store/index.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = process.argv[2];
if (folder === undefined) throw new Error('usage: node scripts/docs/noise.ts STORE');
const images = join(root, 'docs/images/noise');
mkdirSync(images, { recursive: true });

const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

interface Measured {
  readonly run: RunRecord;
  readonly experiment: Experiment;
  readonly summary: MeasurementSummary;
}

using store = openStore(folder, { readOnly: true });
const titles = {
  mse: 'mean squared error',
  'cross-entropy': 'cross-entropy',
} as const;
type Setup = keyof typeof titles;
const layers = ['fc2.kernel', 'fc3.kernel'] as const;

/** The finished runs of an experiment that measured a layer, by seed. */
function measured(setup: Setup, layer: string): Measured[] {
  const { name } = JSON.parse(readFileSync(join(root, `docs/noise/${setup}.json`), 'utf8')) as { name: string };
  const runs = store.listRuns({ limit: 1000 }).rows.filter((row) => row.name === name && row.status === 'done');
  return runs
    .map(({ id }) => store.findRun(id))
    .flatMap((run) => {
      const summary = store.measurements(run.id).find(({ parameter }) => parameter === layer)?.summary;
      return summary ? [{ run, summary, experiment: parseExperiment(run.experiment) }] : [];
    })
    .sort((a, b) => a.experiment.seed - b.experiment.seed);
}

/** Mean and 95 % interval of the mean over seeds (Student), with the digits that the interval allows. */
function over(values: readonly (number | null | undefined)[]): string {
  const found = values.filter((each): each is number => typeof each === 'number' && Number.isFinite(each));
  if (found.length === 0) return '–';
  const { mean, interval } = statisticsOf(found);
  const half = interval === null ? 0 : (interval[1] - interval[0]) / 2;
  const text = half === 0 ? plain(mean, Math.abs(mean) / 100) : `${plain(mean, half)} ± ${plain(half, half)}`;
  return found.length === values.length ? text : `${text} (${found.length} of ${values.length} seeds)`;
}

/** A number rounded to two digits of its error. */
function plain(value: number, error: number): string {
  const size = Math.abs(value);
  if (value === 0 || Number.isInteger(value)) return `${value}`;
  if (size < 1e-3 || size >= 1e5) return value.toExponential(1).replaceAll('-', '−');
  const digits = error > 0 ? Math.max(0, Math.min(6, 1 - Math.floor(Math.log10(error)))) : 3;
  return value.toFixed(digits).replaceAll('-', '−');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): void {
  print(`\n| ${head.join(' | ')} |`);
  print(`|${' --- |'.repeat(head.length)}`);
  for (const row of rows) print(`| ${row.join(' | ')} |`);
}

/** The run's test loss minus its training loss. */
function gap({ run, summary }: Measured): number | null {
  const test = run.values['test_loss']?.value;
  return typeof test === 'number' ? test - summary.loss : null;
}

const columns = (['mse', 'cross-entropy'] as const)
  .flatMap((setup) => layers.map((layer) => ({ setup, layer, found: measured(setup, layer) })))
  .filter(({ found }) => found.length > 0);

function seedsText(found: readonly Measured[]): string {
  return found.length === 1 ? 'one seed' : `${found.length} seeds`;
}

function noiseTable(): void {
  const cells = (of: (each: Measured) => number | null | undefined): string[] =>
    columns.map(({ found }) => over(found.map(of)));
  const head = [
    '',
    ...columns.map(
      ({ setup, layer, found }) => `${titles[setup]}, ${layer.replace('.kernel', '')} (${found.length} seeds)`,
    ),
  ];
  const noise = ({ summary }: Measured) => summary.noise_at_work!;
  const defined = (each: Measured) => definedNoise(each.summary, noise(each));
  const p = ({ experiment, summary }: Measured) => batchFactor(experiment.batch_size, summary.samples);
  const row = (each: Measured) => findRow(each.summary.gamma.training_set, headlineCutoff);
  const mechanism = (each: Measured) => each.summary.mechanism && findRow(each.summary.mechanism.rows, headlineCutoff);
  table(head, [
    ['loss reached', ...cells(({ summary }) => summary.loss)],
    ['tr C / ((2L/K) tr H)', ...cells((each) => defined(each).scaledTrace)],
    ['alignment K tr(CH) / (2L ‖H‖²)', ...cells((each) => defined(each).alignment)],
    ['left of the slope, γ − 1', ...cells(({ summary }) => residualSlope(summary))],
    ['C/H: geometric mean over the directions', ...cells((each) => Math.exp(row(each)?.gamma.level ?? NaN))],
    ['2L/K', ...cells((each) => (2 * each.summary.loss) / noise(each).outputs)],
    ['C/Q: geometric mean', ...cells((each) => Math.exp(row(each)?.C_on_Q.level ?? NaN))],
    ['λ_max(H)', ...cells(({ summary }) => summary.eigenvalues.largest)],
    ['λ_max(Q − H²)', ...cells((each) => noise(each).curvature_variance)],
    ['bound on η, batches of 50', ...cells((each) => stableRate(each.summary.eigenvalues.largest, noise(each).curvature_variance, p(each)))],
    ['largest linearly stable η, batches of 50', ...cells((each) => linearlyStableRate(noise(each).linear_stability, each.experiment.batch_size)?.low)],
    ['Σ C_ii/H_ii / P above 1e-2 H₁₁', ...cells((each) => { const found = findRow(noise(each).takeuchi, headlineCutoff); return found && found.sum / each.summary.samples; })],
    ['test minus training loss', ...cells(gap)],
    ['largest eigenvalue of h_p, median over samples', ...cells(({ summary }) => summary.mechanism?.spectra[0].largest.median)],
    ['effective rank of h_p, median', ...cells(({ summary }) => summary.mechanism?.spectra[0].effective_rank.median)],
    ['γ_Q − 1', ...cells((each) => mechanism(each)?.slope)],
    ['the same with λ permuted over samples', ...cells((each) => mechanism(each)?.permuted)],
  ]); // prettier-ignore
}

function fluctuationTables(): void {
  const found = (['mse', 'cross-entropy'] as const)
    .map((setup) => ({
      setup,
      all: measured(setup, 'fc3.kernel').filter(({ summary }) => summary.weight_fluctuations !== undefined),
    }))
    .filter(({ all }) => all.length > 0);
  const rows = found.flatMap(({ setup, all }) =>
    samplingModes.map((mode) => {
      const modes = all.map(({ summary }) => summary.weight_fluctuations!.modes.find((each) => each.mode === mode)!);
      const count = (state: FluctuationMode['state'][number]) =>
        over(modes.map((each) => each.state.filter((own) => own === state).length));
      return [
        titles[setup], modeNames[mode], count('answered'), count('drifting'), over(modes.map((each) => each.median_ratio)),
        over(modes.map((each) => each.slope.slope)), over(modes.map((each) => each.predicted_slope.slope)),
        over(modes.map((each) => each.components?.on_flatness.slope)), over(modes.map((each) => each.components?.random_walk_on_flatness.slope)),
        over(modes.map((each) => each.components?.predicted_on_flatness.slope)),
      ]; // prettier-ignore
    }),
  );
  table(
    [
      '',
      'sampling',
      'directions with an answer, of 100',
      'drifting',
      'measured / predicted, median',
      'slope of variance on H',
      'predicted',
      'variance on flatness',
      'random walk',
      'predicted from C and H',
    ],
    rows,
  );
  table(
    ['', ...found.map(({ setup, all }) => `${titles[setup]} (${seedsText(all)})`)],
    [
      ['batch sharpness, whole network', ...found.map(({ all }) => over(all.map(({ summary }) => summary.weight_fluctuations!.batch_sharpness.network.value)))],
      ['batch sharpness, fc3 alone', ...found.map(({ all }) => over(all.map(({ summary }) => summary.weight_fluctuations!.batch_sharpness.parameter.value)))],
      ['2 / η', ...found.map(({ all }) => over(all.map(({ summary }) => 2 / summary.weight_fluctuations!.learning_rate)))],
      ['one step: measured / expected from C and H', ...found.map(({ all }) => over(all.map(stepRatio)))],
      ['one step: beyond second order / measured', ...found.map(({ all }) => over(all.map(({ summary }) => { const { measured: whole, difference } = summary.weight_fluctuations!.one_step; return difference.value / whole.value; })))],
    ],
  ); // prettier-ignore
}

function stepRatio({ summary }: Measured): number {
  const { learning_rate: rate, batch_size: batch, population, one_step } = summary.weight_fluctuations!;
  const expected = oneStepChange(
    summary.noise_at_work!,
    summary.norm_mean_gradient,
    rate,
    batchFactor(batch, population),
  );
  return one_step.measured.value / expected.total;
}

const fonts = loadFonts();
async function draw(name: string, draft: Draft): Promise<void> {
  const spec = finish(draft, { width_mm: 180, preset: 'prl-1' });
  const { files, warnings } = await exportFigure({ spec }, name, ['svg'], fonts, { reopenable: false });
  for (const warning of warnings) console.error(`${name}: ${warning}`);
  writeFileSync(join(images, files[0].name), files[0].content);
}

/** Ratio of measured to predicted variance against curvature, with a panel for each mode of sampling and a colour for each seed. */
async function fluctuationFigure(): Promise<void> {
  const all = measured('mse', 'fc3.kernel').filter(({ summary }) => summary.weight_fluctuations !== undefined);
  if (all.length === 0) return;
  const panels = samplingModes.map((mode, column): Panel => {
    const marks: Mark[] = all.map(({ experiment, summary }, slot) => {
      const found = summary.weight_fluctuations!.modes.find((each) => each.mode === mode)!;
      const used = found.state.flatMap((state, i) => (state === 'answered' ? [i] : []));
      const ratio = (i: number): number => found.measured[i] / (found.predicted[i] ?? NaN);
      const half = (i: number): number => (1.96 * found.standard_error[i] * ratio(i)) / found.measured[i];
      return {
        kind: 'points',
        name: `seed_${experiment.seed}`,
        x: used.map((i) => found.H[i]),
        y: used.map(ratio),
        yLow: used.map((i) => ratio(i) - half(i)),
        yHigh: used.map((i) => ratio(i) + half(i)),
        colour: slot,
        size: 3,
        what: 'directions',
        label: `seed ${experiment.seed}`,
      };
    });
    marks.push({ kind: 'rule', name: 'predicted', axis: 'y', value: 1, colour: 'ink' });
    return {
      row: 0,
      column,
      title: modeNames[mode],
      x: { scale: 'log', label: 'curvature $h_i$' },
      y: { scale: 'linear', label: 'variance, measured / predicted' },
      marks,
    };
  });
  await draw('fluctuations', {
    kind: 'noiseFluctuations',
    title: 'Variance of the last layer while SGD goes on, over what C and H predict',
    description: 'Measured over predicted variance of w . v_i against curvature, by mode of sampling and seed.',
    panels,
    columns: panels.length,
    shareY: true,
    notes: ['mean squared error, last layer, the others held; bars: 1.96 standard errors over 64 blocks of steps'],
  });
}

/** The largest linearly stable learning rate against the batch size. */
async function stabilityFigure(): Promise<void> {
  const panels = (['mse', 'cross-entropy'] as const).flatMap((setup): Panel[] => {
    const own = columns.filter((each) => each.setup === setup);
    if (own.length === 0) return [];
    const marks: Mark[] = own.flatMap(({ layer, found }, slot) =>
      found.map(({ experiment, summary }, k): Mark => {
        const rates = summary.noise_at_work!.linear_stability?.rates ?? [];
        return {
          kind: 'line',
          name: `${layer.replace('.kernel', '')}_seed_${experiment.seed}`,
          x: rates.map(({ batch }) => batch),
          y: rates.map(({ rate }) => rate),
          colour: slot,
          width: 0.8,
          what: 'batch sizes',
          ...(k === 0 && { label: `${layer.replace('.kernel', '')}, ${seedsText(found)}` }),
        };
      }),
    );
    const [{ experiment }] = own[0].found;
    marks.push({
      kind: 'points',
      name: 'used',
      x: [experiment.batch_size],
      y: [experiment.optimiser.lr],
      colour: 'ink',
      marker: 'cross',
      size: 6,
      label: 'used in training',
    });
    return [
      {
        row: 0,
        column: 0,
        title: titles[setup],
        x: { scale: 'log', label: 'batch size $B$' },
        y: { scale: 'log', label: 'largest stable $\\eta$' },
        marks,
      },
    ];
  });
  if (panels.length === 0) return;
  await draw('stability', {
    kind: 'noiseStability',
    title: 'Largest linearly stable learning rate by batch size',
    description:
      'The largest learning rate at which one layer is linearly stable under sampling, against the batch size, for every seed.',
    panels: panels.map((panel, column) => ({ ...panel, column })),
    columns: panels.length,
    notes: ['of one layer, the others held; a sufficient condition'],
  });
}

noiseTable();
fluctuationTables();
await fluctuationFigure();
await stabilityFigure();
