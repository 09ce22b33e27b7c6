/** Figures to files: one layout, every format. Nothing here needs a browser or the network. */
import { join } from 'node:path';
import { definedOf } from '../../shared/defined.ts';
import { writeFileAtomic } from '../../data/files.ts';
import { InputError } from '../../shared/errors.ts';
import type { FontLibrary } from '../../shared/figures/fonts/library.ts';
import type { Measurement } from '../../shared/figures/figure-data.ts';
import { withoutCarried } from '../../shared/figures/carried.ts';
import { layoutFigure } from '../../shared/figures/layout/layout.ts';
import { matplotlibScript } from '../../shared/figures/matplotlib.ts';
import { documentKey, packForFile, svgMetadata } from '../../shared/figures/metadata.ts';
import type { FigureRecipe } from '../../shared/figures/recipe.ts';
import type { FigureSpec, FigureProvenance } from '../../shared/figures/types.ts';
import { plottedCsv, plottedRows } from '../../shared/figures/plotted.ts';
import { assumptionsTable, resultsTable, type TableOptions } from '../../shared/figures/table.ts';
import { base64 } from '../../shared/base64.ts';
import { sceneToSvg } from '../../shared/figures/svg.ts';
import { pngFile, rasterise, tiffFile, type Pixels } from './image.ts';
import { provenanceText, writePdf } from './pdf.ts';
import { figureFormats } from '../../shared/contract/methods/figures.ts';

export type FigureFormat = (typeof figureFormats)[number];

export interface ExportOptions {
  /** Of PNG and TIFF; 600 by default. */
  readonly dpi?: number | undefined;
  /** Put the data into SVG, PDF and PNG so that they can be reopened; true by default. Provenance is always in. */
  readonly reopenable?: boolean;
}

export interface FigureFile {
  readonly format: FigureFormat;
  /** File name. */
  readonly name: string;
  readonly content: Uint8Array;
}

export interface ExportedFigure {
  readonly files: readonly FigureFile[];
  readonly width_mm: number;
  readonly height_mm: number;
  /** Statements in the figure's small print. */
  readonly notes: readonly string[];
  /** Problems that a reader would notice (overlaps, clipped text); empty if there are none. */
  readonly warnings: readonly string[];
  /** Why there is nothing to see in it; absent if something is drawn. */
  readonly empty?: string;
}

/**
 * All formats asked for, in memory. `name` without ending; the script asks for the CSV beside it. Raises `InputError` for labels that cannot be set
 * (a character that no font has, by name), sizes and resolutions out of range.
 */
export async function exportFigure(
  document: {
    readonly spec: FigureSpec;
    readonly recipe?: FigureRecipe;
    /** For the table. */
    readonly measurements?: readonly Measurement[];
  },
  name: string,
  formats: readonly FigureFormat[],
  fonts: FontLibrary,
  options: ExportOptions = {},
): Promise<ExportedFigure> {
  const forbidden = [...name].some((character) => '/\\:*?"<>|'.includes(character) || character < ' ');
  if (forbidden || name.length === 0 || name.length > 200) throw new InputError(`"${name}" cannot be a file name`);
  const { spec, recipe, measurements = [] } = document;
  const scene = layoutFigure(spec, fonts);
  const packed =
    options.reopenable === false ? undefined : packForFile({ spec, recipe: recipe && withoutCarried(recipe) });
  let svg: string | undefined;
  const svgText = (): string => (svg ??= sceneToSvg(scene, spec, { metadata: svgMetadata(spec.provenance, packed) }));
  let pixels: Pixels | undefined;
  const pixelsOf = (): Pixels =>
    (pixels ??= rasterise(sceneToSvg(scene, spec), scene.width_mm, scene.height_mm, options.dpi ?? 600));
  const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
  const files: FigureFile[] = [];
  // The script is of no use without its numbers.
  const writtenFormats = new Set(formats);
  if (writtenFormats.has('py')) writtenFormats.add('csv');
  for (const format of figureFormats) {
    if (!writtenFormats.has(format)) continue;
    const file = (content: Uint8Array): void => void files.push({ format, name: `${name}.${format}`, content });
    switch (format) {
      case 'svg':
        file(utf8(svgText()));
        break;
      case 'pdf':
        file(
          await writePdf([scene], {
            title: spec.title,
            description: spec.description,
            provenance: spec.provenance,
            payload: packed,
          }),
        );
        break;
      case 'png':
        file(
          pngFile(pixelsOf(), {
            Title: spec.title,
            Description: spec.description,
            Software: spec.provenance.software,
            Comment: provenanceText(spec.provenance),
            ...(packed ? { [documentKey]: base64(packed) } : {}),
          }),
        );
        break;
      case 'tiff':
        file(tiffFile(pixelsOf(), `${spec.title} ${provenanceText(spec.provenance)}`, spec.provenance.software));
        break;
      case 'csv':
        file(utf8(plottedCsv(plottedRows(spec, scene))));
        break;
      case 'json':
        file(
          utf8(`${JSON.stringify(recipe ? { ...recipe, software: spec.provenance.software } : spec, undefined, 2)}\n`),
        );
        break;
      case 'py':
        file(utf8(matplotlibScript(spec, scene, fonts, { csv: `${name}.csv`, output: `${name}-matplotlib.pdf` })));
        break;
      case 'tex':
        if (measurements.length === 0)
          throw new InputError(`"${name}" has no table: a LaTeX table needs measurements, and this figure draws none`);
        file(
          utf8(
            `% ${originText(spec.provenance)}\n` +
              (recipe?.figure === 'assumptions' ? assumptionsTable : resultsTable)(measurements, tableOptions(recipe)),
          ),
        );
        break;
      default:
        format satisfies never;
        throw new Error(`unknown format: ${String(format)}`);
    }
  }
  const { width_mm, height_mm, notes, warnings, empty } = scene;
  return { files, width_mm, height_mm, notes, warnings, ...definedOf({ empty }) };
}

/** "Covature 0.1.0 (1a2b3c4d5e); runs a1, b2": a remark for files that are text. */
function originText({ software, runs }: FigureProvenance): string {
  const ids = runs.map(({ id }) => id).join(', ');
  return `${software}${ids === '' ? '' : `; run${runs.length === 1 ? '' : 's'} ${ids}`}`;
}

/** The figure's choice of estimands, estimator and cutoff. */
function tableOptions(recipe: FigureRecipe | undefined): TableOptions {
  const { estimands, estimand, estimator, cutoff } = recipe?.options ?? {};
  const named = estimands ?? (estimand === undefined ? undefined : [estimand]);
  return definedOf({ estimands: named, estimator, cutoff });
}

/** Writes the files into a folder that exists, each whole or not at all. Returns their paths. */
export async function writeExport(exported: ExportedFigure, folder: string): Promise<string[]> {
  const paths: string[] = [];
  for (const { name, content } of exported.files) {
    const path = join(folder, name);
    await writeFileAtomic(path, content);
    paths.push(path);
  }
  return paths;
}
