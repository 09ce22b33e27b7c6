/**
 * Recipes: which figure, of which stored results, with which options. They are stored, reopened, applied to other runs, and exported in a batch.
 * The figure functions stay pure: `buildFigure` takes the recipe and the data that the caller has loaded for its sources.
 */
import { definedOf } from '../defined.ts';
import * as v from 'valibot';
import { parseWith, real } from '../validation.ts';
import { figureNames, figureTable, type FigureName } from './catalogue.ts';
import { drawFigure } from './define.ts';
import type { FigureData } from './figure-data.ts';
import { composePanels } from './figures/panels.ts';
import { commonOptions, optionsSchema, pageOptions, type RecipeOptions } from './recipe-options.ts';
import type { FigureSpec, FigureProvenance } from './types.ts';

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
  /** The figure of the file that the recipe comes from, packed (carried.ts): drawn if the store does not have its runs. */
  readonly carried?: string;
  /** Of an exported recipe: what wrote it, "Covature 0.1.0 (1a2b3c4d5e)". */
  readonly software?: string;
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
  software: v.exactOptional(v.string()),
});

/** Raises `InputError` naming what is wrong and where. */
export function parseRecipe(input: unknown, what = 'the recipe'): FigureRecipe {
  return parseWith(recipeSchema, input, what);
}

/** Draws a recipe with its data (one entry a panel for panels). */
export function buildFigure(
  recipe: FigureRecipe,
  data: FigureData | readonly FigureData[],
  provenance?: FigureProvenance,
): FigureSpec {
  if (recipe.figure === 'panels') {
    const panels = recipe.panels ?? [];
    const list = 'kind' in data ? [data] : data;
    if (list.length !== panels.length)
      throw new Error(`the recipe "${recipe.name}" has ${panels.length} panels and got data for ${list.length}`);
    return composePanels(panels.map((panel, k) => buildFigure(panel, list[k], provenance)), recipe.options); // prettier-ignore
  }
  const entries = Object.entries(recipe.options);
  const shared = Object.fromEntries(entries.filter(([name]) => name in commonOptions || name in pageOptions));
  return drawFigure(recipe.figure, figureTable[recipe.figure], data, { ...shared, provenance }, recipe.options); // prettier-ignore
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

/** What a figure must know about the page to be one of its panels. */
function styleOptions({ preset, font, palette }: RecipeOptions): RecipeOptions {
  return definedOf({ preset, font, palette });
}
