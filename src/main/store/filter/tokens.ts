/** The words of the filter language, with their columns. */
import { InputError } from '../../../shared/errors.ts';

/** A filter that cannot be understood; `column` counts from 1, `length` characters are to be marked. */
export class FilterError extends InputError {
  readonly column: number;
  readonly length: number;

  constructor(message: string, column: number, length = 1) {
    super(`filter, column ${column}: ${message}`);
    this.column = column;
    this.length = length;
  }
}

export const operators = ['<=', '>=', '!=', '<>', '==', '!~', '=', '<', '>', '~'] as const;
export type Operator = '=' | '!=' | '<' | '<=' | '>' | '>=' | '~' | '!~';
const keywords = ['and', 'or', 'not', 'in', 'has'] as const;
export type Keyword = (typeof keywords)[number];

export type Token = { readonly column: number; readonly length: number } & (
  | { readonly kind: 'operator'; readonly operator: Operator }
  | { readonly kind: 'keyword'; readonly keyword: Keyword }
  /** Without quotes: a field or a text, as its place decides. */
  | { readonly kind: 'word'; readonly text: string }
  | { readonly kind: 'number'; readonly value: number; readonly text: string }
  | { readonly kind: 'string'; readonly text: string }
  /** In backquotes: always a field. */
  | { readonly kind: 'field'; readonly text: string }
  | { readonly kind: 'punctuation'; readonly text: '(' | ')' | ',' }
  | { readonly kind: 'end' }
);

const longestFilter = 10_000;
const word = /[\p{L}\p{N}_][\p{L}\p{N}\p{M}_.@:/+\-[\]]*/uy;
const number = /[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y;
const symbols: Readonly<Record<string, Keyword>> = { '&&': 'and', '||': 'or', '!': 'not' };

/** Raises `FilterError`. The last token is always `end`. */
export function tokensOf(filter: string): Token[] {
  if (filter.length > longestFilter) {
    throw new FilterError(
      `a filter has at most ${longestFilter} characters, this one ${filter.length}`,
      longestFilter + 1,
    );
  }
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(filter)?.[0];
  };

  while (at < filter.length) {
    const character = filter[at];
    if (/\s/.test(character)) {
      at++;
      continue;
    }
    const column = at + 1;
    if (character === '(' || character === ')' || character === ',') {
      tokens.push({ kind: 'punctuation', text: character, column, length: 1 });
      at++;
      continue;
    }
    if (character === '"' || character === "'" || character === '`') {
      const { text, length } = quoted(filter, at);
      tokens.push({ kind: character === '`' ? 'field' : 'string', text, column, length });
      at += length;
      continue;
    }
    const numeral = match(number);
    const bare = match(word);
    // 784-50-50-10 and 2026-11-23 begin like numbers but are words.
    if (numeral !== undefined && !(bare !== undefined && bare.length > numeral.length)) {
      tokens.push({ kind: 'number', value: Number(numeral), text: numeral, column, length: numeral.length });
      at += numeral.length;
      continue;
    }
    if (bare !== undefined) {
      const keyword = keywords.find((each) => each === bare.toLowerCase());
      tokens.push(
        keyword === undefined
          ? { kind: 'word', text: bare, column, length: bare.length }
          : { kind: 'keyword', keyword, column, length: bare.length },
      );
      at += bare.length;
      continue;
    }
    const operator = operators.find((each) => filter.startsWith(each, at));
    if (operator !== undefined) {
      const meaning = operator === '==' ? '=' : operator === '<>' ? '!=' : operator;
      tokens.push({ kind: 'operator', operator: meaning, column, length: operator.length });
      at += operator.length;
      continue;
    }
    const symbol = Object.keys(symbols).find((each) => filter.startsWith(each, at));
    if (symbol === undefined) {
      throw new FilterError(
        `${JSON.stringify(String.fromCodePoint(filter.codePointAt(at)!))} has no meaning here`,
        column,
      );
    }
    tokens.push({ kind: 'keyword', keyword: symbols[symbol], column, length: symbol.length });
    at += symbol.length;
  }
  tokens.push({ kind: 'end', column: filter.length + 1, length: 0 });
  return tokens;
}

/** The text between quotes; a backslash takes the next character as it is. `length` counts the quotes. */
function quoted(filter: string, start: number): { text: string; length: number } {
  const quote = filter[start];
  let text = '';
  for (let at = start + 1; at < filter.length; at++) {
    const character = filter[at];
    if (character === quote) return { text, length: at + 1 - start };
    if (character === '\\' && at + 1 < filter.length) text += filter[++at];
    else text += character;
  }
  throw new FilterError(`the quotation mark ${quote} has no partner`, start + 1, filter.length - start);
}
