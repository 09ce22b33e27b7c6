/** Which columns of a table of text are targets, which are inputs and which neither, from the options and the first lines. */
import { InputError } from '../../shared/errors.ts';
import { isNumber } from './csv-text.ts';
import type { DecimalMark, Row } from './csv-text.ts';

type ColumnChoice = string | number;

export interface CsvOptions {
  /**
   * The column of the classes, or the columns of the regression targets, by name or by number from 0; default the one that is called label, target, class or y,
   * else the last.
   */
  readonly target?: ColumnChoice | readonly ColumnChoice[];
  /** Columns that are not inputs, by name or number; default one without a name that counts 0, 1, 2, ... under a line of names. */
  readonly ignore?: readonly ColumnChoice[];
  /** Default: classes if the target can be classes (words, or few whole numbers), else numbers. */
  readonly task?: 'classes' | 'regression';
  /** Whether the first line names the columns; default: where in some column its field is not a number and the next line's is. */
  readonly header?: boolean;
  /** One character, a blank for any run of blanks and tabs; default: whichever of , ; tab | the first line has most of, blanks if it has none. */
  readonly delimiter?: string;
  /** What parts whole from decimals; default: a comma if fields are parted otherwise and the numbers of the first lines have commas. */
  readonly decimal?: DecimalMark;
  /** Of one sample; the product must be the number of input columns. */
  readonly shape?: readonly number[];
  readonly testPath?: string;
}

/** Commas in numbers if nothing else parts the decimals. */
export function guessDecimal(rows: readonly Row[], delimiter: string): DecimalMark {
  if (delimiter === ',') return '.';
  const fields = rows.flatMap((row) => row.fields.map((field) => field.trim()));
  const commas = fields.some((field) => field.includes(',') && isNumber(field, ','));
  return commas && !fields.some((field) => field.includes('.') && isNumber(field, '.')) ? ',' : '.';
}

/** What the columns of a table are. */
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

/** @param rows the first lines. Raises an InputError for columns that are not there, or given twice. */
export function layoutOf(rows: readonly Row[], decimal: DecimalMark, options: CsvOptions, file: string): Layout {
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

/** The column that is called as a target is, else the last that is an input; `notes` are told. Raises an InputError if two are called so. */
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
