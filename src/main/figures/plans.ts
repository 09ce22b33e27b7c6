/** Which figures are meant by a name or a recipe, of which runs: recipes with file names, to be drawn one after the other. */
import { readFile } from 'node:fs/promises';
import { definedOf } from '../../shared/defined.ts';
import { InputError, messageOf } from '../../shared/errors.ts';
import { estimands } from '../../shared/estimands.ts';
import { applyToRuns } from '../../shared/figures/apply.ts';
import { figureNames, figureTable, type FigureName } from '../../shared/figures/catalogue.ts';
import { parseRecipe, type FigureRecipe, type FigureSource } from '../../shared/figures/recipe.ts';
import type { RecipeOptions } from '../../shared/figures/recipe-options.ts';
import type { MeasurementSummary } from '../../shared/results.ts';
import type { MeasurementRecord, RunRecord, Store } from '../store/index.ts';
import { fileStem, measurementStem } from './batch.ts';
import { recipesIn } from './reopen.ts';
import { sourceFigure } from './sources.ts';

export interface FigurePlan {
  readonly name: string;
  readonly recipe: FigureRecipe;
  /** Asked for as one of "all": left out if the runs have nothing to draw for it. */
  readonly optional?: boolean;
}

/** Of which layer and step; left out: all, or the last. */
export type PlanSource = Omit<FigureSource, 'run'>;

function recipeOf(
  figure: FigureName,
  name: string,
  sources: readonly FigureSource[],
  options: RecipeOptions,
): FigureRecipe {
  return { format: 'covature-figure-recipe', version: 1, name, figure, sources, options };
}

/** C_ii against H_ii of measurements, both estimands: what a run shows first. */
export function scatterPlans(
  run: RunRecord,
  measurements: readonly MeasurementRecord[],
  options: RecipeOptions = {},
): FigurePlan[] {
  return measurements.flatMap((measurement) =>
    measurement.summary === null || measurement.arrays === null
      ? []
      : estimands.map((estimand) => {
          const name = `${measurementStem(run, measurement)}-C-H-${estimand}`;
          const { parameter, step } = measurement;
          return { name, recipe: recipeOf('C_H', name, [{ run: run.id, parameter, step }], { ...options, estimand }) };
        }),
  );
}

/** The recipes that a name of a figure stands for, of the runs of the command. */
export function plansOf(
  store: Store,
  figure: 'all' | FigureName,
  runs: readonly RunRecord[],
  source: PlanSource,
  options: RecipeOptions,
  apart: boolean,
): FigurePlan[] {
  if (runs.length === 0) throw new InputError('a figure by its name needs at least one run');
  if (figure === 'all') {
    const plans = figureNames
      .filter((name) => options.field !== undefined || name !== 'gamma_hyperparameter' || runs.length > 1)
      .flatMap((name) => plansOf(store, name, runs, source, options, apart));
    return plans.filter(({ recipe }) => hasData(store, recipe)).map((plan) => ({ ...plan, optional: true }));
  }
  const { takes } = figureTable[figure];
  const sources = runs.map((run): FigureSource => ({ run: run.id, ...source }));
  if (takes === 'measurements' || takes === 'runs') {
    const stem = runs.length === 1 ? fileStem(runs[0]) : `${runs.length}-runs`;
    return [
      {
        name: `${stem}-${figure}`,
        recipe: recipeOf(figure, `${figureTable[figure].title}: ${stem}`, sources, options),
      },
    ];
  }
  if (runs.length > 1 && !apart) {
    const name = `${runs.length}-runs-${figure}`;
    return [{ name, recipe: recipeOf(figure, name, sources, options) }];
  }
  // Every layer that was measured at the step, each a figure of its own.
  return runs.flatMap((run) => {
    const done = store.measurements(run.id).filter((each) => each.state === 'done' && each.summary !== null);
    const step = source.step ?? Math.max(...done.map((each) => each.step));
    const layers = [
      ...new Set(done.filter((each) => takes === 'run' || each.step === step).map((each) => each.parameter)),
    ];
    const parameters = source.parameter === undefined && layers.length > 0 ? layers : [source.parameter];
    return parameters.map((parameter) => {
      const name = `${fileStem(run)}-${parameter ?? ''}-${figure}`.replace('--', '-');
      const layerSource = { run: run.id, ...source, ...definedOf({ parameter }) };
      return { name, recipe: recipeOf(figure, name, [layerSource], options) };
    });
  });
}

/** What only some measurements hold, of the figures that draw it. */
const partOf: { readonly [N in FigureName]?: (summary: MeasurementSummary) => unknown } = {
  duality: ({ duality }) => duality?.moments.all,
  isotropy: ({ duality }) => duality?.moments.all,
  assumptions: ({ assumptions }) => assumptions,
  density: ({ density }) => density,
  mechanism: ({ mechanism }) => mechanism,
  fluctuations: ({ weight_fluctuations: found }) => found?.modes.find(({ state }) => state.includes('answered')),
  flatness: ({ weight_fluctuations: found }) => found?.modes.find(({ components }) => components !== null),
};

/** Whether the results that a recipe names are there; another fault than a missing result is raised later, when it is drawn. */
function hasData(store: Store, recipe: FigureRecipe): boolean {
  try {
    const { data } = sourceFigure(store, recipe);
    const part = recipe.figure === 'panels' ? undefined : partOf[recipe.figure];
    return data.every((each) => {
      if (part !== undefined && 'item' in each && part(each.item.summary) === undefined) return false;
      if (each.kind === 'matrix' || each.kind === 'overlap')
        return each.item.file !== null && each.item.summary.method === 'exact';
      if (each.kind === 'history') return new Set(each.items.map(({ step }) => step)).size > 1;
      return !('item' in each) || each.item.file !== null;
    });
  } catch (error) {
    if (error instanceof InputError) return false;
    throw error;
  }
}

/** Recipes of files and of the store, applied to the runs of the command if there are any. */
export async function namedPlans(
  store: Store,
  files: readonly string[],
  stored: readonly string[],
  runs: readonly RunRecord[],
  options: RecipeOptions,
): Promise<FigurePlan[]> {
  const recipes = [
    ...(await Promise.all(files.map(recipesInFile))).flat(),
    ...stored.flatMap((text) => storedRecipes(store, text)),
  ];
  const ids = runs.map(({ id }) => id);
  return recipes.flatMap((recipe) => {
    const changed = { ...recipe, options: { ...recipe.options, ...options } };
    const applied = ids.length === 0 ? [changed] : applyToRuns(changed, ids);
    return applied.map((each, k) => ({
      name: applied.length > 1 ? `${recipe.name}-${fileStem(runs[k])}` : recipe.name,
      recipe: each,
    }));
  });
}

async function recipesInFile(file: string): Promise<FigureRecipe[]> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw new InputError(`${file}: cannot be read: ${messageOf(error)}`);
  }
  return recipesIn(bytes, file);
}

function storedRecipes(store: Store, text: string): FigureRecipe[] {
  const all = store.listFigures();
  const matching = text === 'all' ? all : all.filter(({ id, name }) => id === text || name === text);
  if (matching.length === 0)
    throw new InputError(
      `no stored figure has the name or id "${text}"; stored are ${all.map(({ name }) => name).join(', ') || 'none'}`,
    );
  return matching.map(({ name, recipe }) => ({ ...parseRecipe(recipe, `the stored figure "${name}"`), name }));
}
