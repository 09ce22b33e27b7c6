/** Shared by the figure functions: the data they take, the options that every figure has, statements, small numerical helpers. */
import { definedOf } from '../../defined.ts';
import { undrawnText, type DrawnDirections } from '../../drawn-directions.ts';
import { smallestCutoff } from '../../estimands.ts';
import type { ExtraArrays, ResultArrays } from '../../results.ts';
import type { Measurement } from '../figure-data.ts';
import type { FontFamily } from '../fonts/library.ts';
import type { PaletteName } from '../palettes.ts';
import { presets, styleOf, type PresetName, type TypeSizes } from '../presets.ts';
import { InputError } from '../../errors.ts';
import type { Annotation, Axis, FigureSpec, LegendPlace, Panel, PointRule, FigureProvenance } from '../types.ts';

/** Options of every figure. */
export interface FigureOptions {
  /** Sizes of a venue; 'icml-1' by default. */
  readonly preset?: PresetName;
  /** Overrides of the preset, in mm. A height left out follows from the contents. */
  readonly width_mm?: number;
  readonly height_mm?: number;
  readonly font?: FontFamily;
  readonly palette?: PaletteName;
  readonly sizes?: TypeSizes;
  readonly legend?: LegendPlace;
  /** Labels and limits of the axes in place of the figure's own. */
  readonly x?: Partial<Pick<Axis, 'label' | 'min' | 'max'>>;
  readonly y?: Partial<Pick<Axis, 'label' | 'min' | 'max'>>;
  /** Over the panel; none by default: papers have captions. */
  readonly title?: string;
  readonly annotations?: readonly Annotation[];
  readonly points?: Partial<PointRule>;
  readonly provenance?: FigureProvenance | undefined;
}

export const noProvenance: FigureProvenance = { software: 'Covature', runs: [], data: {}, fit: {} };

interface DraftPage {
  readonly kind: string;
  readonly title: string;
  readonly description: string;
  readonly rows?: number;
  readonly columns?: number;
  readonly frameAspect?: number;
  readonly shareX?: boolean;
  readonly shareY?: boolean;
  readonly notes?: readonly string[];
  /** Letters on the panels; true by default. */
  readonly letters?: boolean;
  /** Settings of fits that belong to the provenance. */
  readonly fit?: Readonly<Record<string, string | number>>;
}

/** A figure of one panel says what that shows; one of several has them as a list. */
export type Draft = DraftPage & ({ readonly panels: readonly Panel[] } | Pick<Panel, 'x' | 'y' | 'marks' | 'square'>);

/** What options say of the whole page, completed. */
export function pageOf(
  options: FigureOptions,
): Pick<FigureSpec, 'width_mm' | 'height_mm' | 'style' | 'legend' | 'points'> {
  const preset = options.preset ?? 'icml-1';
  return {
    width_mm: options.width_mm ?? presets[preset].width_mm,
    height_mm: options.height_mm ?? 'auto',
    style: styleOf(preset, definedOf({ font: options.font, palette: options.palette, sizes: options.sizes })),
    legend: options.legend ?? 'auto',
    points: { mode: 'auto', limit: 4000, dpi: 600, ...options.points },
  };
}

function onlyPanel({ square, x, y, marks }: Pick<Panel, 'x' | 'y' | 'marks' | 'square'>): Panel {
  return definedOf({ row: 0, column: 0, square, x, y, marks });
}

/** Completes a figure with the options that all share. */
export function finish(draft: Draft, options: FigureOptions): FigureSpec {
  const provenance = options.provenance ?? noProvenance;
  const drafted = 'panels' in draft ? draft.panels : [onlyPanel(draft)];
  const single = drafted.length === 1;
  const panels = drafted.map((panel) => ({
    ...panel,
    // Overrides are for the one panel of a plain figure; stacked ones share their x axis.
    x: single || draft.shareX ? { ...panel.x, ...options.x } : panel.x,
    y: single ? { ...panel.y, ...options.y } : panel.y,
    title: (single ? options.title : undefined) ?? panel.title,
    annotations:
      single && options.annotations ? [...(panel.annotations ?? []), ...options.annotations] : panel.annotations,
  }));
  return {
    format: 'covature-figure',
    version: 1,
    kind: draft.kind,
    title: draft.title,
    description: draft.description,
    ...pageOf(options),
    frameAspect: draft.frameAspect ?? 0.72,
    rows: draft.rows ?? 1,
    columns: draft.columns ?? 1,
    panels,
    shareX: draft.shareX ?? false,
    shareY: draft.shareY ?? false,
    letters: draft.letters ?? true,
    notes: draft.notes ?? [],
    provenance: { ...provenance, fit: { ...provenance.fit, ...draft.fit } },
  };
}

/** An array of the measurement; raises `InputError` naming the one that is missing. */
export function arrayOf(measurement: Measurement, name: keyof ResultArrays | keyof ExtraArrays): Float64Array {
  const array = measurement.arrays[name];
  if (!array) throw new InputError(`the measurement of ${measurement.summary.parameter} holds no array "${name}"`);
  return array;
}

/** A power of ten as TeX: 1e-4 -> "10^{-4}", 3.2e-5 -> "3.2 \times 10^{-5}". */
export function powerTex(value: number): string {
  const exponent = Math.round(Math.log10(value));
  if (Math.abs(value / 10 ** exponent - 1) < 1e-9) return `10^{${exponent}}`;
  const [mantissa, power] = value.toExponential(1).split('e');
  return `${mantissa} \\times 10^{${Number(power)}}`;
}

export { estimandNames } from '../../estimands.ts';
export { estimatorNames } from '../../slopes.ts';

/** The statement of what is not drawn, in TeX; none if all is. */
export function undrawnNotes(sets: readonly DrawnDirections[], smallest = smallestCutoff): string[] {
  const text = undrawnText(sets, smallest);
  return text === '' ? [] : [text.replace(/10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+/, `$$${powerTex(smallest || 1)}$$`)];
}
