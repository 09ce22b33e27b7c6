/** Planned figures drawn one after the other, with what is left out and why. */
import { InputError, messageOf } from '../../shared/errors.ts';
import type { FigureRecipe } from '../../shared/figures/recipe.ts';
import type { EngineOptions } from '../jobs/protocol.ts';
import type { Store } from '../store/index.ts';
import { drawSourced, FileNames, type NamedFigure } from './batch.ts';
import type { FigureFormat } from './export.ts';
import { loadFonts } from './fonts.ts';
import { FigureLoader } from './loader.ts';
import type { FigurePlan } from './plans.ts';
import { sourceFigure } from './sources.ts';

export interface DrawingSettings {
  readonly formats: readonly FigureFormat[];
  readonly engine: EngineOptions;
  /** Of PNG and TIFF; default 600. */
  readonly dpi?: number | undefined;
}

/** A figure that was not drawn: there is nothing to draw, or an error, of the input or another. */
export interface Omitted {
  readonly name: string;
  readonly reason: string;
  readonly kind: 'empty' | 'input' | 'failed';
}

export type DrawnPlan =
  Omitted | { readonly kind: 'drawn'; readonly figure: NamedFigure; readonly recipe: FigureRecipe };

/** One that fails is left out with its error and never ends the others; alone, it raises it. Of "all", what has nothing to draw is left out too. */
export async function* drawPlans(
  store: Store,
  plans: readonly FigurePlan[],
  { formats, engine, dpi }: DrawingSettings,
): AsyncGenerator<DrawnPlan> {
  const fonts = loadFonts();
  const loader = new FigureLoader(engine);
  const names = new FileNames();
  for (const { name, recipe, optional = false } of plans) {
    try {
      const sourced = sourceFigure(store, recipe);
      const options = dpi === undefined ? {} : { dpi };
      const figure = await drawSourced(sourced, recipe, names.next(name), formats, loader, fonts, options);
      if (optional && figure.empty !== undefined)
        yield { kind: 'empty', name, reason: `nothing to draw: ${figure.empty}` };
      else yield { kind: 'drawn', figure, recipe };
    } catch (error) {
      if (plans.length === 1) throw error;
      yield { kind: error instanceof InputError ? 'input' : 'failed', name, reason: messageOf(error) };
    }
  }
}
