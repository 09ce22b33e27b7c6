/** The end of the study: its table and its figure. */
import type { CutoffRow } from '../../shared/slopes.ts';
import { findRow, isSameCutoff } from '../../shared/estimands.ts';
import { gammaPerLayer } from '../../shared/figures/figures/gamma.ts';
import { composePanels } from '../../shared/figures/figures/panels.ts';
import { renderSvg } from '../../shared/figures/svg.ts';
import type { FontLibrary } from '../../shared/figures/fonts/library.ts';
import type { FigureSpec } from '../../shared/figures/types.ts';
import type { LossName } from '../../shared/model.ts';
import type { MeasurementSummary } from '../../shared/results.ts';
import { definedPair } from '../../shared/rounding.ts';
import type { RunRecord } from '../store/index.ts';
import { architectures } from './architectures.ts';
import type { StudyPart } from './study.ts';

/** The cutoff of the table and the figure, relative to the largest eigenvalue. */
export const studyCutoff = 1e-2;
/** Below these a slope says nothing: the figure leaves it out, the table marks it. */
const fewestDirections = 10;
const fewestDecades = 1;
/** And an interval wider than what it should decide between. */
const widestInterval = 2;

/** One measured parameter of one run. */
export interface StudyRow {
  readonly part: StudyPart;
  readonly run: RunRecord;
  readonly parameter: string;
  readonly summary: MeasurementSummary | null;
  /** Why it was not measured. */
  readonly error: string | null;
}

export interface StudyCells {
  readonly dataset: string;
  readonly network: string;
  readonly loss: string;
  readonly seed: number;
  readonly layer: string;
  readonly method: string;
  readonly directions: number | null;
  readonly decades: number | null;
  readonly gamma: number | null;
  readonly gamma_low: number | null;
  readonly gamma_high: number | null;
  readonly gamma_Q: number | null;
  readonly C_on_Q: number | null;
  readonly cross_fitted_gamma: number | null;
  /** The cross-fitted exponent without leakage; null if it was not calibrated. */
  readonly calibrated_gamma: number | null;
  /** Root mean square residual of C on H, in decades. */
  readonly scatter: number | null;
  readonly commutator_ratio: number | null;
  readonly commutator_random: number | null;
  readonly loss_reached: number | null;
  readonly accuracy: number | null;
  /** Why the slopes are not to be relied on, or what went wrong. */
  readonly remark: string;
}

export function cellsOf({ part, run, parameter, summary, error }: StudyRow): StudyCells {
  const row = summary === null ? undefined : rowOf(summary.gamma.training_set);
  const crossed = summary === null ? undefined : rowOf(summary.gamma.cross_fitted);
  const interval = row?.gamma.interval?.ols ?? null;
  const ratio = summary === null ? null : definedPair(summary, 'commutator_ratio');
  const calibrated = summary?.calibration?.rows.find(({ cutoff }) => isSameCutoff(cutoff, studyCutoff))?.simulated;
  return {
    dataset: part.dataset,
    network: part.architecture,
    loss: part.loss,
    seed: part.seed,
    layer: parameter,
    method: summary?.method ?? '-',
    directions: row?.n ?? null,
    decades: row?.decades ?? null,
    gamma: row?.gamma.ols ?? null,
    gamma_low: interval?.[0] ?? null,
    gamma_high: interval?.[1] ?? null,
    gamma_Q: row?.gamma_Q.ols ?? null,
    C_on_Q: row?.C_on_Q.ols ?? null,
    cross_fitted_gamma: crossed?.gamma.ols ?? null,
    calibrated_gamma: calibrated?.value ?? null,
    scatter: row?.gamma.scatter ?? null,
    commutator_ratio: ratio,
    commutator_random: ratio === null ? null : (summary?.commutator_baseline.mean ?? null),
    loss_reached: run.values['loss']?.value ?? null,
    accuracy: run.values['accuracy']?.value ?? null,
    remark: summary === null ? (error ?? run.status) : remarkOn(row),
  };
}

function rowOf(rows: readonly CutoffRow[]): CutoffRow | undefined {
  return findRow(rows, studyCutoff);
}

function remarkOn(row: CutoffRow | undefined): string {
  if (row === undefined || row.n < 2) return 'no two directions above the cutoff';
  if (row.n < fewestDirections) return `only ${row.n} directions`;
  if ((row.decades ?? 0) < fewestDecades) return `only ${(row.decades ?? 0).toFixed(1)} decades`;
  const interval = row.gamma.interval?.ols;
  if (interval !== undefined && interval[1] - interval[0] > widestInterval) return 'the interval is too wide';
  return '';
}

/** Comma-separated, a line of heads first. */
export function studyCsv(rows: readonly StudyRow[]): string {
  const all = rows.map(cellsOf);
  const heads = Object.keys(all[0] ?? {});
  const quoted = (value: string | number | null): string =>
    typeof value === 'string' && /[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : String(value ?? '');
  return [heads.join(','), ...all.map((row) => Object.values(row).map(quoted).join(','))].join('\n') + '\n';
}

export interface StudyFigure {
  readonly spec: FigureSpec;
  /** Measurements that the figure leaves out, as the table says why. */
  readonly left: number;
}

/** gamma of every layer, seeds averaged: a row of panels a dataset, a panel a network; null if nothing can be shown. */
export function studyFigure(rows: readonly StudyRow[]): StudyFigure | null {
  const shown = rows.filter((row) => row.summary !== null && cellsOf(row).remark === '');
  if (shown.length === 0) return null;
  const datasets = [...new Set(shown.map((row) => row.part.dataset))];
  const columns = architectures.filter((each) => shown.some((row) => row.part.architecture === each));
  const panels = datasets.flatMap((dataset) =>
    columns.map((architecture) => {
      const measurements = shown
        .filter(({ part }) => part.dataset === dataset && part.architecture === architecture)
        .map(({ part, parameter, summary }) => {
          const label = `${parameter.replace('.kernel', '')}, ${shortLoss(part.loss)}`;
          return { summary: { ...summary!, parameter: label }, arrays: {} };
        });
      const panel = gammaPerLayer(measurements, {
        cutoff: studyCutoff,
        estimator: 'ols',
        y: { min: 0, max: 2.5 },
        title: `${datasetTitles[dataset] ?? dataset}, ${architectureTitles[architecture]}`,
      });
      return {
        ...panel,
        panels: panel.panels.map((each) => ({
          ...each,
          title: `${datasetTitles[dataset] ?? dataset}, ${architectureTitles[architecture]}`,
        })),
      };
    }),
  );
  const spec = composePanels(panels, {
    columns: columns.length,
    shareY: true,
    width_mm: 180,
    title: 'Exponent gamma per layer',
  });
  const left = rows.length - shown.length;
  const note = `least squares above ${studyCutoff} of the largest eigenvalue`;
  const without =
    left === 0
      ? []
      : [
          `${left} layers with fewer than ${fewestDirections} directions, less than ${fewestDecades} decade or an interval wider than ${widestInterval} are left out`,
        ];
  return { spec: { ...spec, notes: [...spec.notes, note, ...without] }, left };
}

/** @param note what the study leaves out, said beside its figure */
export function studySvg(rows: readonly StudyRow[], fonts: FontLibrary, note?: string): string | null {
  const figure = studyFigure(rows);
  if (figure === null) return null;
  const { spec } = figure;
  return renderSvg(note === undefined ? spec : { ...spec, notes: [...spec.notes, note] }, fonts);
}

/** As tables and figures name a loss. */
export function shortLoss(loss: LossName): string {
  return lossTitles[loss];
}

const lossTitles: Readonly<Record<LossName, string>> = {
  'cross-entropy': 'CE',
  mse: 'MSE',
  'binary-cross-entropy': 'BCE',
};

const datasetTitles: Readonly<Record<string, string>> = {
  mnist: 'MNIST',
  'fashion-mnist': 'Fashion-MNIST',
  'cifar-10': 'CIFAR-10',
  glyphs: 'glyphs',
};

const architectureTitles = { mlp: 'MLP', cnn: 'CNN', resnet: 'ResNet', vit: 'ViT' } as const;
