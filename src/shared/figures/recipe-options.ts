/** Options that a recipe may hold, as JSON: those of the page, of every figure, and of single figures. */
import * as v from 'valibot';
import { integer, real } from '../validation.ts';
import { figureTable } from './catalogue.ts';
import { fontFamilies } from './fonts/library.ts';
import type { Option, Options } from './options.ts';
import { paletteNames } from './palettes.ts';
import { presetNames } from './presets.ts';
import { annotationSchema, legendPlaces, pointRuleSchema } from './types.ts';

const limits = v.strictObject({
  label: v.exactOptional(v.string()),
  min: v.exactOptional(real()),
  max: v.exactOptional(real()),
});
const size = real(3, 72);

/** Of the whole page, whatever is drawn on it. */
export const pageOptions = {
  /** Sizes of a venue; default icml-1. */
  preset: v.exactOptional(v.picklist(presetNames)),
  /** In place of the preset's. */
  width_mm: v.exactOptional(real(5, 2000)),
  /** Default: as high as the contents ask for. */
  height_mm: v.exactOptional(real(5, 2000)),
  /** Of words and formulas; default: the preset's. */
  font: v.exactOptional(v.picklist(fontFamilies)),
  /** Colours, markers and dashes of series; default okabe-ito. */
  palette: v.exactOptional(v.picklist(paletteNames)),
  /** Type sizes in points in place of the preset's. */
  sizes: v.exactOptional(
    v.strictObject({
      label: v.exactOptional(size),
      tick: v.exactOptional(size),
      legend: v.exactOptional(size),
      note: v.exactOptional(size),
    }),
  ),
  /** Where it stands; auto: in the corner that covers the fewest points, else below. */
  legend: v.exactOptional(v.picklist(legendPlaces)),
  /** Panels side by side; default: as the page takes. */
  columns: v.exactOptional(integer(1, 26)),
  /** Whether panels of a column share limits and numbers of x. */
  shareX: v.exactOptional(v.boolean()),
  /** The same of a row and y. */
  shareY: v.exactOptional(v.boolean()),
  /** (a), (b), ... on the panels; default if there are several. */
  letters: v.exactOptional(v.boolean()),
};

/** Of every single figure. */
export const commonOptions = {
  /** Label and limits of the axis. */
  x: v.exactOptional(limits),
  /** Label and limits of the axis. */
  y: v.exactOptional(limits),
  /** Above the panel. */
  title: v.exactOptional(v.string()),
  /** Texts at places of the data or of the frame, with a line to a point where `to` is given. */
  annotations: v.exactOptional(v.array(annotationSchema)),
  /** How large scatters are drawn: as vectors, as pixels, or thinned. */
  points: v.exactOptional(v.partial(pointRuleSchema)),
};

type Own = (typeof figureTable)[keyof typeof figureTable]['options'];
type NamesOf<Each> = Each extends unknown ? keyof Each : never;
type ValueIn<Each, Name> = Each extends unknown
  ? Name extends keyof Each
    ? Each[Name] extends Option<infer Value>
      ? Value
      : never
    : never
  : never;
/** Options of single figures; one that several figures have takes what any of them takes. */
type OwnOptions = { readonly [Name in NamesOf<Own>]?: ValueIn<Own, Name> };

/** One schema for the options of one name. A value that the figure does not accept is refused when it is drawn (`drawFigure`). */
function anyOf(options: readonly Option[]): v.GenericSchema {
  const values = new Set<string>();
  for (const { schema } of options) {
    const picklist = schema as unknown as { readonly type: string; readonly options?: readonly string[] };
    if (picklist.type !== 'picklist') break;
    for (const value of picklist.options ?? []) values.add(value);
  }
  if (values.size > 0) return v.picklist([...values]);
  const schemas = [...new Set(options.map(({ schema }) => schema))];
  return schemas.length === 1 ? schemas[0] : v.union(schemas);
}

function ownSchemas(): Record<string, v.GenericSchema> {
  const all = Object.values(figureTable).flatMap(({ options }) => Object.entries(options as Options));
  const byName = Object.groupBy(all, ([name]) => name);
  return Object.fromEntries(
    Object.entries(byName).map(([name, entries]) => [name, anyOf((entries ?? []).map(([, option]) => option))]),
  );
}

const shared = v.strictObject({ ...pageOptions, ...commonOptions });
export type RecipeOptions = v.InferOutput<typeof shared> & OwnOptions;
export type OptionName = keyof RecipeOptions;

const figureEntries = ownSchemas();
export const optionNames = [...Object.keys(shared.entries), ...Object.keys(figureEntries)] as readonly OptionName[];
export const optionsSchema = v.strictObject({
  ...shared.entries,
  ...Object.fromEntries(Object.entries(figureEntries).map(([name, schema]) => [name, v.exactOptional(schema)])),
}) as unknown as v.GenericSchema<RecipeOptions>;
