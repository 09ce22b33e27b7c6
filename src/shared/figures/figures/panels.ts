/** Several figures as panels (a), (b), ... of one. */
import { definedOf } from '../../defined.ts';
import { InputError } from '../../errors.ts';
import type { FontFamily } from '../fonts/library.ts';
import { lettersOf } from '../layout/frames.ts';
import { mergedNotes } from '../layout/notes.ts';
import type { PaletteName } from '../palettes.ts';
import {
  presetNames,
  presets,
  resized,
  scaledStyle,
  styleOf,
  type Preset,
  type PresetName,
  type TypeSizes,
} from '../presets.ts';
import type { FigureSpec, FigureStyle, LegendPlace, Panel, FigureProvenance } from '../types.ts';

export interface PanelOptions {
  /** Columns of the grid; by default as near to a square as the count and the width of the page allow. */
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

/** Style comes from the first figure; a preset that is named brings its own sizes and font. Figures of several panels count with the number of their panels. */
export function composePanels(figures: readonly FigureSpec[], options: PanelOptions = {}): FigureSpec {
  if (figures.length === 0) throw new InputError('panels need at least one figure');
  const flat = stacked(figures);
  const [first] = figures;
  const asked: FigureStyle = {
    ...(options.preset ? styleOf(options.preset, { palette: first.style.palette }) : first.style),
    ...definedOf({ font: options.font, palette: options.palette }),
    ...resized(options.sizes),
  };
  const width = options.width_mm ?? (options.preset ? presets[options.preset].width_mm : first.width_mm);
  const page: Preset = presets[presetNames.find((name) => name === asked.preset) ?? 'icml-1'];
  const height =
    options.height_mm ?? (presetNames.some((name) => name === asked.preset) ? page.maxHeight_mm : Infinity);
  const style = scaledToFit(
    asked,
    flat.length,
    width,
    height,
    options.sizes === undefined ? (page.leastScale ?? 1) : 1,
  );
  const fitting = columnsThatFit(flat.length, width, height, style.labelSize);
  const beside = options.columns === undefined && areStacks(figures) && fitting >= figures.length;
  const columns = beside ? figures.length : Math.min(options.columns ?? fitting, flat.length);
  if (!(columns >= 1)) throw new InputError(`a grid needs at least one column, not ${options.columns}`);
  const rows = Math.ceil(flat.length / columns);
  const panels: Panel[] = beside
    ? flat.map((panel, k) => ({ ...panel, row: k % rows, column: Math.floor(k / rows) }))
    : inRows(flat, columns);
  const counts = figures.map((figure) => figure.panels.length);
  const letters = lettersOf(counts, 'parentheses');
  return {
    format: 'covature-figure',
    version: 1,
    kind: 'panels',
    title: options.title ?? figures.map((figure) => figure.title).join('; '),
    description: figures.map((figure, k) => `${letters[k]} ${figure.description}`).join(' '),
    width_mm: width,
    height_mm: options.height_mm ?? 'auto',
    frameAspect: Math.max(...figures.map((figure) => figure.frameAspect)),
    style,
    rows,
    columns,
    panels,
    shareX: options.shareX ?? beside,
    shareY: options.shareY ?? false,
    letters: options.letters ?? true,
    legend: options.legend ?? 'auto',
    notes: lettered(figures, style, options.letters ?? true),
    points: first.points,
    provenance: merged(
      figures.map((figure) => figure.provenance),
      lettersOf(counts, 'bold'),
    ),
  };
}

/** The letters of the figures that a figure is composed of, with parentheses. */
export function figureLetters({ panels }: FigureSpec): string[] {
  const counts: number[] = [];
  panels.forEach(({ stack }, k) => {
    if (stack !== undefined && stack === panels[k - 1]?.stack) counts[counts.length - 1]++;
    else counts.push(1);
  });
  return lettersOf(counts, 'parentheses');
}

/** All panels; those of a figure over one axis go on sharing it where they stand under each other. */
function stacked(figures: readonly FigureSpec[]): Panel[] {
  let stacks = 0;
  return figures.flatMap(({ panels, shareX }) => {
    if (!shareX || panels.length === 1) return panels;
    const stack = stacks++;
    return panels.map((panel) => ({ ...panel, stack }));
  });
}

/**
 * Panels in rows. Where the grid has cells to spare, a quantity over training takes them: it can be as wide as the page, and nothing is left empty. The last
 * panel where it is one, else the first.
 */
function inRows(panels: readonly Panel[], columns: number): Panel[] {
  const spare = Math.ceil(panels.length / columns) * columns - panels.length;
  const ends = [panels.length - 1, 0].filter((k) => panels[k].stack !== undefined);
  const [wide] = spare > 0 ? ends : [];
  return panels.map((panel, k) => {
    const cell = k + (wide !== undefined && k > wide ? spare : 0);
    const placed = { ...panel, row: Math.floor(cell / columns), column: cell % columns };
    return k === wide ? { ...placed, span: spare + 1 } : placed;
  });
}

/** The style with sizes of type by which all rows have room, down to a share of them. */
function scaledToFit(
  style: FigureStyle,
  count: number,
  width_mm: number,
  height_mm: number,
  least: number,
): FigureStyle {
  if (least >= 1) return style;
  const columns = Math.min(
    Math.ceil(Math.sqrt(count)),
    Math.max(1, Math.floor(points(width_mm) / (narrowestPanel * style.labelSize))),
  );
  const needed = Math.ceil(count / columns) * roomyPanel * style.labelSize;
  const factor = Math.max(least, Math.min(1, points(height_mm) / needed));
  return factor < 1 ? scaledStyle(style, factor) : style;
}

const points = (length_mm: number): number => (length_mm / 25.4) * 72;

/** Figures of as many panels each over one axis, as training over time: each stays a column. */
function areStacks(figures: readonly FigureSpec[]): boolean {
  const [{ panels }] = figures;
  return panels.length > 1 && figures.every((figure) => figure.shareX && figure.panels.length === panels.length);
}

/** Width that a panel takes at least, in sizes of the type of labels: below, numbers of the axis stand against each other and no legend fits. */
const narrowestPanel = 17;
/** Height with its labels, in the same: at least, and with room for a legend. */
const lowestPanel = 9;
const roomyPanel = 11;

/**
 * As near to a square as the count allows, in panels that are wide enough for their type: stacked where two side by side are not. Where the page has no room for so
 * many rows, more columns.
 */
function columnsThatFit(count: number, width_mm: number, height_mm: number, labelSize: number): number {
  const fit = (length_mm: number, least: number): number =>
    Math.max(1, Math.floor(points(length_mm) / (least * labelSize)));
  const columns = Math.min(Math.ceil(Math.sqrt(count)), fit(width_mm, narrowestPanel));
  return Math.max(columns, Math.ceil(count / fit(height_mm, lowestPanel)));
}

/** Statements of the figures: those of all of them once, the others behind the letters of theirs. */
function lettered(figures: readonly FigureSpec[], style: FigureStyle, letters: boolean): string[] {
  const places = lettersOf(
    figures.map(({ panels }) => panels.length),
    style.panelLabels,
  );
  return mergedNotes(
    [...new Set(figures.flatMap((figure) => figure.notes))].map((text) => {
      const of = places.filter((_, k) => figures[k].notes.includes(text));
      return { text, letter: !letters || of.length === figures.length ? '' : of.join(', ') };
    }),
  );
}

/** The union of provenances. Fit settings that differ between the figures carry the letter of theirs. */
function merged(all: readonly FigureProvenance[], letters: readonly string[]): FigureProvenance {
  const runs = new Map(all.flatMap((provenance) => provenance.runs.map((run) => [run.id, run] as const)));
  const fit: Record<string, string | number> = {};
  for (const key of new Set(all.flatMap((provenance) => Object.keys(provenance.fit)))) {
    const values = all.map((provenance) => provenance.fit[key]);
    if (values.every((value) => value === values[0])) fit[key] = values[0];
    else values.forEach((value, k) => value !== undefined && (fit[`${letters[k]}.${key}`] = value));
  }
  const created = all.map((provenance) => provenance.created).find((value) => value !== undefined);
  return definedOf({
    software: all[0].software,
    runs: [...runs.values()],
    data: Object.assign({}, ...all.map((provenance) => provenance.data)) as Record<string, string>,
    fit,
    created,
  });
}
