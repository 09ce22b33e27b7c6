/** Drawing figures and reports, in a process of its own: fonts and decompositions stay there between drawings. */
import type { TaskControl } from './task-control.ts';
import { zipSync } from 'fflate';
import * as path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { writeFileAtomic } from '../../../data/files.ts';
import { InputError, messageOf } from '../../../shared/errors.ts';
import type { ExportedFile, ExportOutcome, RenderedFigure } from '../../../shared/contract/index.ts';
import { figureLetters } from '../../../shared/figures/figures/panels.ts';
import { layoutFigure } from '../../../shared/figures/layout/layout.ts';
import type { FontLibrary } from '../../../shared/figures/fonts/library.ts';
import { reportOf } from '../../../shared/figures/report/content.ts';
import { sceneToSvg } from '../../../shared/figures/svg.ts';
import type { FigureProvenance } from '../../../shared/figures/types.ts';
import type { FigureRecipe } from '../../../shared/figures/recipe.ts';
import { drawSourced, FileNames, type NamedFigure } from '../../figures/batch.ts';
import type { FigureFormat } from '../../figures/export.ts';
import { loadFonts } from '../../figures/fonts.ts';
import { FigureLoader } from '../../figures/loader.ts';
import { renderReport, type ReportFormat } from '../../figures/report.ts';
import { loadReported, type SourcedReport } from '../../figures/reported.ts';
import { measuredIn, type SourcedFigure } from '../../figures/sources.ts';
import type { EngineOptions } from '../../jobs/protocol.ts';

export interface FigureTasks {
  render: {
    readonly argument: { readonly engine: EngineOptions; readonly sourced: SourcedFigure };
    readonly result: RenderedFigure;
  };
  exportFigures: {
    readonly argument: {
      readonly engine: EngineOptions;
      readonly figures: readonly {
        readonly name: string;
        readonly recipe: FigureRecipe;
        readonly sourced: SourcedFigure;
      }[];
      readonly formats: readonly FigureFormat[];
      readonly dpi: number;
      /** Several files as one ZIP, if they are answered. */
      readonly archive: boolean;
      /** null: answer the files. */
      readonly folder: string | null;
    };
    readonly result: ExportOutcome;
  };
  /** One figure's files in memory, and whether the figure shows anything. */
  drawFiles: {
    readonly argument: {
      readonly engine: EngineOptions;
      readonly name: string;
      readonly recipe: FigureRecipe;
      readonly sourced: SourcedFigure;
      readonly formats: readonly FigureFormat[];
    };
    readonly result: NamedFigure;
  };
  exportReport: {
    readonly argument: {
      readonly engine: EngineOptions;
      readonly runs: readonly SourcedReport[];
      readonly provenance: FigureProvenance;
      readonly name: string;
      readonly formats: readonly ReportFormat[];
      readonly folder: string | null;
    };
    readonly result: ExportOutcome;
  };
}

type Implementations = {
  [N in keyof FigureTasks]: (
    argument: FigureTasks[N]['argument'],
    control: TaskControl,
  ) => Promise<FigureTasks[N]['result']>;
};

export function figureTasks(): Implementations {
  let fonts: FontLibrary | undefined;
  const fontsHere = (): FontLibrary => (fonts ??= loadFonts());
  let opened: { readonly key: string; readonly loader: FigureLoader } | undefined;
  const loaderFor = (engine: EngineOptions): FigureLoader => {
    const key = JSON.stringify(engine);
    if (opened?.key !== key) opened = { key, loader: new FigureLoader(engine) };
    return opened.loader;
  };
  return {
    async render({ engine, sourced }) {
      const spec = await loaderFor(engine).build(sourced);
      const scene = layoutFigure(spec, fontsHere());
      const { width_mm, height_mm, notes, warnings } = scene;
      const cutoffs = new Set(
        measuredIn(sourced).flatMap(({ summary }) => summary.gamma.training_set.map(({ cutoff }) => cutoff)),
      );
      return {
        svg: sceneToSvg(scene, spec),
        width_mm,
        height_mm,
        description: spec.description,
        notes,
        warnings,
        cutoffs: [...cutoffs].sort((a, b) => b - a),
        panels: spec.panels.length,
        letters: figureLetters(spec),
        carried: sourced.spec !== undefined,
      };
    },

    async exportFigures({ engine, figures, formats, dpi, archive, folder }, { signal, progress }) {
      const names = new FileNames();
      const files: { name: string; content: Uint8Array }[] = [];
      const warnings: string[] = [];
      for (const [i, { name, recipe, sourced }] of figures.entries()) {
        // A cancellation takes effect between two figures.
        await setImmediate();
        signal.throwIfAborted();
        progress(name, i / figures.length);
        try {
          const stem = names.next(name);
          const drawn = await drawSourced(sourced, recipe, stem, formats, loaderFor(engine), fontsHere(), { dpi });
          warnings.push(...drawn.warnings.map((warning) => `${name}: ${warning}`));
          files.push(...drawn.files);
        } catch (error) {
          // A figure that fails does not affect the others.
          if (figures.length === 1) throw error;
          warnings.push(`${name} was not drawn: ${messageOf(error)}`);
        }
      }
      if (files.length === 0) throw new InputError(warnings.join('\n'));
      return { files: await deliver(files, folder, archive ? 'figures.zip' : null), warnings };
    },

    drawFiles: ({ engine, name, recipe, sourced, formats }) =>
      drawSourced(sourced, recipe, name, formats, loaderFor(engine), fontsHere()),

    async exportReport({ engine, runs, provenance, name, formats, folder }) {
      const reported = await loadReported(runs, loaderFor(engine));
      const rendered = await renderReport(reportOf(reported, { provenance }), fontsHere(), formats);
      const files = formats.map((format) => {
        const content = rendered[format]!;
        return {
          name: `${name}.${format}`,
          content: typeof content === 'string' ? new TextEncoder().encode(content) : content,
        };
      });
      return { files: await deliver(files, folder, `${name}.zip`), warnings: [...rendered.omitted] };
    },
  };
}

/** Writes files into a folder, or returns them: several as one ZIP. */
async function deliver(
  files: readonly { readonly name: string; readonly content: Uint8Array }[],
  folder: string | null,
  archive: string | null,
): Promise<ExportedFile[]> {
  if (folder !== null) {
    for (const { name, content } of files) {
      try {
        await writeFileAtomic(path.join(folder, name), content);
      } catch (error) {
        throw new InputError(`${messageOf(error)}; choose another folder`);
      }
    }
    return files.map(({ name }) => ({ name, content: null }));
  }
  if (files.length === 1 || archive === null) return [...files];
  const entries = Object.fromEntries(files.map(({ name, content }) => [name, content]));
  return [{ name: archive, content: zipSync(entries) }];
}
