/** Specifications from outside (a file that is reopened, a recipe that was stored) checked before they are drawn. */
import { dashes, markerShapes } from './appearance.ts';
import * as v from 'valibot';
import { integer, parseWith, positive, real } from '../validation.ts';
import { fontFamilies } from './fonts/library.ts';
import { paletteNames } from './palettes.ts';
import { legendPlaces, type FigureSpec } from './types.ts';

/** JSON has no NaN: a missing value is stored as null. */
const numbers = v.array(
  v.pipe(
    v.nullable(v.number()),
    v.transform((value) => value ?? NaN),
  ),
);
const colour = v.union([
  integer(0),
  v.picklist(['ink', 'muted', 'faint']),
  v.pipe(v.string(), v.regex(/^#[0-9a-fA-F]{6}$/, 'expected a colour #rrggbb')) as v.GenericSchema<`#${string}`>,
]);
const text = v.string('expected text');
const pair = v.tuple([v.number(), v.number()]);
const dash = v.picklist(dashes);
const share = real(0, 1);

const series = {
  colour,
  name: text,
  label: v.exactOptional(text),
  shared: v.exactOptional(text),
  order: v.exactOptional(v.number()),
};

const mark = v.variant('kind', [
  v.strictObject({
    kind: v.literal('points'),
    ...series,
    x: numbers,
    y: numbers,
    xLow: v.exactOptional(numbers),
    xHigh: v.exactOptional(numbers),
    yLow: v.exactOptional(numbers),
    yHigh: v.exactOptional(numbers),
    barShift: v.exactOptional(real()),
    marker: v.exactOptional(v.picklist(markerShapes)),
    size: v.exactOptional(positive),
    opacity: v.exactOptional(share),
    join: v.exactOptional(dash),
    what: v.exactOptional(text),
  }),
  v.strictObject({
    kind: v.literal('line'),
    ...series,
    x: numbers,
    y: numbers,
    dash: v.exactOptional(dash),
    width: v.exactOptional(positive),
    steps: v.exactOptional(v.boolean()),
    opacity: v.exactOptional(share),
    what: v.exactOptional(text),
  }),
  v.strictObject({
    kind: v.literal('band'),
    ...series,
    x: numbers,
    low: numbers,
    high: numbers,
    opacity: v.exactOptional(share),
  }),
  v.strictObject({
    kind: v.literal('rule'),
    ...series,
    axis: v.picklist(['x', 'y']),
    value: v.number(),
    dash: v.exactOptional(dash),
    width: v.exactOptional(positive),
  }),
  v.strictObject({
    kind: v.literal('region'),
    ...series,
    axis: v.picklist(['x', 'y']),
    from: v.number(),
    to: v.number(),
    opacity: v.exactOptional(share),
  }),
  v.strictObject({
    kind: v.literal('slope'),
    ...series,
    slope: real(),
    through: pair,
    between: v.exactOptional(pair),
    dash: v.exactOptional(dash),
    width: v.exactOptional(positive),
  }),
  v.strictObject({
    kind: v.literal('histogram'),
    ...series,
    edges: numbers,
    heights: numbers,
    opacity: v.exactOptional(share),
  }),
  v.strictObject({
    kind: v.literal('heatmap'),
    name: text,
    rows: integer(1, 20_000),
    columns: integer(1, 20_000),
    values: numbers,
    x: pair,
    y: pair,
    colours: v.strictObject({
      map: v.picklist(['sequential', 'diverging']),
      scale: v.picklist(['linear', 'log', 'symlog']),
      low: real(),
      high: real(),
      linear: v.exactOptional(positive),
      label: v.exactOptional(text),
    }),
  }),
]);

const axis = v.strictObject({
  scale: v.picklist(['linear', 'log', 'category']),
  label: text,
  min: v.exactOptional(real()),
  max: v.exactOptional(real()),
  categories: v.exactOptional(v.array(text)),
  reversed: v.exactOptional(v.boolean()),
  integers: v.exactOptional(v.boolean()),
  zero: v.exactOptional(v.boolean()),
  at: v.exactOptional(v.array(v.number())),
});

export const annotationSchema = v.strictObject({
  text,
  x: real(),
  y: real(),
  in: v.picklist(['data', 'frame']),
  anchor: v.exactOptional(v.picklist(['start', 'middle', 'end'])),
  to: v.exactOptional(pair),
});

export const provenanceSchema = v.strictObject({
  software: text,
  runs: v.array(v.strictObject({ id: text, name: text })),
  data: v.record(text, text),
  fit: v.record(text, v.union([text, v.number()])),
  created: v.exactOptional(text),
});

export const pointRuleSchema = v.strictObject({
  mode: v.picklist(['auto', 'vector', 'raster', 'thin']),
  limit: integer(1),
  dpi: integer(30, 2400),
});

const specSchema = v.strictObject({
  format: v.literal('covature-figure'),
  version: v.literal(1),
  kind: text,
  title: text,
  description: text,
  width_mm: real(5, 2000),
  height_mm: v.union([v.literal('auto'), real(5, 2000)]),
  frameAspect: real(0.02, 50),
  style: v.strictObject({
    preset: text,
    font: v.picklist(fontFamilies),
    palette: v.picklist(paletteNames),
    labelSize: real(1, 200),
    tickSize: real(1, 200),
    legendSize: real(1, 200),
    noteSize: real(1, 200),
    panelLabelSize: real(1, 200),
    panelLabels: v.picklist(['parentheses', 'bold']),
    axisWidth: real(0.01, 50),
    lineWidth: real(0.01, 50),
    markerSize: real(0.01, 100),
  }),
  rows: integer(1, 100),
  columns: integer(1, 100),
  panels: v.pipe(
    v.array(
      v.strictObject({
        row: integer(0, 99),
        column: integer(0, 99),
        title: v.exactOptional(text),
        x: axis,
        y: axis,
        marks: v.array(mark),
        annotations: v.exactOptional(v.array(annotationSchema)),
        square: v.exactOptional(v.boolean()),
        stack: v.exactOptional(integer(0)),
      }),
    ),
    v.minLength(1, 'expected at least one panel'),
  ),
  shareX: v.boolean(),
  shareY: v.boolean(),
  letters: v.boolean(),
  legend: v.picklist(legendPlaces),
  notes: v.array(text),
  points: pointRuleSchema,
  provenance: provenanceSchema,
});

/** A specification from parsed JSON. Raises `InputError` naming what is wrong and where. */
export function parseSpec(input: unknown, what = 'the figure'): FigureSpec {
  return parseWith(specSchema, input, what);
}
