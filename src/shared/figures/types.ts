/**
 * The specification of a figure: plain JSON, everything that is drawn, and nothing about where it came from except its provenance. Made by the
 * figure functions (figures/), combined by `composePanels`, laid out by `layoutFigure`, drawn by `renderSvg` and, on the main side, as PDF.
 * Labels are text with TeX mathematics between dollar signs. The types follow from the schema, by which a specification from outside (a file that is
 * reopened, a stored recipe) is checked.
 */
import * as v from 'valibot';
import { integer, parseWith, positive, real } from '../validation.ts';
import { dashes, markerShapes, type Colour } from './appearance.ts';
import { fontFamilies } from './fonts/library.ts';
import { paletteNames } from './palettes.ts';

/** JSON has no NaN: a missing value is stored as null. */
const numbers = v.array(
  v.pipe(
    v.nullable(v.number()),
    v.transform((value) => value ?? NaN),
  ),
);
const colour: v.GenericSchema<Colour> = v.union([
  integer(0),
  v.picklist(['ink', 'muted', 'faint']),
  v.pipe(v.string(), v.regex(/^#[0-9a-fA-F]{6}$/, 'expected a colour #rrggbb')) as v.GenericSchema<`#${string}`>,
]);
const text = v.string('expected text');
const pair = v.tuple([v.number(), v.number()]);
const dash = v.optional(v.picklist(dashes));
/** 0 to 1. */
const opacity = v.optional(real(0, 1));
/** A multiple of the style's line width (of the axes' for a rule); 1 by default. */
const width = v.optional(positive);
/** What one value is, in the plural ("directions"), for the statement of values left out. */
const what = v.optional(text);

const series = {
  /** Colour; the slot also gives marker and dash where those are not set. */
  colour,
  /** Name of its columns in the CSV file: short, lower case. */
  name: text,
  /** Entry in the legend; none by default. */
  label: v.optional(text),
  /** Entry in a legend that several panels share, where `label` carries a number of its own panel; that number then stands in the panel. */
  shared: v.optional(text),
  /** Place in the legend: lower numbers first, equal ones in the order of the marks; 0 by default. */
  order: v.optional(v.number()),
};

const points = v.strictObject({
  kind: v.literal('points'),
  ...series,
  x: numbers,
  y: numbers,
  /** Ends of error bars, the same length as y. */
  yLow: v.optional(numbers),
  yHigh: v.optional(numbers),
  /** Distance in points of the page by which upright error bars are to the right of their points, where bars of several series would cover each other; 0 by default. */
  barShift: v.optional(real()),
  marker: v.optional(v.picklist(markerShapes)),
  /** Diameter in points; by default from the style and the number of points. */
  size: v.optional(positive),
  /** By default 1, less for many points. */
  opacity,
  /** Joined by a line in this dash. */
  join: dash,
  what,
});

const line = v.strictObject({
  kind: v.literal('line'),
  ...series,
  x: numbers,
  y: numbers,
  dash,
  width,
  opacity,
  what,
});

const band = v.strictObject({
  kind: v.literal('band'),
  ...series,
  x: numbers,
  low: numbers,
  high: numbers,
  /** 0.2 by default. */
  opacity,
});

/** A straight line across the panel at one value of x or y. */
const rule = v.strictObject({
  kind: v.literal('rule'),
  ...series,
  axis: v.picklist(['x', 'y']),
  value: v.number(),
  dash,
  width,
});

/** A shaded interval of x or y across the panel. */
const region = v.strictObject({
  kind: v.literal('region'),
  ...series,
  axis: v.picklist(['x', 'y']),
  from: v.number(),
  to: v.number(),
  opacity,
});

/** A power law y = y0 (x / x0)^slope across the panel: a straight line on log-log axes, on others a curve. */
const slope = v.strictObject({
  kind: v.literal('slope'),
  ...series,
  slope: real(),
  /** x0, y0. */
  through: pair,
  /** Drawn between these x only; across the panel by default. */
  between: v.optional(pair),
  dash,
  width,
});

const colourScale = v.strictObject({
  map: v.picklist(['sequential', 'diverging']),
  /** 'symlog': signed logarithm, linear within `linear` of zero. */
  scale: v.picklist(['linear', 'log', 'symlog']),
  low: real(),
  high: real(),
  /** symlog: the size below which the scale is linear. */
  linear: v.optional(positive),
  label: v.optional(text),
});

/** Cells of equal size, row 0 on top, row-major; drawn at no fewer than 600 cells an inch by repetition, so that no viewer blurs them. */
const heatmap = v.strictObject({
  kind: v.literal('heatmap'),
  name: text,
  rows: integer(1, 20_000),
  columns: integer(1, 20_000),
  values: numbers,
  /** Extent in data coordinates. */
  x: pair,
  y: pair,
  colours: colourScale,
});

const mark = v.variant('kind', [points, line, band, rule, region, slope, heatmap]);

const axis = v.strictObject({
  scale: v.picklist(['linear', 'log', 'category']),
  label: text,
  /** Ends; those left out come from the data. A log axis takes positive ends only. */
  min: v.optional(real()),
  max: v.optional(real()),
  /** Names at 0, 1, 2, ... of a category axis. */
  categories: v.optional(v.array(text)),
  /** Values fall along the axis (matrix rows). */
  reversed: v.optional(v.boolean()),
  /** Ticks at whole numbers only. */
  integers: v.optional(v.boolean()),
  /** Keep zero within a linear axis; false by default. */
  zero: v.optional(v.boolean()),
  /** Numbers stand at these values if they have room beside each other: the values of a swept setting. */
  at: v.optional(v.array(v.number())),
});

/** A note in the panel. */
export const annotationSchema = v.strictObject({
  text,
  /** Data coordinates, or shares of the frame from its lower left corner. */
  x: real(),
  y: real(),
  in: v.picklist(['data', 'frame']),
  anchor: v.optional(v.picklist(['start', 'middle', 'end'])),
  /** Draws a thin line from the text to this point in data coordinates. */
  to: v.optional(pair),
});

export const legendPlaces = [
  'auto',
  'top-left',
  'top-right',
  'bottom-left',
  'bottom-right',
  'below',
  'above',
  'right',
  'none',
] as const;

const panel = v.strictObject({
  row: integer(0, 99),
  column: integer(0, 99),
  /** Columns of the grid that the panel is wide; 1 by default. */
  span: v.optional(integer(1, 100)),
  title: v.optional(text),
  x: axis,
  y: axis,
  marks: v.array(mark),
  annotations: v.optional(v.array(annotationSchema)),
  /** The frame is made square (matrices). */
  square: v.optional(v.boolean()),
  /** In a figure of one column, panels with the same number share their x axis: its numbers and label stand under the lowest. */
  stack: v.optional(integer(0)),
});

const style = v.strictObject({
  /** Name of the preset that the sizes come from, for the record. */
  preset: text,
  font: v.picklist(fontFamilies),
  palette: v.picklist(paletteNames),
  /** Type sizes in points. */
  labelSize: real(1, 200),
  tickSize: real(1, 200),
  legendSize: real(1, 200),
  noteSize: real(1, 200),
  panelLabelSize: real(1, 200),
  /** "(a)" regular, or "a" bold as Nature asks. */
  panelLabels: v.picklist(['parentheses', 'bold']),
  /** Line widths in points: axes and ticks; data. */
  axisWidth: real(0.01, 50),
  lineWidth: real(0.01, 50),
  /** Diameter of a marker of a small series, in points. */
  markerSize: real(0.01, 100),
});

/** How many points are drawn one by one. */
export const pointRuleSchema = v.strictObject({
  /**
   * 'auto': as vectors up to `limit` points a panel, above that rasterised; 'vector'; 'raster': at `dpi` under vector axes; 'thin': at most `limit` points
   * of a series, the first in each cell of the finest grid over the frame that leaves at most `limit`; stated in the notes.
   */
  mode: v.picklist(['auto', 'vector', 'raster', 'thin']),
  /** 4,000 by default. */
  limit: integer(1),
  /** 600 by default. */
  dpi: integer(30, 2400),
});

/** Where the numbers come from; written into the metadata of every export. */
const provenanceSchema = v.strictObject({
  /** "Covature 0.1.0 (1a2b3c4d5e)": version, and the commit where it is known. */
  software: text,
  runs: v.array(v.strictObject({ id: text, name: text })),
  /** Hashes of the data sets, by run or name. */
  data: v.record(text, text),
  /** Settings of fits: estimand, estimator, cutoff... */
  fit: v.record(text, v.union([text, v.number()])),
  /** ISO 8601; left out if exports shall be reproducible byte for byte. */
  created: v.optional(text),
});

const specSchema = v.strictObject({
  format: v.literal('covature-figure'),
  version: v.literal(1),
  /** Name of the figure function, or "panels". */
  kind: text,
  /** Plain text for metadata and screen readers; not drawn. */
  title: text,
  description: text,
  width_mm: real(5, 2000),
  /** 'auto': as high as frames of `frameAspect` make it, rounded up to 0.1 mm. */
  height_mm: v.union([v.literal('auto'), real(5, 2000)]),
  /** Height by width of a panel's frame, where the height is 'auto'. Square panels take 1. */
  frameAspect: real(0.02, 50),
  style,
  rows: integer(1, 100),
  columns: integer(1, 100),
  panels: v.pipe(v.array(panel), v.minLength(1, 'expected at least one panel')),
  /** Panels of a column share their x axis, panels of a row their y axis: same limits, numbers and label once. */
  shareX: v.boolean(),
  shareY: v.boolean(),
  /** Letters (a), (b), ... on the panels; by default where there is more than one. */
  letters: v.boolean(),
  legend: v.picklist(legendPlaces),
  /** Small print under the figure; statements of points left out are added by the layout. */
  notes: v.array(text),
  points: pointRuleSchema,
  provenance: provenanceSchema,
});

/** What a schema makes, none of it to be changed. */
type Parsed<S extends v.GenericSchema> = Constant<v.InferOutput<S>>;
type Constant<T> = T extends object ? { readonly [K in keyof T]: Constant<T[K]> } : T;

export type Points = Parsed<typeof points>;
export type Line = Parsed<typeof line>;
export type Band = Parsed<typeof band>;
export type Rule = Parsed<typeof rule>;
export type Region = Parsed<typeof region>;
export type Slope = Parsed<typeof slope>;
export type ColourScale = Parsed<typeof colourScale>;
export type Heatmap = Parsed<typeof heatmap>;
export type Mark = Points | Line | Band | Rule | Region | Slope | Heatmap;
export type Axis = Parsed<typeof axis>;
export type Annotation = Parsed<typeof annotationSchema>;
/** 'auto': in the corner that covers the fewest points; below the figure where every corner covers some. */
export type LegendPlace = (typeof legendPlaces)[number];
export type Panel = Parsed<typeof panel>;
export type FigureStyle = Parsed<typeof style>;
export type PointRule = Parsed<typeof pointRuleSchema>;
export type FigureProvenance = Parsed<typeof provenanceSchema>;
export type FigureSpec = Parsed<typeof specSchema>;

/** A specification from parsed JSON. Raises `InputError` naming what is wrong and where. */
export function parseSpec(input: unknown, what = 'the figure'): FigureSpec {
  return parseWith(specSchema, input, what);
}
