/**
 * Tables of text (RFC 4180: quotes, "" for a quote inside quotes, line ends of any kind) as datasets: one sample a line, one column or more of targets, all others inputs.
 * UTF-8, with or without a byte order mark; remarks ("# ...") may stand above. No missing values. Whatever the options leave open and was decided here is
 * stated in the dataset's notes.
 */
import * as path from 'node:path';
import { InputError, messageOf } from '../../shared/errors.ts';
import { readInputFile } from '../files.ts';
import { areLabels } from '../raw.ts';
import type { RawDataset, RawPart } from '../raw.ts';
import { guessDelimiter, isNumber, numberOf, rowsOf } from './csv-text.ts';
import type { DecimalMark, Row } from './csv-text.ts';

export type ColumnChoice = string | number;

export interface CsvOptions {
  /**
   * The column of the classes, or the columns of the regression targets, by name or by number from 0; default the one that is called label, target, class or y,
   * else the last.
   */
  readonly target?: ColumnChoice | readonly ColumnChoice[];
  /** Columns that are not inputs, by name or number; default one without a name that counts 0, 1, 2, ... under a line of names. */
  readonly ignore?: readonly ColumnChoice[];
  /** Default: classes where the target can be classes (words, or few whole numbers), else numbers. */
  readonly task?: 'classes' | 'regression';
  /** Whether the first line names the columns; default: where in some column its field is not a number and the next line's is. */
  readonly header?: boolean;
  /** One character, a blank for any run of blanks and tabs; default: whichever of , ; tab | the first line has most of, blanks where it has none. */
  readonly delimiter?: string;
  /** What parts whole from decimals; default: a comma where fields are parted otherwise and the numbers of the first lines have commas. */
  readonly decimal?: DecimalMark;
  /** Of one sample; the product must be the number of input columns. */
  readonly shape?: readonly number[];
  readonly testPath?: string;
}

/** The engine's limit on the length of a string is just above. */
const largestText = 2 ** 29 - 2 ** 16;

/** Reads a table (and a second one with the same columns as the test part). InputErrors name file, line and column. */
export async function readCsv(file: string, options: CsvOptions = {}): Promise<RawDataset> {
  const bytes = await readInputFile(file, largestText);
  const second = options.testPath === undefined ? undefined : await readInputFile(options.testPath, largestText);
  return parseCsv(bytes, file, options, second);
}

/** `readCsv` from bytes. */
export function parseCsv(bytes: Uint8Array, file: string, options: CsvOptions = {}, second?: Uint8Array): RawDataset {
  const train = parseTable(bytes, file, options);
  const test = second && parseTable(second, options.testPath ?? 'test', options);
  if (test && (test.inputColumns !== train.inputColumns || test.targetColumns !== train.targetColumns))
    throw new InputError(
      `${options.testPath ?? 'test'}: expected ${train.inputColumns} input and ${train.targetColumns} target columns as in ${file}, ` +
        `found ${test.inputColumns} and ${test.targetColumns}`,
    );
  const shape = options.shape ?? [train.inputColumns];
  if (shape.reduce((product, size) => product * size, 1) !== train.inputColumns)
    throw new InputError(`${file}: ${train.inputColumns} input columns cannot take the shape [${shape.join(', ')}]`);
  const tables = [train, ...(test ? [test] : [])];
  const classes = tables.every((table) => table.targets.kind === 'names') ? sortedNames(tables) : null;
  const part = (table: Table, source: string): RawPart => ({
    count: table.count,
    inputs: table.inputs,
    targets: classes
      ? { kind: 'classes', values: renumber(table, classes) }
      : { kind: 'vectors', values: numbersOf(table), width: table.targetColumns },
    source,
  });
  return {
    name: path.basename(file).replace(/\.(csv|tsv|txt|data)$/i, ''),
    shape,
    classes,
    ...(classes && { numbered: 'by-name' }),
    notes: train.notes,
    train: part(train, file),
    test: test ? part(test, options.testPath ?? 'test') : null,
  };
}

/** Class names of all tables: in the order of their numbers where all are numbers, else of their code units. */
function sortedNames(tables: readonly Table[]): string[] {
  const names = [...new Set(tables.flatMap((table) => [...namesOf(table).keys()]))];
  const areNumbers = names.every((name) => isNumber(name, '.'));
  return areNumbers ? names.sort((a, b) => Number(a) - Number(b)) : names.sort();
}

function renumber(table: Table, classes: readonly string[]): Int32Array {
  const place = new Map(classes.map((name, i) => [name, i]));
  const moved = [...namesOf(table).keys()].map((name) => place.get(name)!);
  return Int32Array.from(table.targets.values, (number) => moved[number]);
}

function namesOf({ targets }: Table): ReadonlyMap<string, number> {
  return targets.kind === 'names' ? targets.names : new Map();
}

/** The targets as numbers, those of names that are numbers among them. */
function numbersOf({ targets, decimal }: Table): Float64Array {
  if (targets.kind === 'numbers') return targets.values;
  const values = [...targets.names.keys()].map((name) => numberOf(name, decimal));
  return targets.values.map((number) => values[number]);
}

interface Table {
  readonly count: number;
  readonly inputColumns: number;
  readonly targetColumns: number;
  /** [count, inputColumns]. */
  readonly inputs: Float64Array;
  /** Numbers [count, targetColumns]; or of one column the place of every line's text in `names` (text -> place, in the order of appearance). */
  readonly targets:
    | { readonly kind: 'numbers'; readonly values: Float64Array }
    | { readonly kind: 'names'; readonly values: Float64Array; readonly names: ReadonlyMap<string, number> };
  readonly decimal: DecimalMark;
  readonly notes: readonly string[];
}

/** Lines that are looked at before the whole is read. */
const sampleLines = 200;

function parseTable(bytes: Uint8Array, file: string, options: CsvOptions): Table {
  const text = decoded(bytes, file);
  const delimiter = options.delimiter ?? guessDelimiter(text);
  const first = [...rowsOf(text, delimiter, file, sampleLines)];
  if (first.length === 0) throw new InputError(`${file}: expected lines of data, found none`);
  const decimal = options.decimal ?? guessDecimal(first, delimiter);
  const layout = layoutOf(first, decimal, options, file);
  const { width, headings, hasHeader, isTarget, isIgnored, targetColumns, trailing } = layout;
  const inputColumns = width - targetColumns.length - isIgnored.filter(Boolean).length;
  if (inputColumns === 0)
    throw new InputError(
      `${file}: expected columns of inputs beside the target, found ${width} column in all; fields are separated by ${markName(delimiter)} (the field "delimiter" sets another mark)`,
    );
  const isOne = targetColumns.length === 1;
  if (options.task === 'classes' && !isOne)
    throw new InputError(`${file}: expected one target column for classes, found ${targetColumns.length}`);

  const inputs = new GrowingArray();
  const targets = new GrowingArray();
  const names = new Map<string, number>();
  const takesNames = options.task !== 'regression' && isOne;
  let count = 0;
  let skip = hasHeader;
  const column = (c: number) => (headings ? `column ${c} ("${headings[c]}")` : `column ${c}`);
  const numberIn = (field: string, c: number, line: number): number => {
    const value = numberOf(field, decimal);
    if (Number.isFinite(value)) return value;
    throw new InputError(`${file}: line ${line}, ${column(c)}: ${noNumber(field, delimiter, decimal)}`);
  };
  for (const { fields, line } of rowsOf(text, delimiter, file)) {
    if (skip) {
      skip = false;
      continue;
    }
    const isOver = trailing && fields.length === width + 1 && fields[width].trim() === '';
    if (fields.length !== width && !isOver)
      throw new InputError(
        `${file}: line ${line}: expected ${width} fields as in the first line, found ${fields.length}`,
      );
    for (let c = 0; c < width; c++) {
      if (isTarget[c] && takesNames) {
        const field = fields[c].trim();
        if (field === '')
          throw new InputError(`${file}: line ${line}, ${column(c)}: expected the name of a class, found nothing`);
        let number = names.get(field);
        if (number === undefined) names.set(field, (number = names.size));
        targets.push(number);
      } else if (!isTarget[c] && !isIgnored[c]) {
        inputs.push(numberIn(fields[c].trim(), c, line));
      }
    }
    if (!takesNames) for (const c of targetColumns) targets.push(numberIn(fields[c].trim(), c, line));
    count++;
  }
  if (count === 0) throw new InputError(`${file}: expected lines of data below the header, found none`);
  const table = { count, inputColumns, targetColumns: targetColumns.length, inputs: inputs.done(), decimal };
  const notes = [
    ...layout.notes,
    ...(options.decimal === undefined && decimal === ',' ? ['numbers: with decimal commas'] : []),
  ];
  if (!takesNames) return { ...table, targets: { kind: 'numbers', values: targets.done() }, notes };
  const named = { kind: 'names', values: targets.done(), names } as const;
  return {
    ...table,
    targets: asNumbersIf(named, count, options, () => `${file}: ${column(targetColumns[0])}`, decimal),
    notes,
  };
}

function decoded(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
      throw new InputError(
        `${file}: this is text in UTF-16, as "Unicode text" of a spreadsheet; save it as CSV in UTF-8`,
      );
    throw new InputError(
      `${file}: expected text in UTF-8; letters beyond ASCII are written otherwise (Latin-1, Windows-1252?), or this is not text: ${messageOf(error)}`,
    );
  }
}

/** Values that cannot be classes: numbers with decimals, or too many of them. Raises an InputError for too many words. */
function asNumbersIf(
  found: Extract<Table['targets'], { kind: 'names' }>,
  count: number,
  { task }: CsvOptions,
  at: () => string,
  decimal: DecimalMark,
): Table['targets'] {
  const { names } = found;
  const tooMany = names.size > 100 && names.size > count / 2;
  if (task === 'classes') {
    if (!tooMany) return found;
  } else {
    const values = Float64Array.from(names.keys(), (name) => numberOf(name, decimal));
    if (values.every(Number.isFinite) && (tooMany || !areLabels(values.map(Math.abs))))
      return { kind: 'numbers', values: found.values.map((number) => values[number]) };
    if (!tooMany) return found;
  }
  throw new InputError(
    `${at()} has ${names.size} different values in ${count} lines, too many for classes; ` +
      'for numbers to be predicted set the task to regression',
  );
}

function noNumber(field: string, delimiter: string, decimal: DecimalMark): string {
  const shownField = field === '' ? 'nothing' : JSON.stringify(field.length > 40 ? `${field.slice(0, 40)}...` : field);
  const base = `expected a finite number, found ${shownField}`;
  if (/^(true|false|yes|no)$/i.test(field)) return `${base}; write 1 and 0 for true and false`;
  if (/^(na|nan|null|none|\?|-)?$/i.test(field))
    return `${base}; there must be no missing values: leave the line out, or put a number there`;
  if (decimal === '.' && isNumber(field, ',') && delimiter !== ',')
    return `${base}; for decimal commas write "decimal": "," into the specification`;
  if (/\p{L}/u.test(field) && !/\d/.test(field))
    return `${base}; a column of words becomes inputs as one column of 0 and 1 a word (one-hot), or is left out ("ignore")`;
  return base;
}

function markName(delimiter: string): string {
  return { ' ': 'blanks', '\t': 'tabs' }[delimiter] ?? `"${delimiter}"`;
}

/** Commas in numbers where nothing else parts the decimals. */
function guessDecimal(rows: readonly Row[], delimiter: string): DecimalMark {
  if (delimiter === ',') return '.';
  const fields = rows.flatMap((row) => row.fields.map((field) => field.trim()));
  const commas = fields.some((field) => field.includes(',') && isNumber(field, ','));
  return commas && !fields.some((field) => field.includes('.') && isNumber(field, '.')) ? ',' : '.';
}

interface Layout {
  /** Columns. */
  readonly width: number;
  readonly headings: readonly string[] | undefined;
  readonly hasHeader: boolean;
  readonly isTarget: readonly boolean[];
  readonly isIgnored: readonly boolean[];
  readonly targetColumns: readonly number[];
  /** Every line ends with a mark: one field more, empty, belongs to none. */
  readonly trailing: boolean;
  readonly notes: readonly string[];
}

function layoutOf(rows: readonly Row[], decimal: DecimalMark, options: CsvOptions, file: string): Layout {
  const [head, next] = rows;
  const hasHeader = options.header ?? looksLikeHeader(head.fields, next?.fields, decimal);
  const lines = hasHeader ? rows.slice(1) : rows;
  const notes: string[] = [];
  const last = head.fields.length - 1;
  // A mark at the end of every line; the heading may have it or not.
  const marked = last > 0 && rows.every(({ fields }) => fields.length === last + 1 && fields[last].trim() === '');
  const lacking =
    hasHeader &&
    lines.length > 0 &&
    lines.every(({ fields }) => fields.length === last + 2 && fields[last + 1].trim() === '');
  const trailing = marked || lacking;
  if (trailing) notes.push('lines: each ends with a mark, behind which there is no column');
  const width = marked ? last : last + 1;
  const headings = hasHeader ? head.fields.slice(0, width).map((field) => field.trim()) : undefined;

  const isIgnored = new Array<boolean>(width).fill(false);
  if (options.ignore !== undefined)
    for (const c of columnsOf(options.ignore, headings, width, file, 'ignore')) isIgnored[c] = true;
  else {
    const index = indexColumn(lines, width);
    if (index && headings?.[0] === '') {
      isIgnored[0] = true;
      notes.push(
        'column 0: has no name and counts 0, 1, 2, ...: an index that a table program wrote; left out ("ignore": [] in the specification takes it as an input)',
      );
    } else if (index && options.target === undefined)
      notes.push('column 0: counts 0, 1, 2, ..., as an index does; taken as an input ("ignore": [0] leaves it out)');
  }

  const targetColumns =
    options.target === undefined
      ? [usualTarget(headings, isIgnored, lines, file, notes)]
      : columnsOf(Array.isArray(options.target) ? options.target : [options.target], headings, width, file, 'target');
  if (targetColumns.length === 0) throw new InputError(`${file}: target: expected at least one column`);
  const both = targetColumns.find((c) => isIgnored[c]);
  if (both !== undefined)
    throw new InputError(`${file}: column ${both} is a target and to be ignored; expected one of both`);
  const isTarget = Array.from({ length: width }, (_, c) => targetColumns.includes(c));
  return { width, headings, hasHeader, isTarget, isIgnored, targetColumns, trailing, notes };
}

function looksLikeHeader(
  first: readonly string[],
  second: readonly string[] | undefined,
  decimal: DecimalMark,
): boolean {
  if (!second) return !first.some((field) => isNumber(field, decimal));
  return first.some((field, c) => !isNumber(field, decimal) && c < second.length && isNumber(second[c], decimal));
}

function indexColumn(lines: readonly Row[], width: number): boolean {
  return width > 2 && lines.length > 2 && lines.every(({ fields }, i) => fields[0].trim() === String(i));
}

/** The usual names of a column of labels, ignoring case. */
const usualNames = ['label', 'target', 'class', 'y', 'labels', 'targets', 'classes'];

/** The column that is called as a target is, else the last that is an input; `notes` are told. Raises an InputError where two are called so. */
function usualTarget(
  headings: readonly string[] | undefined,
  isIgnored: readonly boolean[],
  lines: readonly Row[],
  file: string,
  notes: string[],
): number {
  const called = (headings ?? []).flatMap((name, c) =>
    usualNames.includes(name.toLowerCase()) && !isIgnored[c] ? [c] : [],
  );
  if (called.length > 1)
    throw new InputError(
      `${file}: ${called.map((c) => `column ${c} ("${headings![c]}")`).join(' and ')} are named like a target; say which it is: "target": "${headings![called[0]]}"`,
    );
  const [named] = called;
  const last = isIgnored.length - 1;
  if (named !== undefined) {
    if (named !== last) notes.push(`target: column ${named} ("${headings![named]}"), by its name`);
    return named;
  }
  notes.push(
    `target: column ${last}${headings ? ` ("${headings[last]}")` : ''}, the last; no column is called label, target, class or y`,
  );
  const range = labelsIn(lines, 0);
  if (last > 0 && !isIgnored[0] && range !== null && labelsIn(lines, last)?.to !== range.to)
    notes.push(
      `column 0: holds the whole numbers ${range.from} to ${range.to} and may be the labels: "target": 0 in the specification takes it`,
    );
  return last;
}

/** Few whole numbers without gaps, from 0 or 1 on, as labels are; null for anything else. */
function labelsIn(lines: readonly Row[], c: number): { readonly from: number; readonly to: number } | null {
  const values = new Set<number>();
  for (const { fields } of lines) {
    const value = /^\d{1,4}$/.test(fields[c]?.trim() ?? '') ? Number(fields[c]) : NaN;
    if (Number.isNaN(value)) return null;
    values.add(value);
  }
  const from = Math.min(...values);
  const to = Math.max(...values);
  return from <= 1 && values.size >= 2 && to - from + 1 === values.size && values.size <= lines.length / 2
    ? { from, to }
    : null;
}

function columnsOf(
  wanted: readonly ColumnChoice[],
  headings: readonly string[] | undefined,
  width: number,
  file: string,
  field: string,
): number[] {
  const columns = wanted.map((column) => {
    if (typeof column === 'number') {
      if (!(Number.isInteger(column) && column >= 0 && column < width))
        throw new InputError(`${file}: ${field}: expected a column from 0 to ${width - 1}, found ${column}`);
      return column;
    }
    if (!headings)
      throw new InputError(
        `${file}: ${field} "${column}": the first line does not name the columns; give its number from 0`,
      );
    const index = headings.indexOf(column);
    if (index < 0) {
      const shown = headings.slice(0, 20).join(', ') + (headings.length > 20 ? ', ...' : '');
      throw new InputError(`${file}: ${field}: there is no column "${column}"; found: ${shown}`);
    }
    if (headings.indexOf(column, index + 1) >= 0)
      throw new InputError(`${file}: ${field}: two columns are named "${column}"`);
    return index;
  });
  if (new Set(columns).size !== columns.length) throw new InputError(`${file}: ${field}: a column is given twice`);
  return columns;
}

/** Doubles, as many as come. */
class GrowingArray {
  #values = new Float64Array(1024);
  #length = 0;

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Float64Array(2 * this.#length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length++] = value;
  }

  done(): Float64Array {
    return this.#values.slice(0, this.#length);
  }
}
