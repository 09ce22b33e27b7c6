/** The text of a table: its lines, the separator of fields, the notation of numbers. */
import { InputError } from '../../shared/errors.ts';

export interface Row {
  readonly fields: string[];
  /** Of its beginning, from 1. */
  readonly line: number;
}

/** Marks between fields that are looked for; a blank stands for any number of blanks and tabs. */
const marks = [',', ';', '\t', '|'];

/**
 * The mark between two fields, from the first line that is no remark: whichever of , ; tab | it has most of; blanks if it has none of these and words or numbers
 * stand apart. With semicolons, tabs or pipes a comma may be a decimal one, so it counts only if there is no other mark.
 */
export function guessDelimiter(text: string): string {
  const line = firstLine(text).replace(/"[^"]*"/g, '');
  const counts = marks.map((mark) => line.split(mark).length - 1);
  const others = counts.slice(1);
  const most = Math.max(...others);
  const other = marks[1 + others.indexOf(most)];
  if (most > 0 && (most >= counts[0] || commasAreDecimal(line, other))) return areBlanks(line, other) ? ' ' : other;
  if (counts[0] > 0) return ',';
  return /\S[ \t]+\S/.test(line.trim()) ? ' ' : ',';
}

function commasAreDecimal(line: string, mark: string): boolean {
  return line.split(mark).every((field) => !field.includes(',') || isNumber(field.trim(), ','));
}

/** Tabs among other blanks between numbers. */
function areBlanks(line: string, mark: string): boolean {
  const pieces = line.split(mark).map((field) => field.trim().split(/ +/));
  return mark === '\t' && pieces.some((each) => each.length > 1 && each.every((field) => isNumber(field, '.')));
}

/** Lines that begin with "#" before the first line of the table are remarks. */
function firstLine(text: string): string {
  for (const line of text.split(/\r\n|\r|\n/, 100)) if (line.trim() !== '' && !isRemark(line)) return line;
  return '';
}

function isRemark(line: string): boolean {
  return /^\uFEFF?\s*#/.test(line);
}

const patterns = {
  '.': /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i,
  ',': /^[+-]?(\d+,?\d*|,\d+)(e[+-]?\d+)?$/i,
} as const;

/** The decimal mark of numbers. */
export type DecimalMark = keyof typeof patterns;

export function isNumber(field: string, decimal: DecimalMark): boolean {
  return patterns[decimal].test(field.trim());
}

/** NaN for anything that is not a number. */
export function numberOf(field: string, decimal: DecimalMark): number {
  if (!isNumber(field, decimal)) return NaN;
  return Number(decimal === ',' ? field.replace(',', '.') : field);
}

/**
 * The rows of a table, empty lines left out, and remarks ("# ...") before the first; at most `most` of them. With a blank as the mark any run of blanks and tabs
 * parts two fields. Raises an InputError with file and line for a quote that is not closed, or text after one.
 */
export function* rowsOf(text: string, delimiter: string, file: string, most = Infinity): Generator<Row> {
  if (delimiter === ' ') {
    yield* blankRows(text, most);
    return;
  }
  const mark = delimiter.charCodeAt(0);
  let line = 1;
  let at = 0;
  for (let count = 0; at < text.length && count < most;) {
    if (count === 0) {
      const end = endOfLine(text, at);
      if (isRemark(text.slice(at, end))) {
        at = end + (text.startsWith('\r\n', end) ? 2 : 1);
        line++;
        continue;
      }
    }
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

function endOfLine(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const c = text.charCodeAt(at);
    if (c === 0x0a || c === 0x0d) return at;
  }
  return text.length;
}

function* blankRows(text: string, most: number): Generator<Row> {
  let count = 0;
  let line = 0;
  for (let at = 0; at < text.length && count < most;) {
    const end = endOfLine(text, at);
    const content = text.slice(at, end);
    at = end + (text.startsWith('\r\n', end) ? 2 : 1);
    line++;
    if (content.trim() === '' || (count === 0 && isRemark(content))) continue;
    count++;
    yield {
      fields: content
        .trim()
        .split(/[ \t]+/)
        .map(unquoted),
      line,
    };
  }
}

function unquoted(field: string): string {
  return /^".*"$/.test(field) ? field.slice(1, -1).replaceAll('""', '"') : field;
}
