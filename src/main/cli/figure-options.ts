/** Options of figures on the command line: flags for the common ones, --set for any that a recipe holds. */
import * as v from 'valibot';
import { definedOf } from '../../shared/defined.ts';
import type { Optional } from '../../shared/defined.ts';
import { InputError } from '../../shared/errors.ts';
import { fontFamilies } from '../../shared/figures/fonts/library.ts';
import { paletteNames } from '../../shared/figures/palettes.ts';
import { presetNames, presets } from '../../shared/figures/presets.ts';
import { figureNames, figureTable } from '../../shared/figures/catalogue.ts';
import { optionNames, optionsSchema, type RecipeOptions } from '../../shared/figures/recipe-options.ts';
import { legendPlaces } from '../../shared/figures/types.ts';
import { integer, parseWith } from '../../shared/validation.ts';
import type { Flag, Flags, FlagValues } from './flags.ts';
import { UsageError } from './usage-error.ts';

const millimetres = v.pipe(
  v.number('expected millimetres'),
  v.check((x) => x > 0, 'expected millimetres'),
);

export const figureFlags = {
  preset: {
    schema: v.picklist(presetNames),
    value: 'NAME',
    help: 'sizes of a venue',
    meanings: Object.fromEntries(presetNames.map((name) => [name, `${presets[name].width_mm.toFixed(1)} mm`])),
  },
  width: { schema: millimetres, value: 'MM', help: "in place of the preset's" },
  height: {
    schema: millimetres,
    value: 'MM',
    help: "in place of the preset's; a height that is left out follows from the contents",
  },
  font: { schema: v.picklist(fontFamilies), value: 'NAME', help: 'of all text' },
  palette: { schema: v.picklist(paletteNames), value: 'NAME', help: 'of all colours' },
  legend: { schema: v.picklist(legendPlaces), value: 'PLACE', help: 'where it stands' },
  set: {
    schema: v.array(v.string()),
    value: 'KEY=VALUE',
    help: `any option of a recipe, as JSON or plain text: --set cutoff=1e-3 --set x.label='$H_{ii}$' --set estimands='["training_set"]' (${optionNames.join(', ')})`,
  },
} as const satisfies Flags;

/** Resolution of what is drawn in pixels. */
export const dpiFlag = {
  schema: integer(30),
  value: 'N',
  help: 'of png and tiff',
  otherwise: '600',
} as const satisfies Flag;

/** Every figure with what it shows. */
export const figureLines = figureNames.map(
  (name) => `    ${name.padEnd(21)}${figureTable[name].about.replace(/\.$/, '')}`,
);

/** Raises UsageError or InputError naming the option, what was expected and what came. */
export function figureOptions(values: Optional<FlagValues<typeof figureFlags>>): RecipeOptions {
  const { preset, font, palette, legend, width: width_mm, height: height_mm } = values;
  const options: Record<string, unknown> = definedOf({ width_mm, height_mm, preset, font, palette, legend });
  for (const text of values.set ?? []) {
    const equals = text.indexOf('=');
    if (equals < 1) throw new UsageError(`--set: expected KEY=VALUE, received "${text}"`);
    put(options, text.slice(0, equals).split('.'), valueOf(text.slice(equals + 1)));
  }
  return parseWith(optionsSchema, options, 'options');
}

/** JSON if it is JSON, else the text itself. */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function put(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [first, ...rest] = path;
  // A key such as "__proto__" is not an option of a recipe.
  if (!/^[A-Za-z][\w]*$/.test(first)) throw new InputError(`options.${first}: unknown field`);
  if (rest.length === 0) {
    target[first] = value;
    return;
  }
  const inner = typeof target[first] === 'object' && target[first] !== null ? target[first] : {};
  target[first] = inner;
  put(inner as Record<string, unknown>, rest, value);
}
