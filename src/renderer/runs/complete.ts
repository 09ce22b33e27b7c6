/** Completions for a filter: fields, their values, words of the language. Pure; see src/main/store/filter/parse.ts for the language. */
import type { ColumnInfo } from '../../shared/contract/index.ts';

export interface Suggestion {
  readonly text: string;
  /** What it is, beside it. */
  readonly note: string;
}

export interface CaretWord {
  /** The part of the filter that a suggestion replaces. */
  readonly from: number;
  readonly to: number;
  /** The part that is typed so far. */
  readonly word: string;
  /** The field whose value is expected here; null: a field or a word of the language. */
  readonly valueOf: string | null;
}

const wordBefore = /[\p{L}\p{N}_.@:/+\-[\]]*$/u;
const comparison = /(?:`([^`]+)`|([\p{L}_][\p{L}\p{N}_.@:/+\-[\]]*))\s*(?:=|!=|~|!~|\bin\s*\((?:[^()]*,)?)\s*$/u;

/** Where the caret is in a filter; null inside a text in quotes. */
export function placeOf(filter: string, caret: number): CaretWord | null {
  const before = filter.slice(0, caret);
  if ((before.match(/"/g)?.length ?? 0) % 2 === 1) {
    const open = before.lastIndexOf('"');
    const field = comparison.exec(before.slice(0, open));
    if (field === null) return null;
    const close = /^[^"]*"?/.exec(filter.slice(caret))?.[0] ?? '';
    return { from: open, to: caret + close.length, word: before.slice(open + 1), valueOf: field[1] ?? field[2] };
  }
  const word = wordBefore.exec(before)?.[0] ?? '';
  const from = caret - word.length;
  const field = comparison.exec(before.slice(0, from));
  return { from, to: caret, word, valueOf: field === null ? null : (field[1] ?? field[2]) };
}

/** Whether a field is expected, or a word that joins or compares. */
function expects(before: string): 'field' | 'operator' | 'join' {
  const text = before.trimEnd();
  if (text === '' || /(?:\b(?:and|or|not|has)|[(])$/i.test(text)) return 'field';
  if (/[<>=~]$/.test(text)) return 'field';
  // A field alone so far, or a whole comparison.
  const last = /(?:^|\b(?:and|or|not)\s+|\()\s*[^\s<>=~!()]+$/i.test(text);
  return last ? 'operator' : 'join';
}

/** At most `most` suggestions for what is written, those that begin with it first. */
export function suggest(
  filter: string,
  place: CaretWord,
  columns: readonly ColumnInfo[],
  values: readonly { readonly value: number | string; readonly runs: number }[],
  most = 12,
): Suggestion[] {
  const word = place.word.toLowerCase();
  const fits = (text: string): boolean => text.toLowerCase().includes(word) && text.toLowerCase() !== word;
  const ranked = (list: readonly Suggestion[]): Suggestion[] =>
    list
      .filter(({ text }) => fits(text.replaceAll('"', '')))
      .map((each, order) => ({ each, order, rank: rankOf(each.text.replaceAll('"', '').toLowerCase(), word) }))
      .sort((a, b) => a.rank - b.rank || a.order - b.order)
      .slice(0, most)
      .map(({ each }) => each);
  if (place.valueOf !== null) {
    return ranked(
      values.map(({ value, runs }) => ({
        text: typeof value === 'number' ? String(value) : quoted(value),
        note: `${runs} runs`,
      })),
    );
  }
  // A number is being written, which needs no help.
  if (/^[-+]?\.?\d/.test(place.word)) return [];
  const due = expects(filter.slice(0, place.from));
  if (due === 'operator') {
    return ranked(['=', '!=', '<', '<=', '>', '>=', '~', 'in ('].map((text) => ({ text, note: operatorNotes[text] })));
  }
  if (due === 'join') return ranked(['and', 'or'].map((text) => ({ text, note: '' })));
  return ranked([
    ...columns.map(({ key, numbers, texts }) => ({
      text: /^[\p{L}_][\p{L}\p{N}_.@:/+\-[\]]*$/u.test(key) ? key : `\`${key}\``,
      note: numbers && texts ? 'number and text' : numbers ? 'number' : 'text',
    })),
    ...(word === '' ? [] : ['not', 'has'].map((text) => ({ text, note: '' }))),
  ]);
}

function rankOf(text: string, wanted: string): number {
  if (text.startsWith(wanted)) return 0;
  return text.split(/[._]/).some((part) => part.startsWith(wanted)) ? 1 : 2;
}

const operatorNotes: Readonly<Record<string, string>> = {
  '=': 'equal',
  '!=': 'different, or none',
  '<': 'smaller',
  '<=': 'at most',
  '>': 'larger',
  '>=': 'at least',
  '~': 'contains',
  'in (': 'one of',
};

function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}

/** The filter with a suggestion in its place, and where the caret goes. */
export function accept(filter: string, place: CaretWord, { text }: Suggestion): { filter: string; caret: number } {
  const rest = filter.slice(place.to);
  const space = rest.startsWith(' ') || text.endsWith('(') ? '' : ' ';
  const before = filter.slice(0, place.from) + text + space;
  return { filter: before + rest, caret: before.length + (space === '' && rest.startsWith(' ') ? 1 : 0) };
}
