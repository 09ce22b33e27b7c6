/**
 * Options of figures: what a recipe may hold under their names (a schema), and how the studio asks for them (a control). A figure declares its own in its
 * file; those that several figures have are made here once.
 */
import * as v from 'valibot';
import { estimandNames } from '../estimands.ts';
import { estimatorNames } from '../slopes.ts';
import { integer, real } from '../validation.ts';

interface Asked {
  readonly label: string;
  /** A sentence on what it does, where the label does not say it. */
  readonly help?: string | undefined;
}

/** Values and the words for them. */
type Choices = readonly (readonly [value: string, words: string])[];

export type Control =
  /** One of several; the entry of the empty value, the first, stands for an option left out. `fallback` is what leaving it out means, where that is one of the values. */
  | (Asked & { readonly kind: 'choice'; readonly choices: Choices; readonly fallback: string })
  /** Any of several; none chosen is the default, all of them. */
  | (Asked & { readonly kind: 'choices'; readonly choices: Choices })
  | (Asked & { readonly kind: 'number'; readonly placeholder: string })
  /** Numbers with commas between. */
  | (Asked & { readonly kind: 'numbers'; readonly placeholder: string })
  | (Asked & { readonly kind: 'text'; readonly placeholder: string })
  | (Asked & { readonly kind: 'check'; readonly default: boolean })
  /** One of the cutoffs that the measurements have fits at. */
  | (Asked & { readonly kind: 'cutoff' })
  /** A setting in which the runs differ. */
  | (Asked & { readonly kind: 'field' })
  /** A series that the runs have. */
  | (Asked & { readonly kind: 'metric' });

export interface Option<Value = unknown> {
  readonly schema: v.GenericSchema<unknown, Value>;
  readonly control: Control;
}
export type Options = Readonly<Record<string, Option>>;
type ValueOf<Each> = Each extends Option<infer Value> ? Value : never;
/** Options by name as a figure takes them: all may be left out. */
export type ValuesOf<All extends Options> = { readonly [Name in keyof All]?: ValueOf<All[Name]> };

/** One of several values, given with their words. `fallback`: the value that stands for an option left out, or, in words, what happens then. */
export function choice<const Words extends Readonly<Record<string, string>>>(
  label: string,
  words: Words,
  fallback: (keyof Words & string) | { readonly words: string },
  help?: string,
): Option<keyof Words & string> {
  const values = Object.keys(words);
  const [first, value] = typeof fallback === 'string' ? [words[fallback], fallback] : [fallback.words, ''];
  return {
    schema: v.picklist(values as (keyof Words & string)[]),
    control: {
      kind: 'choice',
      label,
      choices: [['', first], ...values.filter((each) => each !== value).map((each) => [each, words[each]] as const)],
      fallback: value,
      help,
    },
  };
}

/** Any of several values, at least one; all where left out. */
export function choices<const Words extends Readonly<Record<string, string>>>(
  label: string,
  words: Words,
  what: string,
): Option<readonly (keyof Words & string)[]> {
  const each = v.picklist(Object.keys(words) as (keyof Words & string)[]);
  return {
    schema: v.pipe(v.array(each), v.minLength(1, `expected at least one ${what}`)),
    control: { kind: 'choices', label, choices: Object.entries(words) },
  };
}

export const check = (label: string, byDefault: boolean): Option<boolean> => ({
  schema: v.boolean(),
  control: { kind: 'check', label, default: byDefault },
});

/** A number that `schema` takes; `placeholder` shows the default. */
export const number = (
  label: string,
  schema: v.GenericSchema<unknown, number>,
  placeholder: string,
  help?: string,
): Option<number> => ({ schema, control: { kind: 'number', label, placeholder, help } });

/** A list of numbers; `placeholder` shows the default. */
export const numbers = (
  label: string,
  schema: v.GenericSchema<unknown, readonly number[]>,
  placeholder: string,
): Option<readonly number[]> => ({ schema, control: { kind: 'numbers', label, placeholder } });

export const text = (label: string, placeholder: string): Option<string> => ({
  schema: v.string(),
  control: { kind: 'text', label, placeholder },
});

// Those of several figures.

export const estimand = choice('Estimand', estimandNames, 'training_set');
export const severalEstimands = choices('Estimands', estimandNames, 'estimand');
export const estimator = choice(
  'Estimator',
  estimatorNames,
  'ols',
  'Least squares unless another is chosen, as in every table and claim.',
);
/** Share of the largest eigenvalue above which directions are selected. */
export const cutoff: Option<number> = { schema: real(0, 1), control: { kind: 'cutoff', label: 'Cutoff' } };
export const fitLine = check('Line of the fit', true);
export const predicted = check('What Q predicts (open markers)', true);
export const stepScale = choice('Steps', { linear: 'linear', log: 'logarithmic' }, 'linear');
export const stepUnit = text('Name of the steps', 'step');
export const scaleByValues = choice('Scale', { linear: 'linear', log: 'logarithmic' }, { words: 'by the values' });
export const cells = number(
  'Cells a side',
  integer(1, 2000),
  '250',
  'A larger matrix shows in each cell its element of largest size.',
);
export const leadingRows = number('Leading rows', integer(1), 'all');
