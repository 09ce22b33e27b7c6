/** A recipe applied to other runs. */
import { definedOf } from '../defined.ts';
import { InputError } from '../errors.ts';
import { withoutCarried } from './carried.ts';
import { type FigureRecipe, type FigureSource } from './recipe.ts';
import { figureTable } from './catalogue.ts';

/** The runs that a recipe names, each once, in the order of its panels. */
export function runsOf(recipe: FigureRecipe): string[] {
  return [...new Set(sourcesOf(recipe).map(({ run }) => run))];
}

/** All sources, panel by panel. */
export function sourcesOf(recipe: FigureRecipe): FigureSource[] {
  return recipe.figure === 'panels' ? (recipe.panels ?? []).flatMap(sourcesOf) : [...recipe.sources];
}

/**
 * The same figure of other runs; layers are kept, steps are replaced by the last of each run. If there are as many runs as in the recipe, they take their places in order. A
 * figure that takes any number of runs takes all that are given; a figure of one run is drawn once for each. Raises InputError if none of this applies.
 */
export function applyToRuns(recipe: FigureRecipe, runs: readonly string[]): FigureRecipe[] {
  if (runs.length === 0) throw new InputError('expected at least one run to apply the recipe to');
  if (recipe.carried !== undefined) return applyToRuns(withoutCarried(recipe), runs);
  const formerRuns = runsOf(recipe);
  const several = recipe.figure !== 'panels' && ['measurements', 'runs'].includes(figureTable[recipe.figure].takes);
  if (several) {
    const parameters = new Set(recipe.sources.map(({ parameter }) => parameter));
    const parameter = parameters.size === 1 ? [...parameters][0] : undefined;
    return [{ ...recipe, sources: runs.map((run) => definedOf({ run, parameter })) }];
  }
  if (formerRuns.length === runs.length) return [replaced(recipe, new Map(formerRuns.map((run, k) => [run, runs[k]])))];
  if (formerRuns.length === 1) return runs.map((run) => replaced(recipe, new Map([[formerRuns[0], run]])));
  if (formerRuns.length === 0 && recipe.figure !== 'panels')
    return runs.map((run) => ({ ...recipe, sources: [{ run }] }));
  throw new InputError(
    `the recipe "${recipe.name}" is of ${formerRuns.length} runs: give ${formerRuns.length === 1 ? 'one' : formerRuns.length}, not ${runs.length}`,
  );
}

function replaced(recipe: FigureRecipe, by: ReadonlyMap<string, string>): FigureRecipe {
  if (recipe.figure === 'panels')
    return { ...recipe, panels: (recipe.panels ?? []).map((panel) => replaced(panel, by)) };
  return {
    ...recipe,
    sources: recipe.sources.map(({ run, parameter }) => definedOf({ run: by.get(run) ?? run, parameter })),
  };
}
