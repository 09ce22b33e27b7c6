/** Flags of commands. Each is declared once, in a table, from which parsing, the checks of combinations, and the help are made. */
import { parseArgs } from 'node:util';
import type { ParseArgsConfig } from 'node:util';
import * as v from 'valibot';
import { messageOf } from '../../shared/errors.ts';
import { UsageError } from './usage-error.ts';

export interface Flag {
  /**
   * The schema of its value: text, a number, a word of a picklist; a boolean is a switch; an array may be given several times. Its default, if it has one
   * (`v.optional`), is what a command reads if the flag is left out.
   */
  readonly schema: v.GenericSchema;
  /** The placeholder for its value in the help: N, DIR, NAME. Switches have none. */
  readonly value?: string;
  /** What it does, for the help; choices and default are added to it. */
  readonly help: string;
  /** Lines below it in the help. */
  readonly below?: readonly string[];
  /** The help names the choices itself. */
  readonly namesChoices?: true;
  /** The meaning of each choice, by its word. */
  readonly meanings?: Readonly<Record<string, string>>;
  /** The default in words, in place of the schema's default. */
  readonly otherwise?: string;
  /** Flags, one of which has to be given with it. It stands below the first of them in the help if that is a switch. */
  readonly requires?: readonly string[];
  /** Flags that it cannot be combined with. */
  readonly excludes?: readonly string[];
  /** An array: each time it is given it may name several, with commas. */
  readonly commas?: true;
  /** Hidden from the help: used by the program itself. */
  readonly hidden?: true;
}

/** By name, without the dashes, in the order of the help. */
export type Flags = Readonly<Record<string, Flag>>;

type ValueOf<S extends v.GenericSchema> = S extends { readonly type: 'optional' }
  ? v.InferOutput<S>
  : v.InferOutput<S> | undefined;

/** The values that a command reads, by flag; undefined if a flag without a default is left out. */
export type FlagValues<F extends Flags> = { readonly [K in keyof F]: ValueOf<F[K]['schema']> };

/** The schema of a switch. */
export const toggle = v.optional(v.boolean(), false);

/** The parts of a schema that are read at run time. */
interface SchemaParts {
  readonly type: string;
  readonly wrapped?: SchemaParts;
  readonly item?: SchemaParts;
  readonly options?: readonly string[];
  readonly default?: unknown;
}

function partsOf(schema: v.GenericSchema): { readonly inner: SchemaParts; readonly item: SchemaParts } {
  const outer = schema as unknown as SchemaParts;
  const inner = outer.wrapped ?? outer;
  return { inner, item: inner.item ?? inner };
}

/** Whether a flag is followed by a value; switches are not. */
export function takesValue({ schema }: Flag): boolean {
  return partsOf(schema).inner.type !== 'boolean';
}

/** As node:util's parseArgs takes them. */
function nodeOptions(flags: Flags): NonNullable<ParseArgsConfig['options']> {
  return Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => {
      const multiple = partsOf(flag.schema).inner.type === 'array';
      return [name, { type: takesValue(flag) ? 'string' : 'boolean', multiple }];
    }),
  );
}

export type GivenValues = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;

/** The words of the arguments by flag, unchecked. Raises UsageError for unknown flags and surplus arguments. */
export function givenValues(
  argv: readonly string[],
  flags: Flags,
  [least, most]: readonly [least: number, most: number],
): { readonly given: GivenValues; readonly positionals: string[] } {
  const options = nodeOptions(flags);
  let parsed;
  try {
    parsed = parseArgs({ args: joined(argv, options), options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(parseFault(error, Object.keys(flags)));
  }
  const { positionals } = parsed;
  const count = positionals.length;
  if (count < least)
    throw new UsageError(
      `expected ${least === most ? '' : 'at least '}${least} argument${least === 1 ? '' : 's'}, found ${count}`,
    );
  if (count > most) throw new UsageError(`unexpected argument "${positionals[most]}"`);
  return { given: parsed.values, positionals };
}

/** Raises UsageError for unknown flags, surplus arguments, values out of range, and flags that do not go together. */
export function parse<const F extends Flags>(
  argv: readonly string[],
  flags: F,
  positionals: readonly [least: number, most: number],
): { readonly values: FlagValues<F>; readonly positionals: string[] } {
  const read = givenValues(argv, flags, positionals);
  checkTogether(read.given, flags);
  const values = Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => [name, valueOf(read.given[name], name, flag)]),
  );
  return { values: values as FlagValues<F>, positionals: read.positionals };
}

function checkTogether(given: GivenValues, flags: Flags): void {
  for (const [name, { requires, excludes = [] }] of Object.entries(flags)) {
    if (given[name] === undefined) continue;
    if (requires?.every((other) => given[other] === undefined) === true) {
      const others = requires.map((other) => `--${other}`);
      throw new UsageError(
        `--${name} is an option of ${others.join(' and ')}, ${others.length === 1 ? 'which is missing' : 'neither of which is there'}`,
      );
    }
    const contrary = excludes.find((other) => given[other] !== undefined);
    if (contrary !== undefined) throw new UsageError(`--${name} and --${contrary} exclude each other`);
  }
}

function valueOf(given: GivenValues[string], name: string, { schema, commas }: Flag): unknown {
  const { inner, item } = partsOf(schema);
  if (given === undefined) return v.getDefault(schema);
  if (typeof given === 'boolean') return given;
  const texts = typeof given === 'string' ? [given] : given.map(String);
  const split = commas === true ? texts.flatMap((text) => text.split(',').map((word) => word.trim())) : texts;
  // In a list of words a trailing comma adds no word; a missing number is a mistake.
  const words = item.type === 'number' ? split : split.filter((word) => commas !== true || word !== '');
  const values = words.map((text) => {
    if (item.type === 'picklist') return oneOf(text, name, item.options ?? []);
    return item.type === 'number' ? (text.trim() === '' ? NaN : Number(text)) : text;
  });
  const result = v.safeParse(schema, inner.type === 'array' ? values : values[0]);
  if (result.success) return result.output;
  throw new UsageError(
    `--${name}: ${result.issues[0].message.replace(/, (received|found) .*$/s, '')}, received "${texts.join(',')}"`,
  );
}

/** The member of a fixed list that a flag's text is; raises UsageError listing them otherwise. */
export function oneOf<const T extends string>(text: string, name: string, allowed: readonly T[]): T {
  const member = allowed.find((each) => each === text);
  if (member === undefined)
    throw new UsageError(`--${name}: expected one of ${allowed.join(', ')}; received "${text}"`);
  return member;
}

/** A value may begin with a dash ("--sort -loss"), which Node takes only in the same word as its option; there are no options of one letter but -h. */
function joined(argv: readonly string[], options: NonNullable<ParseArgsConfig['options']>): string[] {
  const words: string[] = [];
  for (const word of argv) {
    const before = words.at(-1) ?? '';
    const takes = options[before.replace(/^--/, '')]?.type === 'string' && before.startsWith('--');
    if (takes && /^-[A-Za-z]/.test(word) && word !== '-h') words[words.length - 1] = `${before}=${word}`;
    else words.push(word);
  }
  return words;
}

/** Node's own advice on an unknown option covers a rare case; users want to see the list of options. */
function parseFault(error: unknown, known: readonly string[]): string {
  const message = messageOf(error);
  const unknown = /^Unknown option '(-[^']*)'/.exec(message)?.[1];
  if (unknown === undefined) return message;
  const names = [...known, 'help'].sort().map((name) => `--${name}`);
  return `unknown option ${unknown}; expected one of ${names.join(', ')}`;
}

const lineWidth = 120;
/** The text of longer names follows on the same line, beyond the column. */
const widestName = 28;

/** The lines of a help text: for each flag its value, what it does, and its default. */
export function flagsHelp(flags: Flags): string {
  const shown = Object.entries(flags).filter(([, { hidden }]) => hidden !== true);
  const names = shown.map(([name, flag]) => {
    const parent = flag.requires?.[0];
    const isInner = parent !== undefined && !takesValue(flags[parent]);
    return `${isInner ? '    ' : '  '}--${name}${flag.value === undefined ? '' : ` ${flag.value}`}${flag.commas === true ? ',...' : ''}`;
  });
  const column = Math.min(widestName, Math.max(...names.map(({ length }) => length))) + 2;
  return shown
    .map(([, flag], k) => {
      const words = wrapped(aboutOf(flag), lineWidth - column, lineWidth - Math.max(column, names[k].length + 2));
      const [first, ...others] = words;
      const lines = [`${names[k].padEnd(column - 2)}  ${first}`, ...others.map((line) => ' '.repeat(column) + line)];
      return [...lines, ...(flag.below ?? [])].join('\n');
    })
    .join('\n');
}

/** What a flag does, its choices, its default, and whether it may be repeated. */
export function aboutOf({ schema, help, namesChoices, meanings = {}, otherwise, commas }: Flag): string {
  const { inner, item } = partsOf(schema);
  const fallback: unknown = v.getDefault(schema);
  const listed = namesChoices === true ? [] : (item.options ?? []);
  const choices = listed.map((word) => {
    const notes = [word === fallback && otherwise === undefined ? 'default' : '', meanings[word] ?? ''];
    const text = notes.filter((note) => note !== '').join(': ');
    return text === '' ? word : `${word} (${text})`;
  });
  const parts = [
    [help, choices.join(', ')].filter((text) => text !== '').join(': '),
    ...(inner.type === 'array' && commas !== true ? ['may be repeated'] : []),
  ];
  const says =
    otherwise !== undefined
      ? ` (default: ${otherwise})`
      : typeof fallback === 'number' || (typeof fallback === 'string' && choices.length === 0)
        ? ` (default ${fallback})`
        : '';
  return parts.join('; ') + says;
}

/** Lines of at most `width` characters; the first of at most `firstWidth`. */
function wrapped(text: string, width: number, firstWidth: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const most = lines.length === 0 ? firstWidth : width;
    if (line !== '' && line.length + 1 + word.length > most) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
