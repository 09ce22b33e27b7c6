/** The figures of a report: of runs side by side, and of each run. */
import type { ReportedRun, ReportFigure, ReportOptions, ReportSection } from './types.ts';
import type { FigureOptions } from '../figures/common.ts';
import { gammaAgainstCutoff, gammaPerLayer } from '../figures/gamma.ts';
import { composePanels } from '../figures/panels.ts';
import { scatterDiagonals, type ScatterOptions } from '../figures/scatter.ts';
import { spectra } from '../figures/spectra.ts';
import { learningCurves, trainingEvolution } from '../figures/training.ts';
import { letterOf } from '../layout/frames.ts';
import { plainLabel } from '../text/label.ts';
import type { FigureSpec } from '../types.ts';
import { extraFigures, extraTables } from './extras.ts';

function figureOptions(options: ReportOptions): FigureOptions {
  return { preset: 'neurips', ...options.figures, provenance: options.provenance };
}

/** The runs in one figure each: their curves, and their exponents per layer. */
export function comparison(runs: readonly ReportedRun[], options: ReportOptions): ReportSection[] {
  const figures: ReportFigure[] = [];
  const metrics = [...new Set(runs.flatMap((run) => Object.keys(run.curves ?? {})))];
  const curves = (metric: string): FigureSpec => {
    const groups = runs.flatMap((run) =>
      run.curves?.[metric] ? [{ label: plainLabel(run.name), runs: [run.curves[metric]] }] : [],
    );
    return learningCurves(groups, { ...figureOptions(options), metric });
  };
  if (metrics.length > 0)
    figures.push({
      make: () => inColumns(metrics.map(curves)),
      caption: `The runs over training: ${lettered(metrics)}.`,
    });
  const all = runs.flatMap((run) => run.measurements);
  if (all.length > 1)
    figures.push({
      make: () => gammaPerLayer(all, { ...figureOptions(options), ...cutoffOf(options) }),
      caption: 'Exponent per layer; runs that share a layer are averaged.',
    });
  return figures.length > 0 ? [{ heading: 'Side by side', figures }] : [];
}

/** Figures side by side in the width of the text; one alone keeps its size. */
function inColumns(figures: readonly FigureSpec[], options: { readonly legend?: 'none' } = {}): FigureSpec {
  return figures.length === 1 ? figures[0] : composePanels(figures, { columns: 2, width_mm: 168, ...options });
}

/** "(a) training loss, (b) test loss"; a single one by itself. */
function lettered(names: readonly string[]): string {
  return names.length === 1 ? names[0] : names.map((name, k) => `${letterOf(k, 'parentheses')} ${name}`).join(', ');
}

function cutoffOf(options: ReportOptions): { cutoff?: number } {
  return options.cutoff === undefined ? {} : { cutoff: options.cutoff };
}

/** All figures of a run, with the tables of each measurement. @param named beside other runs: headings carry its name, and it has no curves of its own */
export function runFigures(run: ReportedRun, named: boolean, options: ReportOptions): ReportSection[] {
  const base = figureOptions(options);
  const sections: ReportSection[] = [];
  const prefix = named ? `${plainLabel(run.name)}: ` : '';
  const training: ReportFigure[] = [];
  const curves = Object.entries(named ? {} : (run.curves ?? {}));
  if (curves.length > 0)
    training.push({
      make: () =>
        inColumns(
          curves.map(([metric, points]) =>
            learningCurves([{ label: plainLabel(run.name), runs: [points] }], { ...base, metric, legend: 'none' }),
          ),
          { legend: 'none' },
        ),
      caption: `Over training: ${lettered(curves.map(([metric]) => metric))}.`,
    });
  const { history } = run;
  if (history)
    training.push({
      make: () => trainingEvolution(history, { ...base, ...cutoffOf(options) }),
      caption: 'Exponent, sharpness, traces and loss over training.',
    });
  if (training.length > 0) sections.push({ heading: `${prefix}Training`, figures: training });
  if (!named && new Set(run.measurements.map(({ summary }) => summary.parameter)).size > 1)
    sections.push({
      heading: 'Layers',
      figures: [
        {
          make: () => gammaPerLayer(run.measurements, { ...base, ...cutoffOf(options) }),
          caption: 'Exponent per layer.',
        },
      ],
    });
  for (const measurement of run.measurements) {
    const figures: ReportFigure[] = [];
    const { arrays, summary } = measurement;
    const diagonals = arrays.eigenvalues && arrays.C_diagonal && arrays.Q_diagonal;
    const cutoff = cutoffOf(options);
    const scatter = (choice: ScatterOptions): FigureSpec =>
      scatterDiagonals(measurement, { ...base, ...cutoff, ...choice });
    if (diagonals) {
      const four = (): FigureSpec[] => [
        scatter({}),
        scatter({ pair: 'C_Q' }),
        scatter({ pair: 'Q_H' }),
        gammaAgainstCutoff(measurement, base),
      ];
      figures.push({
        make: () => composePanels(four(), { columns: 2, width_mm: 168 }),
        caption:
          '(a) Noise covariance against curvature. (b) Noise covariance against the mean squared per-sample Hessian: slope 1 if they are proportional. (c) Mean squared per-sample Hessian against curvature: the slope that the theory predicts. (d) Exponents as functions of the cutoff. Panels (a) to (c): training set.',
      });
      const crossed =
        arrays.cross_fitted_selection &&
        arrays.cross_fitted_H_diagonal &&
        arrays.cross_fitted_C_diagonal &&
        arrays.cross_fitted_Q_diagonal;
      const spectrum = (): FigureSpec => spectra(measurement, base);
      figures.push(
        crossed
          ? {
              make: () =>
                composePanels([scatter({ estimand: 'cross_fitted' }), spectrum()], { columns: 2, width_mm: 168 }),
              caption:
                '(a) Noise covariance against curvature, cross-fitted: directions from one half of the samples, values from the other. (b) Spectrum of H, and the diagonals of C and Q in its eigenbasis in decreasing order.',
            }
          : {
              make: spectrum,
              caption: 'Spectrum of H, and the diagonals of C and Q in its eigenbasis in decreasing order.',
            },
      );
    } else
      figures.push({
        make: () => gammaAgainstCutoff(measurement, base),
        caption: 'Exponents as functions of the cutoff.',
      });
    figures.push(...extraFigures(measurement, base, cutoff));
    sections.push({
      tables: extraTables(measurement, options.cutoff),
      heading: `${prefix}${plainLabel(summary.parameter)}${measurement.name === undefined ? '' : `, ${plainLabel(measurement.name)}`}`,
      figures,
    });
  }
  return sections;
}
