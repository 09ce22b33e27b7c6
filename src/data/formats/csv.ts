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
import { guessDecimal, layoutOf } from './csv-layout.ts';
import type { CsvOptions } from './csv-layout.ts';
import { guessDelimiter, isNumber, numberOf, rowsOf } from './csv-text.ts';
import type { DecimalMark } from './csv-text.ts';

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
    numbered: classes ? 'by-name' : undefined,
    notes: train.notes,
    train: part(train, file),
    test: test ? part(test, options.testPath ?? 'test') : null,
  };
}

/** Class names of all tables: in the order of their numbers if all are numbers, else of their code units. */
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
