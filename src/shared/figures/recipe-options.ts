/** Options that a recipe may hold, as JSON: those of the page, of every figure, and of single figures. */
import * as v from 'valibot';
import { integer, real } from '../validation.ts';
import { figureTable } from './catalogue.ts';
import { fontFamilies } from './fonts/library.ts';
import type { Option, Options } from './options.ts';
import { paletteNames } from './palettes.ts';
import { presetNames } from './presets.ts';
import { annotationSchema, pointRuleSchema } from './schema.ts';
import { legendPlaces } from './types.ts';

const limits = v.strictObject({
  label: v.exactOptional(v.string()),
  min: v.exactOptional(real()),
  max: v.exactOptional(real()),
});
const size = real(3, 72);

/** Of the whole page, whatever is drawn on it. */
export const pageOptions = {
  preset: v.exactOptional(v.picklist(presetNames)),
  width_mm: v.exactOptional(real(5, 2000)),
  height_mm: v.exactOptional(real(5, 2000)),
  font: v.exactOptional(v.picklist(fontFamilies)),
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
  legend: v.exactOptional(v.picklist(legendPlaces)),
  // Of panels.
  columns: v.exactOptional(integer(1, 26)),
  shareX: v.exactOptional(v.boolean()),
  shareY: v.exactOptional(v.boolean()),
  letters: v.exactOptional(v.boolean()),
};

/** Of every single figure. */
export const commonOptions = {
  x: v.exactOptional(limits),
  y: v.exactOptional(limits),
  title: v.exactOptional(v.string()),
  annotations: v.exactOptional(v.array(annotationSchema)),
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

/** One schema for the options of one name. What is no value for the figure at hand is refused when it is drawn (`drawFigure`). */
function anyOf(options: readonly Option[]): v.GenericSchema {
  const values = new Set<string>();
  for (const { schema } of options) {
    const found = schema as unknown as { readonly type: string; readonly options?: readonly string[] };
    if (found.type !== 'picklist') break;
    for (const value of found.options ?? []) values.add(value);
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

const own = ownSchemas();
export const optionNames = [...Object.keys(shared.entries), ...Object.keys(own)] as readonly OptionName[];
export const optionsSchema = v.strictObject({
  ...shared.entries,
  ...Object.fromEntries(Object.entries(own).map(([name, schema]) => [name, v.exactOptional(schema)])),
}) as unknown as v.GenericSchema<RecipeOptions>;
