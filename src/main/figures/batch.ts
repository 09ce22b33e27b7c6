/** Recipes drawn from the store and written, one after the other: what the command line and the window export with. */
import type { FontLibrary } from '../../shared/figures/fonts/library.ts';
import { withoutCarried } from '../../shared/figures/carried.ts';
import type { Measurement } from '../../shared/figures/figure-data.ts';
import type { FigureRecipe } from '../../shared/figures/recipe.ts';
import type { MeasurementRecord, RunRecord } from '../store/index.ts';
import { exportFigure, type ExportedFigure, type ExportOptions, type FigureFormat } from './export.ts';
import type { FigureLoader } from './loader.ts';
import { measuredIn, type SourcedFigure } from './sources.ts';

export interface NamedFigure extends ExportedFigure {
  /** File name without its ending. */
  readonly name: string;
}

/** Draws a sourced recipe in some formats. `recipe` is the one that travels in the files: as it was before it was expanded. */
export async function drawSourced(
  sourced: SourcedFigure,
  recipe: FigureRecipe,
  name: string,
  formats: readonly FigureFormat[],
  loader: FigureLoader,
  fonts: FontLibrary,
  options: ExportOptions = {},
): Promise<NamedFigure> {
  const spec = await loader.build(sourced);
  const measurements: Measurement[] = formats.includes('tex')
    ? measuredIn(sourced).map(({ summary }) => ({ summary, arrays: {} }))
    : [];
  // A figure without measurements has no table: asked for alone that is an error, among other formats it is left out.
  const possible = measurements.length === 0 && formats.length > 1 ? formats.filter((each) => each !== 'tex') : formats;
  // A recipe that is drawn from the store needs nothing of the file that it came from.
  const recipeInFile = sourced.spec === undefined ? withoutCarried(recipe) : recipe;
  return {
    name,
    ...(await exportFigure({ spec, recipe: recipeInFile, measurements }, name, possible, fonts, options)),
  };
}

/** A name as part of a file name. */
export function fileName(text: string): string {
  return (
    text
      .normalize('NFC')
      .replace(/[^\p{L}\p{N}._-]+/gu, '-')
      .replace(/^[-.]+|[-.]+$/g, '')
      .slice(0, 120) || 'figure'
  );
}

/** The run's name as part of a file name, with the end of its id. */
export function fileStem(run: RunRecord): string {
  return `${fileName(run.name).slice(0, 60)}-${run.id.slice(-6)}`;
}

export function measurementStem(run: RunRecord, { parameter, step }: MeasurementRecord): string {
  return `${fileStem(run)}-${parameter}-step-${step}`;
}

/** Gives each name once: a second "x" is "x-2". */
export class FileNames {
  readonly #taken = new Set<string>();

  next(text: string): string {
    const base = fileName(text);
    let name = base;
    for (let k = 2; this.#taken.has(name.toLowerCase()); k++) name = `${base}-${k}`;
    this.#taken.add(name.toLowerCase());
    return name;
  }
}
