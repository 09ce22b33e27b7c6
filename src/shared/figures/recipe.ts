/**
 * Recipes: which figure, of which stored results, with which options. They are stored, reopened, applied to other runs, and exported in a batch.
 * The figure functions stay pure: `buildFigure` takes the recipe and the data that the caller has loaded for its sources.
 */
import * as v from 'valibot';
import { parseWith, real } from '../validation.ts';
import { assumptionSlopes, type AssumptionOptions } from './figures/assumptions.ts';
import { spectralDensity, type SpectralDensityOptions } from './figures/density.ts';
import { dualDiagonals, type DualityOptions } from './figures/duality.ts';
import type { FigureOptions, Measurement } from './figures/common.ts';
import { sampleCurvature, type DistributionOptions, type SampleCurvatures } from './figures/distribution.ts';
import {
  gammaAgainstCutoff,
  gammaAgainstHyperparameter,
  gammaPerLayer,
  type GammaOptions,
  type HyperparameterOptions,
  type HyperparameterPoint,
} from './figures/gamma.ts';
import {
  eigenvectorOverlap,
  matrixHeatmap,
  type HeatmapOptions,
  type MatrixInput,
  type OverlapInput,
} from './figures/heatmap.ts';
import { composePanels } from './figures/panels.ts';
import { scatterDiagonals, type ScatterOptions } from './figures/scatter.ts';
import { spectra, type SpectraOptions } from './figures/spectra.ts';
import {
  learningCurves,
  trainingEvolution,
  type CurveGroup,
  type EvolutionOptions,
  type LearningCurveOptions,
  type TrainingHistory,
} from './figures/training.ts';
import { optionsSchema, pageOptions, type OptionName, type RecipeOptions } from './recipe-options.ts';
import type { FigureSpec, Provenance } from './types.ts';

/** What a figure draws, loaded by the caller. */
export type FigureData =
  | {
      readonly kind: 'measurement';
      readonly measurement: Measurement;
      /** Eigenvalues of C and Q, where they were computed. */
      readonly eigenvalues?: SpectraOptions['eigenvalues'];
    }
  | { readonly kind: 'measurements'; readonly measurements: readonly Measurement[] }
  | { readonly kind: 'matrix'; readonly matrix: MatrixInput }
  | { readonly kind: 'overlap'; readonly overlap: OverlapInput }
  | {
      readonly kind: 'hyperparameter';
      readonly rows: readonly HyperparameterPoint[];
      /** Its name on the axis. */
      readonly parameter?: string;
    }
  | {
      readonly kind: 'curves';
      readonly groups: readonly CurveGroup[];
      /** What the series is called on the axis. */
      readonly metric?: string;
      /** Statements for the small print: how the series were thinned. */
      readonly notes?: readonly string[];
    }
  | { readonly kind: 'history'; readonly history: TrainingHistory }
  | {
      readonly kind: 'samples';
      readonly directions: readonly SampleCurvatures[];
      /** Of which parameter tensor. */
      readonly parameter?: string;
    };

export type FigureDataKind = FigureData['kind'];

interface FigureEntry {
  /** What it is called in the interface. */
  readonly title: string;
  /** What it shows, in a sentence. */
  readonly about: string;
  readonly needs: FigureDataKind;
  /** What its sources name: one measurement, one run, or as many as there are. One of several is drawn as panels of one each. */
  readonly takes: 'measurement' | 'run' | 'measurements' | 'runs';
  /** Its own options, beside those of every figure. */
  readonly options: readonly OptionName[];
}

const scatterOptions = ['estimand', 'cutoff', 'estimator', 'slopes', 'fit', 'smallest'] as const satisfies OptionName[];
const gammaOptions = ['estimands', 'cutoff', 'estimator', 'predicted'] as const satisfies OptionName[];

/** Every figure: its name in the interface and the data that it draws. */
export const figureTable = {
  C_H: { title: 'C against H', about: 'Noise covariance against curvature along the eigenvectors of H; the slope is gamma.', needs: 'measurement', takes: 'measurement', options: scatterOptions },
  C_Q: { title: 'C against Q', about: 'Noise covariance against the mean squared per-sample Hessian: slope 1 where they are proportional.', needs: 'measurement', takes: 'measurement', options: scatterOptions },
  Q_H: { title: 'Q against H', about: 'Mean squared per-sample Hessian against curvature: the slope that the theory predicts for gamma.', needs: 'measurement', takes: 'measurement', options: scatterOptions },
  spectra: { title: 'Spectra of H, C and Q', about: 'Eigenvalues in decreasing order against their rank.', needs: 'measurement', takes: 'measurement', options: ['quantities', 'spectrum', 'ranks', 'normalised'] },
  heatmap: { title: 'Matrix', about: 'C, H or Q as a picture, in the eigenbasis of H or over the weights.', needs: 'matrix', takes: 'measurement', options: ['matrix', 'basis', 'scale', 'decades', 'leading', 'cells'] },
  overlap: { title: 'Overlap of eigenvectors', about: 'Squared overlaps of the leading eigenvectors of C (or Q) with those of H.', needs: 'overlap', takes: 'measurement', options: ['against', 'leading', 'cells'] },
  gamma_layers: { title: 'Exponent per layer', about: 'gamma of every measured layer with 95 % intervals; seeds are averaged.', needs: 'measurements', takes: 'measurements', options: gammaOptions },
  gamma_cutoff: { title: 'Exponent against the cutoff', about: 'gamma as a function of how many directions take part.', needs: 'measurement', takes: 'measurement', options: ['estimands', 'estimator', 'predicted'] },
  gamma_hyperparameter: { title: 'Exponent against a hyperparameter', about: 'gamma of one layer against a setting in which the runs differ, with error bars over seeds.', needs: 'hyperparameter', takes: 'runs', options: ['field', 'parameter', ...gammaOptions, 'scale'] },
  evolution: { title: 'Over training', about: 'gamma, sharpness, traces and loss over the steps of one run.', needs: 'history', takes: 'run', options: ['quantities', 'estimands', 'cutoff', 'estimator', 'steps', 'unit'] },
  curves: { title: 'Learning curves', about: 'A metric over training: mean over seeds with a band.', needs: 'curves', takes: 'runs', options: ['metric', 'band', 'scale', 'steps', 'unit'] },
  duality: { title: 'Duality: C_dual against C', about: 'The covariance that activity-weight duality predicts, against C: on the line where the argument holds.', needs: 'measurement', takes: 'measurement', options: ['cutoff', 'fit'] },
  isotropy: { title: 'Duality: isotropy', about: 'Second moment of the dual weight changes along the eigenvectors of H: slope 0 where they are isotropic.', needs: 'measurement', takes: 'measurement', options: ['cutoff', 'fit'] },
  assumptions: { title: 'C against H, G, F, E, Q, H²', about: 'Slope of C on each matrix that is taken for it: 1 where C is proportional to it.', needs: 'measurement', takes: 'measurement', options: ['estimands', 'cutoff'] },
  density: { title: 'Spectral density', about: 'Density of the eigenvalues of H by stochastic Lanczos quadrature, with its error.', needs: 'measurement', takes: 'measurement', options: ['scale'] },
  samples: { title: 'Curvature of single samples', about: 'How v · h v is spread over the samples, along some directions.', needs: 'samples', takes: 'measurement', options: ['directions', 'kind', 'bins'] },
} as const satisfies Record<string, FigureEntry>; // prettier-ignore

export type FigureName = keyof typeof figureTable;
export const figureNames = Object.keys(figureTable) as FigureName[];

/** A stored result by name. What is left out means all that the run has (or the last of them, where the figure takes one). */
export interface FigureSource {
  readonly run: string;
  /** "fc2.kernel". */
  readonly parameter?: string;
  /** Step of training that the measurement was made at. */
  readonly step?: number;
}

export interface FigureRecipe {
  readonly format: 'covature-figure-recipe';
  readonly version: 1;
  readonly name: string;
  readonly figure: FigureName | 'panels';
  readonly sources: readonly FigureSource[];
  /** Options of the figure function (`PanelOptions` for panels), as JSON. */
  readonly options: RecipeOptions;
  /** Of panels: one recipe each, in order. */
  readonly panels?: readonly FigureRecipe[];
  /** The figure of the file that the recipe comes from, packed (carried.ts): drawn where its runs are not at hand. */
  readonly carried?: string;
}

/** Characters of base64 of a figure that a recipe carries. */
const longestCarried = 1_000_000;

const source = v.strictObject({
  run: v.string(),
  parameter: v.exactOptional(v.string()),
  step: v.exactOptional(real(0)),
});
export type { RecipeOptions };

const recipeSchema: v.GenericSchema<FigureRecipe> = v.strictObject({
  format: v.literal('covature-figure-recipe'),
  version: v.literal(1),
  name: v.string(),
  figure: v.picklist([...figureNames, 'panels']),
  sources: v.array(source),
  options: optionsSchema,
  panels: v.exactOptional(v.array(v.lazy(() => recipeSchema))),
  carried: v.exactOptional(
    v.pipe(
      v.string(),
      v.maxLength(longestCarried, `expected at most ${longestCarried} characters`),
      v.regex(/^[A-Za-z0-9+/=]*$/, 'expected base64'),
    ),
  ),
});

/** Raises `InputError` naming what is wrong and where. */
export function parseRecipe(input: unknown, what = 'the recipe'): FigureRecipe {
  return parseWith(recipeSchema, input, what);
}

/** Draws a recipe with its data (one entry a panel for panels). */
export function buildFigure(
  recipe: FigureRecipe,
  data: FigureData | readonly FigureData[],
  provenance?: Provenance,
): FigureSpec {
  const options = { ...recipe.options, ...(provenance ? { provenance } : {}) };
  if (recipe.figure === 'panels') {
    const panels = recipe.panels ?? [];
    const list = 'kind' in data ? [data] : data;
    if (list.length !== panels.length)
      throw new Error(`the recipe "${recipe.name}" has ${panels.length} panels and got data for ${list.length}`);
    return composePanels(panels.map((panel, k) => buildFigure(panel, list[k], provenance)), recipe.options); // prettier-ignore
  }
  const { needs } = figureTable[recipe.figure];
  if (!('kind' in data) || data.kind !== needs)
    throw new Error(`the figure "${recipe.figure}" draws data of the kind "${needs}"`);
  switch (data.kind) {
    case 'measurement':
      if (recipe.figure === 'spectra') {
        const quantities = data.eigenvalues ? { eigenvalues: data.eigenvalues } : {};
        return spectra(data.measurement, { ...(options as SpectraOptions), ...quantities });
      }
      if (recipe.figure === 'duality' || recipe.figure === 'isotropy')
        return dualDiagonals(
          data.measurement,
          recipe.figure === 'duality' ? 'C' : 'isotropy',
          options as DualityOptions,
        );
      if (recipe.figure === 'density') return spectralDensity(data.measurement, options as SpectralDensityOptions);
      if (recipe.figure === 'assumptions') return assumptionSlopes(data.measurement, options as AssumptionOptions);
      if (recipe.figure === 'gamma_cutoff') return gammaAgainstCutoff(data.measurement, options as GammaOptions);
      return scatterDiagonals(data.measurement, {
        ...(options as ScatterOptions),
        pair: recipe.figure as 'C_H' | 'C_Q' | 'Q_H',
      });
    case 'measurements':
      return gammaPerLayer(data.measurements, options as GammaOptions);
    case 'matrix':
      return matrixHeatmap(data.matrix, options as HeatmapOptions);
    case 'overlap':
      return eigenvectorOverlap(data.overlap, options as FigureOptions & { cells?: number });
    case 'hyperparameter':
      return gammaAgainstHyperparameter(data.rows, {
        parameter: data.parameter ?? 'hyperparameter',
        ...options,
      } as HyperparameterOptions);
    case 'curves':
      return withNotes(
        learningCurves(data.groups, { ...options, metric: data.metric ?? 'loss' } as LearningCurveOptions),
        data.notes,
      );
    case 'history':
      return trainingEvolution(data.history, options as EvolutionOptions);
    case 'samples':
      return sampleCurvature(data.directions, {
        ...options,
        parameter: data.parameter ?? '',
      } as DistributionOptions);
    default:
      data satisfies never;
      throw new Error('unknown figure data');
  }
}

function withNotes(spec: FigureSpec, notes: readonly string[] = []): FigureSpec {
  return notes.length === 0 ? spec : { ...spec, notes: [...spec.notes, ...notes] };
}

const isPage = (name: string): boolean => Object.hasOwn(pageOptions, name);

/** Whether a recipe draws several panels of one source each, though its figure takes one. */
export function drawsPanels(recipe: FigureRecipe): boolean {
  if (recipe.figure === 'panels') return true;
  const { takes } = figureTable[recipe.figure];
  return (takes === 'measurement' || takes === 'run') && recipe.sources.length > 1;
}

/** A figure that takes one source and has several, as panels; any other as it is. Options of the page go to the grid, the others to each panel. */
export function expandRecipe(recipe: FigureRecipe): FigureRecipe {
  if (recipe.figure === 'panels' || !drawsPanels(recipe)) return recipe;
  const { page, own } = splitOptions(recipe.options);
  return {
    ...recipe,
    figure: 'panels',
    sources: [],
    options: page,
    panels: recipe.sources.map((source) => ({
      ...recipe,
      sources: [source],
      options: { ...own, ...styleOptions(page) },
    })),
  };
}

/** Options of the page, which panels share, and of what is drawn. */
export function splitOptions(options: RecipeOptions): { readonly page: RecipeOptions; readonly own: RecipeOptions } {
  const entries = Object.entries(options);
  return {
    page: Object.fromEntries(entries.filter(([name]) => isPage(name))),
    own: Object.fromEntries(entries.filter(([name]) => !isPage(name))),
  };
}

/** What a figure must know of the page to be one of its panels. */
function styleOptions({ preset, font, palette }: RecipeOptions): RecipeOptions {
  return {
    ...(preset === undefined ? {} : { preset }),
    ...(font === undefined ? {} : { font }),
    ...(palette === undefined ? {} : { palette }),
  };
}
