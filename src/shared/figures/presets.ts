/**
 * Sizes that venues ask for; docs/figures.md says where each comes from and what was checked. Type sizes are those of the printed figure, so figures
 * go in at 100 %.
 */
import { definedOf } from '../defined.ts';
import type { FontFamily } from './fonts/library.ts';
import type { PaletteName } from './palettes.ts';
import type { FigureStyle } from './types.ts';

export interface Preset extends Omit<FigureStyle, 'preset' | 'palette'> {
  readonly name: string;
  readonly width_mm: number;
  /** Tallest figure that the page takes, in mm. */
  readonly maxHeight_mm: number;
  /** Where the sizes come from. */
  readonly source: string;
  /** The share that sizes of type may shrink to where many panels share the page; 1, no less, where a venue asks for the sizes. */
  readonly leastScale?: number;
}

const inch = 25.4;

const paper = {
  font: 'stix',
  labelSize: 8,
  tickSize: 7,
  legendSize: 7,
  noteSize: 6,
  panelLabelSize: 8,
  panelLabels: 'parentheses',
  axisWidth: 0.5,
  lineWidth: 1,
  markerSize: 3.2,
} as const;
// APS asks for capitals and numerals of at least 2 mm in print: 5.67 pt, which STIX Two reaches at 8.7 pt.
const aps = {
  ...paper,
  labelSize: 9,
  tickSize: 8.8,
  legendSize: 8.8,
  noteSize: 8.7,
  panelLabelSize: 9,
  axisWidth: 0.6,
} as const;
// Nature: sans serif, 5 to 7 pt, panel letters 8 pt bold lower case, lines 0.25 to 1 pt.
const nature = {
  ...paper,
  font: 'sans',
  labelSize: 7,
  tickSize: 6,
  legendSize: 6,
  noteSize: 5,
  panelLabelSize: 8,
  panelLabels: 'bold',
  axisWidth: 0.5,
  lineWidth: 0.9,
  markerSize: 2.8,
} as const;

export const presets = {
  'icml-1': { ...paper, name: 'ICML, one column', width_mm: 3.25 * inch, maxHeight_mm: 9 * inch, source: 'ICML style file: columns of 3.25 in' },
  'icml-2': { ...paper, name: 'ICML, two columns', width_mm: 6.75 * inch, maxHeight_mm: 9 * inch, source: 'ICML style file: text 6.75 in wide' },
  neurips: { ...paper, name: 'NeurIPS, text width', width_mm: 5.5 * inch, maxHeight_mm: 9 * inch, source: 'NeurIPS style file: text 5.5 in wide' },
  'neurips-half': { ...paper, name: 'NeurIPS, half the text width', width_mm: 2.7 * inch, maxHeight_mm: 9 * inch, source: 'Two side by side in the 5.5 in of NeurIPS' },
  jmlr: { ...paper, labelSize: 9, tickSize: 8, legendSize: 8, noteSize: 7, panelLabelSize: 9, name: 'JMLR, text width', width_mm: 6 * inch, maxHeight_mm: 8.5 * inch, source: 'JMLR format: text 6 in wide, type of 11 pt' },
  'prl-1': { ...aps, name: 'PRL, one column', width_mm: 86, maxHeight_mm: 240, source: 'APS, information for contributors: one column 8.6 cm (3 3/8 in), lettering at least 2 mm high, lines at least 0.18 mm' },
  'prl-2': { ...aps, name: 'PRL, two columns', width_mm: 178, maxHeight_mm: 240, source: 'APS states no width for two columns: 17.8 cm (7 in) in the 17.92 cm of REVTeX' },
  'nature-1': { ...nature, name: 'Nature, one column', width_mm: 89, maxHeight_mm: 170, source: 'Nature research figure guide: one column 89 mm, type of 5 to 7 pt' },
  'nature-2': { ...nature, name: 'Nature, two columns', width_mm: 183, maxHeight_mm: 170, source: 'Nature research figure guide: two columns 183 mm, at most 170 mm high so that the caption fits below' },
  slides: { font: 'sans', labelSize: 18, tickSize: 15, legendSize: 15, noteSize: 11, panelLabelSize: 18, panelLabels: 'bold', axisWidth: 1, lineWidth: 2.2, markerSize: 7, name: 'Slides, 16:9', width_mm: 254, maxHeight_mm: 142.875, leastScale: 0.5, source: 'Slides of 10 in by 5.625 in' },
} as const satisfies Record<string, Preset>; // prettier-ignore

export type PresetName = keyof typeof presets;
export const presetNames = Object.keys(presets) as PresetName[];

/** Type sizes in points. */
export interface TypeSizes {
  readonly label?: number;
  readonly tick?: number;
  readonly legend?: number;
  readonly note?: number;
}

/** The style of a preset, with what was chosen in its place. */
export function styleOf(
  preset: PresetName,
  choice: { readonly font?: FontFamily; readonly palette?: PaletteName; readonly sizes?: TypeSizes } = {},
): FigureStyle {
  const {
    name: _name,
    width_mm: _width,
    maxHeight_mm: _height,
    source: _source,
    leastScale: _scale,
    font,
    ...sizes
  }: Preset = presets[preset];
  return {
    preset,
    font: choice.font ?? font,
    palette: choice.palette ?? 'okabe-ito',
    ...sizes,
    ...resized(choice.sizes),
  };
}

/** Every size of a style by one factor. */
export function scaledStyle(style: FigureStyle, factor: number): FigureStyle {
  const round = (size: number): number => Math.round(size * factor * 100) / 100;
  return {
    ...style,
    labelSize: round(style.labelSize),
    tickSize: round(style.tickSize),
    legendSize: round(style.legendSize),
    noteSize: round(style.noteSize),
    panelLabelSize: round(style.panelLabelSize),
    axisWidth: round(style.axisWidth),
    lineWidth: round(style.lineWidth),
    markerSize: round(style.markerSize),
  };
}

/** Sizes that were chosen, under the names of the style. */
export function resized({ label, tick, legend, note }: TypeSizes = {}): Partial<FigureStyle> {
  return definedOf({ labelSize: label, tickSize: tick, legendSize: legend, noteSize: note });
}
