/** Recipes, and data of every kind that a figure may need: small, and the same each time. */
import type { FigureData } from '../../../src/shared/figures/figure-data.ts';
import { parseRecipe, type FigureRecipe } from '../../../src/shared/figures/recipe.ts';
import type { FigureDataKind, Measurement } from '../../../src/shared/figures/figure-data.ts';
import { extendedMeasurement, fluctuatingMeasurement, measurement } from './data.ts';

export const recipeOf = (figure: FigureRecipe['figure'], extra: object = {}): FigureRecipe =>
  parseRecipe({
    format: 'covature-figure-recipe',
    version: 1,
    name: 'x',
    figure,
    sources: [{ run: 'r1' }],
    options: {},
    ...extra,
  });

/** A measurement that holds whatever a figure of one measurement draws. */
function everything(): Measurement {
  const extended = extendedMeasurement({ d: 60 });
  return { ...extended, summary: { ...fluctuatingMeasurement({ d: 60 }).summary, ...extended.summary } };
}

const data: { readonly [K in FigureDataKind]: FigureData } = {
  measurement: { kind: 'measurement', measurement: everything() },
  measurements: { kind: 'measurements', measurements: [measurement({ d: 60 })] },
  matrix: { kind: 'matrix', matrix: { name: 'C', values: [1, 0, 0, 1], size: 2, basis: 'weights', parameter: 'p' } },
  overlap: { kind: 'overlap', overlap: { values: [1, 0, 0, 1], size: 2, d: 10, parameter: 'p' } },
  hyperparameter: { kind: 'hyperparameter', rows: [{ value: 0.1, measurements: [measurement({ d: 60 })] }] },
  curves: {
    kind: 'curves',
    groups: [
      {
        label: 'a',
        runs: [
          [
            { step: 0, value: 1 },
            { step: 1, value: 0.5 },
          ],
        ],
      },
    ],
  },
  history: { kind: 'history', history: { measurements: [{ step: 0, summary: measurement({ d: 60 }).summary }] } },
  samples: { kind: 'samples', directions: [{ direction: 1, values: [1, 2, 3] }] },
};

export const dataOf = (kind: FigureDataKind): FigureData => data[kind];
