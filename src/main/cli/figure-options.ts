/** Options of figures on the command line: flags for the common ones, --set for any that a recipe holds. */
import { InputError } from '../../shared/errors.ts';
import { fontFamilies } from '../../shared/figures/fonts/library.ts';
import { paletteNames } from '../../shared/figures/palettes.ts';
import { presetNames, presets } from '../../shared/figures/presets.ts';
import { figureNames, figureTable } from '../../shared/figures/catalogue.ts';
import { optionNames, optionsSchema, type RecipeOptions } from '../../shared/figures/recipe-options.ts';
import { legendPlaces } from '../../shared/figures/types.ts';
import { parseWith } from '../../shared/validation.ts';
import { choice, UsageError } from './command.ts';

export const figureFlags = {
  preset: { type: 'string' },
  width: { type: 'string' },
  height: { type: 'string' },
  font: { type: 'string' },
  palette: { type: 'string' },
  legend: { type: 'string' },
  set: { type: 'string', multiple: true },
} as const;

type Values = { readonly [K in Exclude<keyof typeof figureFlags, 'set'>]?: string | undefined } & {
  readonly set?: string[] | undefined;
};

export const figuresHelp = figureNames
  .map((name) => `    ${name.padEnd(21)}${figureTable[name].about.replace(/\.$/, '')}`)
  .join('\n');

export const figureOptionsHelp = `  --preset NAME    sizes of a venue: ${presetNames.map((name) => `${name} (${presets[name].width_mm.toFixed(1)} mm)`).join(', ')}
  --width MM, --height MM    in place of the preset's; a height left out follows from the contents
  --font NAME      ${fontFamilies.join(', ')}
  --palette NAME   ${paletteNames.join(', ')}
  --legend PLACE   ${legendPlaces.join(', ')}
  --set KEY=VALUE  any option of a recipe, as JSON or plain text: --set cutoff=1e-3 --set x.label='$H_{ii}$' --set estimands='["training_set"]'
                   (${optionNames.join(', ')})`;

/** Raises UsageError or InputError naming the option, what was expected and what came. */
export function figureOptions(values: Values): RecipeOptions {
  const options: Record<string, unknown> = {};
  const number = (name: 'width' | 'height'): void => {
    const text = values[name];
    if (text === undefined) return;
    const value = Number(text);
    if (!(value > 0)) throw new UsageError(`--${name}: expected millimetres, received "${text}"`);
    options[`${name}_mm`] = value;
  };
  number('width');
  number('height');
  for (const name of ['preset', 'font', 'palette', 'legend'] as const)
    if (values[name] !== undefined) options[name] = values[name];
  for (const text of values.set ?? []) {
    const at = text.indexOf('=');
    if (at < 1) throw new UsageError(`--set: expected KEY=VALUE, received "${text}"`);
    put(options, text.slice(0, at).split('.'), valueOf(text.slice(at + 1)));
  }
  return parseWith(optionsSchema, options, 'options');
}

/** JSON where it is JSON, else the text itself. */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function put(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [first, ...rest] = path;
  // A key such as "__proto__" is none of a recipe's.
  if (!/^[A-Za-z][\w]*$/.test(first)) throw new InputError(`options.${first}: unknown field`);
  if (rest.length === 0) {
    target[first] = value;
    return;
  }
  const inner = typeof target[first] === 'object' && target[first] !== null ? target[first] : {};
  target[first] = inner;
  put(inner as Record<string, unknown>, rest, value);
}

export function fontOption(text: string | undefined): Pick<RecipeOptions, 'font'> {
  const font = choice(text, 'font', fontFamilies);
  return font === undefined ? {} : { font };
}

export function paletteOption(text: string | undefined): Pick<RecipeOptions, 'palette'> {
  const palette = choice(text, 'palette', paletteNames);
  return palette === undefined ? {} : { palette };
}
