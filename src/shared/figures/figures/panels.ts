/** Several figures as panels (a), (b), ... of one. */
import { InputError } from '../../errors.ts';
import type { FontFamily } from '../fonts/library.ts';
import { letterOf } from '../layout/frames.ts';
import type { PaletteName } from '../palettes.ts';
import { presets, resized, styleOf, type PresetName, type TypeSizes } from '../presets.ts';
import type { FigureSpec, FigureStyle, LegendPlace, Panel, Provenance } from '../types.ts';

export interface PanelOptions {
  /** Columns of the grid; by default as near to a square as the count allows. */
  readonly columns?: number;
  readonly preset?: PresetName;
  readonly font?: FontFamily;
  readonly palette?: PaletteName;
  readonly sizes?: TypeSizes;
  readonly width_mm?: number;
  readonly height_mm?: number;
  /** Panels of a column share their x axis, panels of a row their y axis: the same limits, numbers and label once. */
  readonly shareX?: boolean;
  readonly shareY?: boolean;
  /** 'auto': one legend below where all panels have the same entries, else one in each panel. */
  readonly legend?: LegendPlace;
  readonly letters?: boolean;
  readonly title?: string;
}

/** Style comes from the first figure; a preset that is named brings its own sizes and font. Figures of several panels count as so many. */
export function composePanels(figures: readonly FigureSpec[], options: PanelOptions = {}): FigureSpec {
  if (figures.length === 0) throw new InputError('panels need at least one figure');
  const flat = figures.flatMap((figure) => figure.panels);
  const columns = Math.min(options.columns ?? Math.ceil(Math.sqrt(flat.length)), flat.length);
  if (!(columns >= 1)) throw new InputError(`a grid needs at least one column, not ${options.columns}`);
  const rows = Math.ceil(flat.length / columns);
  const panels: Panel[] = flat.map((panel, k) => ({ ...panel, row: Math.floor(k / columns), column: k % columns }));
  const [first] = figures;
  const style: FigureStyle = {
    ...(options.preset ? styleOf(options.preset, { palette: first.style.palette }) : first.style),
    ...(options.font ? { font: options.font } : {}),
    ...(options.palette ? { palette: options.palette } : {}),
    ...resized(options.sizes),
  };
  const width = options.width_mm ?? (options.preset ? presets[options.preset].width_mm : first.width_mm);
  return {
    format: 'covature-figure',
    version: 1,
    kind: 'panels',
    title: options.title ?? figures.map((figure) => figure.title).join('; '),
    description: figures.map((figure, k) => `(${String.fromCharCode(97 + (k % 26))}) ${figure.description}`).join(' '),
    width_mm: width,
    height_mm: options.height_mm ?? 'auto',
    frameAspect: Math.max(...figures.map((figure) => figure.frameAspect)),
    style,
    rows,
    columns,
    panels,
    shareX: options.shareX ?? false,
    shareY: options.shareY ?? false,
    letters: options.letters ?? true,
    legend: options.legend ?? 'auto',
    notes: lettered(figures, style, options.letters ?? true),
    points: first.points,
    provenance: merged(figures.map((figure) => figure.provenance)),
  };
}

/** Statements of the figures: those of all of them once, the others behind the letters of theirs. */
function lettered(figures: readonly FigureSpec[], style: FigureStyle, letters: boolean): string[] {
  let first = 0;
  const places = figures.map(({ panels }) => {
    const from = letterOf(first, style.panelLabels);
    first += panels.length;
    return panels.length === 1 ? from : `${from}–${letterOf(first - 1, style.panelLabels)}`;
  });
  return [...new Set(figures.flatMap((figure) => figure.notes))].map((note) => {
    const of = places.filter((_, k) => figures[k].notes.includes(note));
    return !letters || of.length === figures.length ? note : `${of.join(', ')}: ${note}`;
  });
}

/** The union of provenances. Fit settings that differ between the figures carry the letter of theirs. */
function merged(all: readonly Provenance[]): Provenance {
  const runs = new Map(all.flatMap((provenance) => provenance.runs.map((run) => [run.id, run] as const)));
  const fit: Record<string, string | number> = {};
  for (const key of new Set(all.flatMap((provenance) => Object.keys(provenance.fit)))) {
    const values = all.map((provenance) => provenance.fit[key]);
    if (values.every((value) => value === values[0])) fit[key] = values[0];
    else
      values.forEach(
        (value, k) => value !== undefined && (fit[`${String.fromCharCode(97 + (k % 26))}.${key}`] = value),
      );
  }
  const created = all.map((provenance) => provenance.created).find((value) => value !== undefined);
  return {
    software: all[0].software,
    runs: [...runs.values()],
    data: Object.assign({}, ...all.map((provenance) => provenance.data)) as Record<string, string>,
    fit,
    ...(created === undefined ? {} : { created }),
  };
}
