/** Options that a recipe may hold, as JSON: those of every figure, of single kinds, and of panels. */
import { estimators } from '../slopes.ts';
import { estimands } from '../estimands.ts';
import * as v from 'valibot';
import { integer, real } from '../validation.ts';
import { fontFamilies } from './fonts/library.ts';
import { paletteNames } from './palettes.ts';
import { presetNames } from './presets.ts';
import { annotationSchema, pointRuleSchema } from './schema.ts';
import { legendPlaces } from './types.ts';

const limits = v.strictObject({
  label: v.exactOptional(v.string()),
  min: v.exactOptional(real()),
  max: v.exactOptional(real()),
});
const estimand = v.picklist(estimands);
const size = real(3, 72);

/** Of the whole page, whatever is drawn on it. */
export const pageOptions = {
  preset: v.exactOptional(v.picklist(presetNames)),
  width_mm: v.exactOptional(real(5, 2000)),
  height_mm: v.exactOptional(real(5, 2000)),
  font: v.exactOptional(v.picklist(fontFamilies)),
  palette: v.exactOptional(v.picklist(paletteNames)),
  /** Type sizes in points in place of the preset's. */
  sizes: v.exactOptional(
    v.strictObject({
      label: v.exactOptional(size),
      tick: v.exactOptional(size),
      legend: v.exactOptional(size),
      note: v.exactOptional(size),
    }),
  ),
  legend: v.exactOptional(v.picklist(legendPlaces)),
  // Of panels.
  columns: v.exactOptional(integer(1, 26)),
  shareX: v.exactOptional(v.boolean()),
  shareY: v.exactOptional(v.boolean()),
  letters: v.exactOptional(v.boolean()),
};

export const optionsSchema = v.strictObject({
  ...pageOptions,
  x: v.exactOptional(limits),
  y: v.exactOptional(limits),
  title: v.exactOptional(v.string()),
  annotations: v.exactOptional(v.array(annotationSchema)),
  points: v.exactOptional(v.partial(pointRuleSchema)),
  // Of single figures.
  estimand: v.exactOptional(estimand),
  estimands: v.exactOptional(v.pipe(v.array(estimand), v.minLength(1, 'expected at least one estimand'))),
  estimator: v.exactOptional(v.picklist(estimators)),
  cutoff: v.exactOptional(real(0, 1)),
  slopes: v.exactOptional(v.array(real())),
  fit: v.exactOptional(v.boolean()),
  smallest: v.exactOptional(real(0, 1)),
  quantities: v.exactOptional(v.array(v.picklist(['H', 'C', 'Q', 'gamma', 'sharpness', 'trace', 'loss']))),
  ranks: v.exactOptional(v.picklist(['log', 'linear'])),
  normalised: v.exactOptional(v.boolean()),
  /** Spectra of C and Q: their eigenvalues, or their diagonals in the eigenbasis of H. */
  spectrum: v.exactOptional(v.picklist(['eigenvalues', 'diagonals'])),
  matrix: v.exactOptional(v.picklist(['C', 'H', 'Q', 'gauss_newton'])),
  basis: v.exactOptional(v.picklist(['eigenbasis', 'weights'])),
  /** Overlap: whose eigenvectors are held against those of H. */
  against: v.exactOptional(v.picklist(['C', 'Q'])),
  scale: v.exactOptional(v.picklist(['symlog', 'linear', 'log'])),
  decades: v.exactOptional(real(0.1, 300)),
  leading: v.exactOptional(integer(1)),
  cells: v.exactOptional(integer(1, 2000)),
  predicted: v.exactOptional(v.boolean()),
  /** Against a hyperparameter: its path in the experiment ("optimiser.lr"). */
  field: v.exactOptional(v.string()),
  /** Its name on the axis. */
  parameter: v.exactOptional(v.string()),
  /** Learning curves: name of the series ("loss"). */
  metric: v.exactOptional(v.string()),
  band: v.exactOptional(v.picklist(['interval', 'deviation', 'range'])),
  steps: v.exactOptional(v.picklist(['linear', 'log'])),
  unit: v.exactOptional(v.string()),
  kind: v.exactOptional(v.picklist(['density', 'quantiles'])),
  bins: v.exactOptional(real(1, 100)),
  /** Curvature of single samples: which directions, 1 the largest. */
  directions: v.exactOptional(v.pipe(v.array(integer(1)), v.minLength(1), v.maxLength(200))),
});
export type RecipeOptions = v.InferOutput<typeof optionsSchema>;
export type OptionName = keyof RecipeOptions;
