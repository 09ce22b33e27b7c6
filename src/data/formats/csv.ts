/**
 * Tables of text (RFC 4180: quotes, "" for a quote inside quotes, line ends of any kind) as datasets: one sample a line, one column or more of targets, all others inputs.
 * UTF-8, with or without a byte order mark. Numbers with a decimal point; no missing values.
 */
import * as path from 'node:path';
import { InputError, messageOf } from '../../shared/errors.ts';
import { readInputFile } from '../files.ts';
import type { RawDataset, RawPart } from '../raw.ts';

export type Column = string | number;

export interface CsvOptions {
  /** The column of the classes, or the columns of the regression targets, by name or by number from 0; default the last. */
  readonly target?: Column | readonly Column[];
  /** Default classes. */
  readonly task?: 'classes' | 'regression';
  /** Whether the first line names the columns; default: where in some column its field is not a number and the next line's is. */
  readonly header?: boolean;
  /** One character; default: whichever of , ; tab the first line has most of. */
  readonly delimiter?: string;
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
  const classes = options.task === 'regression' ? null : sortedNames([train, test]);
  const part = (table: Table, source: string): RawPart => ({
    count: table.count,
    inputs: table.inputs,
    targets: classes
      ? { kind: 'classes', values: renumber(table, classes) }
      : { kind: 'vectors', values: table.targets, width: table.targetColumns },
    source,
  });
  return {
    name: path.basename(file).replace(/\.(csv|tsv|txt)$/i, ''),
    shape,
    classes,
    train: part(train, file),
    test: test ? part(test, options.testPath ?? 'test') : null,
  };
}

/** Class names of all tables: in the order of their numbers where all are numbers, else of their code units. */
function sortedNames(tables: readonly (Table | undefined)[]): string[] {
  const names = [...new Set(tables.flatMap((table) => (table ? [...table.names.keys()] : [])))];
  return names.every(isNumber) ? names.sort((a, b) => Number(a) - Number(b)) : names.sort();
}

function renumber(table: Table, classes: readonly string[]): Int32Array {
  const place = new Map(classes.map((name, i) => [name, i]));
  const moved = [...table.names.keys()].map((name) => place.get(name)!);
  return Int32Array.from(table.targets, (number) => moved[number]);
}

interface Table {
  readonly count: number;
  readonly inputColumns: number;
  readonly targetColumns: number;
  /** [count, inputColumns]. */
  readonly inputs: Float64Array;
  /** [count, targetColumns]; for classes the number of the name in `names`. */
  readonly targets: Float64Array;
  /** Class name -> number, in the order of appearance. */
  readonly names: ReadonlyMap<string, number>;
}

function parseTable(bytes: Uint8Array, file: string, options: CsvOptions): Table {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new InputError(`${file}: expected text in UTF-8: ${messageOf(error)}`);
  }
  const delimiter = options.delimiter ?? guessDelimiter(text);
  const first = [...rowsOf(text, delimiter, file, 2)];
  if (first.length === 0) throw new InputError(`${file}: expected lines of data, found none`);
  const hasHeader = options.header ?? looksLikeHeader(first[0].fields, first[1]?.fields);
  const width = first[0].fields.length;
  const headings = hasHeader ? first[0].fields.map((field) => field.trim()) : undefined;
  const isTarget = new Uint8Array(width);
  const targetColumns = findTargets(options, headings, width, file);
  for (const column of targetColumns) isTarget[column] = 1;
  const inputColumns = width - targetColumns.length;
  if (inputColumns === 0)
    throw new InputError(`${file}: expected columns of inputs beside the target, found ${width} column in all`);
  if (options.task !== 'regression' && targetColumns.length !== 1)
    throw new InputError(`${file}: expected one target column for classes, found ${targetColumns.length}`);

  const inputs = new GrowingArray();
  const targets = new GrowingArray();
  const names = new Map<string, number>();
  let count = 0;
  let skip = hasHeader;
  const column = (c: number) => (headings ? `column ${c} ("${headings[c]}")` : `column ${c}`);
  for (const { fields, line } of rowsOf(text, delimiter, file)) {
    if (skip) {
      skip = false;
      continue;
    }
    if (fields.length !== width)
      throw new InputError(
        `${file}: line ${line}: expected ${width} fields as in the first line, found ${fields.length}`,
      );
    for (let c = 0; c < width; c++) {
      const field = fields[c].trim();
      if (isTarget[c] && options.task !== 'regression') {
        if (field === '')
          throw new InputError(`${file}: line ${line}, ${column(c)}: expected the name of a class, found nothing`);
        let number = names.get(field);
        if (number === undefined) names.set(field, (number = names.size));
        targets.push(number);
      } else if (!isTarget[c]) {
        inputs.push(numberIn(field, () => `${file}: line ${line}, ${column(c)}`));
      }
    }
    if (options.task === 'regression')
      for (const c of targetColumns)
        targets.push(numberIn(fields[c].trim(), () => `${file}: line ${line}, ${column(c)}`));
    count++;
  }
  if (count === 0) throw new InputError(`${file}: expected lines of data below the header, found none`);
  if (options.task !== 'regression' && names.size > 100 && names.size > count / 2)
    throw new InputError(
      `${file}: ${column(targetColumns[0])} has ${names.size} different values in ${count} lines, too many for classes; ` +
        'for numbers to be predicted set the task to regression',
    );
  return {
    count,
    inputColumns,
    targetColumns: targetColumns.length,
    inputs: inputs.done(),
    targets: targets.done(),
    names,
  };
}

const numberPattern = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

function isNumber(field: string): boolean {
  return numberPattern.test(field.trim());
}

function numberIn(field: string, at: () => string): number {
  const value = numberPattern.test(field) ? Number(field) : NaN;
  if (!Number.isFinite(value)) {
    const found = field === '' ? 'nothing' : JSON.stringify(field.length > 40 ? `${field.slice(0, 40)}...` : field);
    throw new InputError(`${at()}: expected a finite number, found ${found}`);
  }
  return value;
}

function looksLikeHeader(first: readonly string[], second: readonly string[] | undefined): boolean {
  if (!second) return !first.some(isNumber);
  return first.some((field, c) => !isNumber(field) && c < second.length && isNumber(second[c]));
}

function guessDelimiter(text: string): string {
  const end = text.search(/[\r\n]/);
  const line = (end < 0 ? text : text.slice(0, end)).replace(/"[^"]*"/g, '');
  const counts = [',', ';', '\t'].map((mark) => line.split(mark).length);
  return [',', ';', '\t'][counts.indexOf(Math.max(...counts))];
}

function findTargets(
  options: CsvOptions,
  headings: readonly string[] | undefined,
  width: number,
  file: string,
): number[] {
  const wanted =
    options.target === undefined ? [width - 1] : Array.isArray(options.target) ? options.target : [options.target];
  if (wanted.length === 0) throw new InputError(`${file}: target: expected at least one column`);
  const columns = (wanted as readonly Column[]).map((column) => {
    if (typeof column === 'number') {
      if (!(Number.isInteger(column) && column >= 0 && column < width))
        throw new InputError(`${file}: target: expected a column from 0 to ${width - 1}, found ${column}`);
      return column;
    }
    if (!headings)
      throw new InputError(
        `${file}: target "${column}": the first line does not name the columns; give its number from 0`,
      );
    const at = headings.indexOf(column);
    if (at < 0) {
      const shown = headings.slice(0, 20).join(', ') + (headings.length > 20 ? ', ...' : '');
      throw new InputError(`${file}: target: there is no column "${column}"; found: ${shown}`);
    }
    if (headings.indexOf(column, at + 1) >= 0)
      throw new InputError(`${file}: target: two columns are named "${column}"`);
    return at;
  });
  if (new Set(columns).size !== columns.length) throw new InputError(`${file}: target: a column stands twice`);
  return columns;
}

interface Row {
  readonly fields: string[];
  /** Of its beginning, from 1. */
  readonly line: number;
}

/** The rows of a table, empty lines left out; at most `most` of them. */
function* rowsOf(text: string, delimiter: string, file: string, most = Infinity): Generator<Row> {
  const mark = delimiter.charCodeAt(0);
  let line = 1;
  let at = 0;
  for (let count = 0; at < text.length && count < most;) {
    const fields: string[] = [];
    const begin = line;
    for (let ended = false; !ended;) {
      let field: string;
      if (text.charCodeAt(at) === 0x22) {
        const opened = line;
        field = '';
        for (let from = at + 1; ;) {
          const quote = text.indexOf('"', from);
          if (quote < 0) throw new InputError(`${file}: line ${opened}: a quote is opened and never closed`);
          field += text.slice(from, quote);
          at = quote + 1;
          if (text.charCodeAt(at) !== 0x22) break;
          field += '"';
          from = at + 1;
        }
        for (const c of field) if (c === '\n') line++;
      } else {
        const from = at;
        while (at < text.length) {
          const c = text.charCodeAt(at);
          if (c === mark || c === 0x0a || c === 0x0d) break;
          at++;
        }
        field = text.slice(from, at);
      }
      fields.push(field);
      const c = text.charCodeAt(at);
      if (c === mark) {
        at++;
      } else if (at >= text.length || c === 0x0a || c === 0x0d) {
        if (c === 0x0d && text.charCodeAt(at + 1) === 0x0a) at++;
        at++;
        line++;
        ended = true;
      } else {
        throw new InputError(
          `${file}: line ${line}, column ${fields.length - 1}: expected "${delimiter}" after a closing quote, found "${text[at]}"`,
        );
      }
    }
    if (fields.length === 1 && fields[0].trim() === '') continue;
    count++;
    yield { fields, line: begin };
  }
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
