/**
 * Recipes: which figure, of which stored results, with which options. They are stored, reopened, applied to other runs, and exported in a batch.
 * The figure functions stay pure: `buildFigure` takes the recipe and the data that the caller has loaded for its sources.
 */
import * as v from 'valibot';
import { estimands, estimators } from '../results.ts';
import { InputError } from '../errors.ts';
import { parseWith, real } from '../validation.ts';
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
import { fontFamilies } from './fonts/library.ts';
import { paletteNames } from './palettes.ts';
import { presetNames } from './presets.ts';
import { annotationSchema, pointRuleSchema } from './schema.ts';
import { legendPlaces, type FigureSpec, type Provenance } from './types.ts';

/** What a figure draws, loaded by the caller. */
export type FigureData =
  | { readonly kind: 'measurement'; readonly measurement: Measurement }
  | { readonly kind: 'measurements'; readonly measurements: readonly Measurement[] }
  | { readonly kind: 'matrix'; readonly matrix: MatrixInput }
  | { readonly kind: 'overlap'; readonly overlap: OverlapInput }
  | { readonly kind: 'hyperparameter'; readonly rows: readonly HyperparameterPoint[] }
  | { readonly kind: 'curves'; readonly groups: readonly CurveGroup[] }
  | { readonly kind: 'history'; readonly history: TrainingHistory }
  | { readonly kind: 'samples'; readonly directions: readonly SampleCurvatures[] };

export type FigureDataKind = FigureData['kind'];

interface FigureEntry {
  /** What it is called in the interface. */
  readonly title: string;
  readonly needs: FigureDataKind;
}

/** Every figure: its name in the interface and the data that it draws. */
export const figureTable = {
  C_H: { title: 'C against H', needs: 'measurement' },
  C_Q: { title: 'C against Q', needs: 'measurement' },
  Q_H: { title: 'Q against H', needs: 'measurement' },
  spectra: { title: 'Spectra of H, C and Q', needs: 'measurement' },
  heatmap: { title: 'Matrix', needs: 'matrix' },
  overlap: { title: 'Overlap of eigenvectors', needs: 'overlap' },
  gamma_layers: { title: 'Exponent per layer', needs: 'measurements' },
  gamma_cutoff: { title: 'Exponent against the cutoff', needs: 'measurement' },
  gamma_hyperparameter: { title: 'Exponent against a hyperparameter', needs: 'hyperparameter' },
  evolution: { title: 'Over training', needs: 'history' },
  curves: { title: 'Learning curves', needs: 'curves' },
  samples: { title: 'Curvature of single samples', needs: 'samples' },
} as const satisfies Record<string, FigureEntry>;

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
}

const limits = v.strictObject({
  label: v.exactOptional(v.string()),
  min: v.exactOptional(real()),
  max: v.exactOptional(real()),
});
const estimand = v.picklist(estimands);

const optionsSchema = v.strictObject({
  preset: v.exactOptional(v.picklist(presetNames)),
  width_mm: v.exactOptional(real(5, 2000)),
  height_mm: v.exactOptional(real(5, 2000)),
  font: v.exactOptional(v.picklist(fontFamilies)),
  palette: v.exactOptional(v.picklist(paletteNames)),
  legend: v.exactOptional(v.picklist(legendPlaces)),
  x: v.exactOptional(limits),
  y: v.exactOptional(limits),
  title: v.exactOptional(v.string()),
  annotations: v.exactOptional(v.array(annotationSchema)),
  points: v.exactOptional(v.partial(pointRuleSchema)),
  // Of single figures.
  estimand: v.exactOptional(estimand),
  estimands: v.exactOptional(v.array(estimand)),
  estimator: v.exactOptional(v.picklist(estimators)),
  cutoff: v.exactOptional(real(0, 1)),
  slopes: v.exactOptional(v.array(real())),
  fit: v.exactOptional(v.boolean()),
  quantities: v.exactOptional(v.array(v.picklist(['H', 'C', 'Q', 'gamma', 'sharpness', 'trace', 'loss']))),
  ranks: v.exactOptional(v.picklist(['log', 'linear'])),
  normalised: v.exactOptional(v.boolean()),
  scale: v.exactOptional(v.picklist(['symlog', 'linear', 'log'])),
  decades: v.exactOptional(real(0.1, 300)),
  leading: v.exactOptional(real(1)),
  cells: v.exactOptional(real(1, 2000)),
  predicted: v.exactOptional(v.boolean()),
  parameter: v.exactOptional(v.string()),
  metric: v.exactOptional(v.string()),
  band: v.exactOptional(v.picklist(['interval', 'deviation', 'range'])),
  steps: v.exactOptional(v.picklist(['linear', 'log'])),
  unit: v.exactOptional(v.string()),
  kind: v.exactOptional(v.picklist(['density', 'quantiles'])),
  bins: v.exactOptional(real(1, 100)),
  // Of panels.
  columns: v.exactOptional(real(1, 26)),
  shareX: v.exactOptional(v.boolean()),
  shareY: v.exactOptional(v.boolean()),
  letters: v.exactOptional(v.boolean()),
});
export type RecipeOptions = v.InferOutput<typeof optionsSchema>;

const source = v.strictObject({
  run: v.string(),
  parameter: v.exactOptional(v.string()),
  step: v.exactOptional(real(0)),
});
const recipeSchema: v.GenericSchema<FigureRecipe> = v.strictObject({
  format: v.literal('covature-figure-recipe'),
  version: v.literal(1),
  name: v.string(),
  figure: v.picklist([...figureNames, 'panels']),
  sources: v.array(source),
  options: optionsSchema,
  panels: v.exactOptional(v.array(v.lazy(() => recipeSchema))),
});

/** Raises `InputError` naming what is wrong and where. */
export function parseRecipe(input: unknown, what = 'the recipe'): FigureRecipe {
  return parseWith(recipeSchema, input, what);
}

/** The same figure of other results. Panels take the sources in order, as many as each had. */
export function applyRecipe(recipe: FigureRecipe, sources: readonly FigureSource[]): FigureRecipe {
  if (recipe.figure !== 'panels') return { ...recipe, sources };
  let at = 0;
  const panels = (recipe.panels ?? []).map((panel) => {
    const taken = sources.slice(at, at + panel.sources.length);
    at += panel.sources.length;
    return { ...panel, sources: taken };
  });
  if (at !== sources.length)
    throw new InputError(`the recipe "${recipe.name}" takes ${at} results, not ${sources.length}`);
  return { ...recipe, panels };
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
      if (recipe.figure === 'spectra') return spectra(data.measurement, options as SpectraOptions);
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
        parameter: 'hyperparameter',
        ...options,
      } as HyperparameterOptions);
    case 'curves':
      return learningCurves(data.groups, { metric: 'loss', ...options } as LearningCurveOptions);
    case 'history':
      return trainingEvolution(data.history, options as EvolutionOptions);
    case 'samples':
      return sampleCurvature(data.directions, { parameter: '', ...options } as DistributionOptions);
    default:
      data satisfies never;
      throw new Error('unknown figure data');
  }
}
