/** Figure recipes and what is drawn from them (src/shared/figures). */
import * as v from 'valibot';
import { integer } from '../../validation.ts';
import { id, method, name, textUpTo } from '../define.ts';
import type { Json } from '../records.ts';

export interface FigureInfo {
  readonly id: string;
  readonly name: string;
  readonly project: string | null;
  readonly recipe: Json;
  readonly created: number;
  readonly updated: number;
}

/** A figure as it would be exported as SVG, without the data that let it be reopened. */
export interface RenderedFigure {
  readonly svg: string;
  readonly width_mm: number;
  readonly height_mm: number;
  /** A description in words, for readers who cannot see it. */
  readonly description: string;
  /** Statements in its small print. */
  readonly notes: readonly string[];
  /** Problems that a reader would notice (overlapping texts, frames too small); empty if there are none. */
  readonly warnings: readonly string[];
  /** Cutoffs at which the measurements have fits, widest last; empty if no fit is drawn. */
  readonly cutoffs: readonly number[];
  readonly panels: number;
  /** Of each panel of the recipe those of what it draws: "(a)", "(b)–(d)". */
  readonly letters: readonly string[];
  /** From the numbers of the file that the recipe came from, because the store does not have its runs. */
  readonly carried: boolean;
}

export interface ExportedFile {
  readonly name: string;
  /** null: the file was written to the chosen folder. */
  readonly content: Uint8Array | null;
}

export interface ExportOutcome {
  readonly files: readonly ExportedFile[];
  /** One line each, beginning with the figure's name. */
  readonly warnings: readonly string[];
}

export interface ReopenedFigure {
  /** Of the file, without its ending. */
  readonly name: string;
  /** With the numbers of the file (`carried`) where some of its runs are missing. */
  readonly recipe: Json;
  /** Runs named by the recipe that this store does not have. */
  readonly missing: readonly string[];
  /** Whether it can be drawn without those. */
  readonly drawable: boolean;
}

/** Most figures of one export. */
const mostFigures = 200;
/**
 * 'csv': the numbers drawn; 'json': the recipe, or without one the specification; 'py': the matplotlib script, which reads the CSV; 'tex': a LaTeX
 * table of the measurements behind the figure.
 */
export const figureFormats = ['svg', 'pdf', 'png', 'tiff', 'csv', 'json', 'py', 'tex'] as const;
/** Characters of base64 of a file that is reopened. */
const longestFile = 14 * 1024 * 1024;

export const figures = {
  'figures.list': method<readonly FigureInfo[]>()(v.strictObject({ deleted: v.exactOptional(v.boolean(), false) })),
  /** Makes a figure, or changes the one with that id. */
  'figures.save': method<FigureInfo>()(
    v.strictObject({
      id: v.exactOptional(id),
      name,
      project: v.exactOptional(v.nullable(id)),
      recipe: v.unknown(),
    }),
  ),
  'figures.delete': method<null>()(v.strictObject({ id })),
  'figures.restore': method<null>()(v.strictObject({ id })),
  /** Draws a recipe (src/shared/figures/recipe.ts) from the stored results, in a process of its own. */
  'figures.render': method<RenderedFigure>()(v.strictObject({ recipe: v.unknown() })),
  /** Draws recipes and writes them into a folder (a token of `files.choose`), or returns the files; several then come as one ZIP file (`archive`). */
  'figures.export': method<ExportOutcome>()(
    v.strictObject({
      figures: v.pipe(
        v.array(v.strictObject({ name, recipe: v.unknown() })),
        v.minLength(1, 'expected at least one figure'),
        v.maxLength(mostFigures, `expected at most ${mostFigures} figures`),
      ),
      formats: v.pipe(v.array(v.picklist(figureFormats)), v.minLength(1, 'expected at least one format')),
      /** Of png and tiff. */
      dpi: v.exactOptional(integer(30, 2400), 600),
      folder: v.exactOptional(textUpTo(200)),
      archive: v.exactOptional(v.boolean(), true),
    }),
  ),
  /** The same of a report of runs: configuration, results, all figures, definitions. */
  'figures.report': method<ExportOutcome>()(
    v.strictObject({
      runs: v.pipe(v.array(id), v.minLength(1, 'expected at least one run'), v.maxLength(100)),
      formats: v.pipe(v.array(v.picklist(['html', 'pdf'])), v.minLength(1)),
      folder: v.exactOptional(textUpTo(200)),
    }),
  ),
  /** The recipe inside an exported SVG, PDF or PNG file, or in a JSON file; named by a token of `files.choose`, or given as base64. */
  'figures.reopen': method<ReopenedFigure>()(
    v.union(
      [v.strictObject({ token: textUpTo(200) }), v.strictObject({ name, base64: textUpTo(longestFile) })],
      'expected a token, or a name and the content as base64',
    ),
  ),
};
