/**
 * TeX mathematics of a label to a tree. The language of formulas in labels: letters, digits, symbols, scripts, fractions, roots, accents, large
 * operators, sized delimiters, alphabets, \text, spaces, matrices. Anything unknown raises `InputError` with the command and its place.
 */
import { definedOf } from '../../defined.ts';
import { InputError } from '../../errors.ts';
import {
  accents,
  alphabetCommands,
  limitOperators,
  operatorNames,
  spaces,
  symbolOf,
  symbols,
  type Alphabet,
  type AtomClass,
} from './symbols.ts';

export type MathStyle = 'display' | 'text' | 'script' | 'scriptscript';

export type MathNode =
  | {
      readonly kind: 'symbol';
      readonly character: string;
      readonly atom: AtomClass;
      readonly alphabet: Alphabet;
      readonly large: boolean;
    }
  | { readonly kind: 'row'; readonly children: readonly MathNode[]; readonly atom?: AtomClass }
  | {
      readonly kind: 'scripts';
      readonly base: MathNode;
      readonly sub?: MathNode;
      readonly sup?: MathNode;
      readonly limits?: boolean;
    }
  | {
      readonly kind: 'fraction';
      readonly top: MathNode;
      readonly bottom: MathNode;
      readonly rule: boolean;
      readonly style?: MathStyle | undefined;
    }
  | { readonly kind: 'root'; readonly body: MathNode; readonly degree?: MathNode }
  | { readonly kind: 'accent'; readonly character: string; readonly stretch: boolean; readonly body: MathNode }
  | { readonly kind: 'bar'; readonly body: MathNode; readonly over: boolean }
  | { readonly kind: 'delimited'; readonly open: string; readonly close: string; readonly body: MathNode }
  | { readonly kind: 'big'; readonly character: string; readonly size: number; readonly atom: AtomClass }
  | { readonly kind: 'operator'; readonly name: string; readonly limits: boolean }
  | { readonly kind: 'text'; readonly text: string; readonly style: 'regular' | 'italic' | 'bold' }
  | { readonly kind: 'space'; readonly mu: number }
  | { readonly kind: 'style'; readonly style: MathStyle; readonly body: MathNode }
  | { readonly kind: 'matrix'; readonly rows: readonly (readonly MathNode[])[]; readonly align: 'center' | 'left' };

type Token = { readonly kind: 'command' | 'character'; readonly text: string; readonly at: number };

function tokens(source: string): Token[] {
  const out: Token[] = [];
  for (let k = 0; k < source.length;) {
    const begin = k;
    const character = String.fromCodePoint(source.codePointAt(k)!);
    k += character.length;
    if (character !== '\\') {
      out.push({ kind: 'character', text: character, at: begin });
      continue;
    }
    const word = /^[A-Za-z]+/.exec(source.slice(k));
    if (word) {
      k += word[0].length;
      out.push({ kind: 'command', text: word[0], at: begin });
      // TeX swallows spaces after a command word; in \text their absence would show, so they stay as characters and are skipped in mathematics.
    } else {
      const next = source.slice(k, k + 1);
      if (next === '') throw new InputError(`the formula "${source}" ends in a lone backslash`);
      k += next.length;
      out.push({ kind: 'command', text: next, at: begin });
    }
  }
  return out;
}

const delimiterNames: Readonly<Record<string, string>> = { '.': '', '<': '⟨', '>': '⟩' };
const bigSizes: Readonly<Record<string, number>> = { big: 1.2, Big: 1.8, bigg: 2.4, Bigg: 3 };
const matrices: Readonly<Record<string, readonly [string, string, 'center' | 'left']>> = {
  matrix: ['', '', 'center'],
  pmatrix: ['(', ')', 'center'],
  bmatrix: ['[', ']', 'center'],
  Bmatrix: ['{', '}', 'center'],
  vmatrix: ['|', '|', 'center'],
  Vmatrix: ['‖', '‖', 'center'],
  cases: ['{', '', 'left'],
};

export function parseTex(source: string): MathNode {
  const list = tokens(source);
  let p = 0;
  const fail = (problem: string, at = list[p]?.at ?? source.length): never => {
    throw new InputError(`the formula "${source}" ${problem} (at character ${at + 1})`);
  };
  const skipSpaces = (): void => {
    while (p < list.length && list[p].kind === 'character' && /\s|~/.test(list[p].text)) p++;
  };
  const isCharacter = (text: string): boolean => list[p]?.kind === 'character' && list[p].text === text;
  const isCommand = (text: string): boolean => list[p]?.kind === 'command' && list[p].text === text;

  /** A group in braces as plain text. */
  function rawGroup(): string {
    skipSpaces();
    if (!isCharacter('{')) fail('needs "{" here');
    p++;
    let depth = 1;
    let text = '';
    for (; p < list.length; p++) {
      const token = list[p];
      if (token.kind === 'character' && token.text === '{') depth++;
      if (token.kind === 'character' && token.text === '}' && --depth === 0) {
        p++;
        return text;
      }
      text += token.kind === 'command' ? (/^[A-Za-z]/.test(token.text) ? `\\${token.text}` : token.text) : token.text;
    }
    return fail('lacks a closing brace');
  }

  function argument(alphabet: Alphabet): MathNode {
    skipSpaces();
    if (p >= list.length) fail('ends where an argument is needed');
    if (isCharacter('{')) {
      p++;
      const row = sequence(alphabet, '}');
      p++;
      return row;
    }
    if (isCharacter('}')) fail('needs an argument before "}"');
    return nucleus(alphabet);
  }

  function delimiter(): string {
    skipSpaces();
    const token = list[p++];
    if (!token) return fail('ends where a delimiter is needed');
    if (token.kind === 'character') return delimiterNames[token.text] ?? token.text;
    const symbol = symbols.get(token.text);
    if (!symbol) return fail(`has no delimiter \\${token.text}`, token.at);
    return symbol.character;
  }

  /** Children up to `end` ("}", "]", "\right", "&", "\\", "\end" or the end of the source), which is left unread. */
  function sequence(alphabet: Alphabet, end: '}' | ']' | 'right' | 'cell' | ''): MathNode {
    const children: MathNode[] = [];
    for (;;) {
      skipSpaces();
      if (p >= list.length) {
        if (end !== '')
          fail(end === 'right' ? 'lacks \\right' : end === 'cell' ? 'lacks \\end' : `lacks a closing "${end}"`);
        break;
      }
      if (end === 'right' && isCommand('right')) break;
      if (end === 'cell' && (isCharacter('&') || isCommand('\\') || isCommand('end'))) break;
      if ((end === '}' || end === ']') && isCharacter(end)) break;
      if (isCharacter('}')) fail('has a "}" too many');
      if (list[p].kind === 'command') {
        const style = { displaystyle: 'display', textstyle: 'text', scriptstyle: 'script' }[list[p].text] as
          MathStyle | undefined;
        if (style) {
          p++;
          children.push({ kind: 'style', style, body: sequence(alphabet, end) });
          break;
        }
        if (isCommand('limits') || isCommand('nolimits')) {
          const limits = isCommand('limits');
          const last = children.pop();
          if (!last) fail(`has \\${list[p].text} with nothing before it`);
          p++;
          children.push(scripted(last as MathNode, alphabet, limits));
          continue;
        }
      }
      const base =
        isCharacter('_') || isCharacter('^') || isCharacter("'")
          ? ({ kind: 'row', children: [] } as const)
          : nucleus(alphabet);
      children.push(scripted(base, alphabet));
    }
    return children.length === 1 ? children[0] : { kind: 'row', children };
  }

  function scripted(base: MathNode, alphabet: Alphabet, limits?: boolean): MathNode {
    let sub: MathNode | undefined;
    let sup: MathNode | undefined;
    const primes: MathNode[] = [];
    for (;;) {
      skipSpaces();
      if (isCharacter("'")) {
        p++;
        primes.push({ kind: 'symbol', character: '′', atom: 'ord', alphabet: 'rm', large: false });
      } else if (isCharacter('_')) {
        if (sub) fail('has two subscripts on one base');
        p++;
        sub = argument(alphabet);
      } else if (isCharacter('^')) {
        if (sup) fail('has two superscripts on one base');
        p++;
        sup = argument(alphabet);
      } else break;
    }
    if (primes.length > 0) sup = { kind: 'row', children: sup ? [...primes, sup] : primes };
    if (!sub && !sup && limits === undefined) return base;
    return definedOf({ kind: 'scripts', base, sub, sup, limits });
  }

  function nucleus(alphabet: Alphabet): MathNode {
    skipSpaces();
    const token = list[p];
    if (!token) return fail('ends too early');
    if (token.kind === 'character') {
      if (token.text === '{') {
        p++;
        const row = sequence(alphabet, '}');
        p++;
        return { kind: 'row', children: [row], atom: 'ord' };
      }
      if (token.text === '&') fail('has "&" outside a matrix');
      p++;
      const symbol = symbolOf(token.text);
      return { kind: 'symbol', ...symbol, large: symbol.large ?? false, alphabet };
    }
    p++;
    const name = token.text;
    const symbol = symbols.get(name);
    if (symbol)
      return {
        kind: 'symbol',
        ...symbol,
        large: symbol.large ?? false,
        alphabet: alphabet === 'rm' ? 'default' : alphabet,
      };
    if (operatorNames.has(name)) return { kind: 'operator', name, limits: false };
    if (limitOperators.has(name)) return { kind: 'operator', name, limits: true };
    const space = spaces.get(name);
    if (space !== undefined) return { kind: 'space', mu: space };
    const accent = accents.get(name);
    if (accent) return { kind: 'accent', ...accent, body: argument(alphabet) };
    const other = alphabetCommands.get(name);
    if (other) return { kind: 'row', children: [argument(other)], atom: 'ord' };
    switch (name) {
      case 'frac':
      case 'dfrac':
      case 'tfrac': {
        const top = argument(alphabet);
        const bottom = argument(alphabet);
        const style = name === 'dfrac' ? 'display' : name === 'tfrac' ? 'text' : undefined;
        return { kind: 'fraction', top, bottom, rule: true, style };
      }
      case 'binom': {
        const top = argument(alphabet);
        const bottom = argument(alphabet);
        return { kind: 'delimited', open: '(', close: ')', body: { kind: 'fraction', top, bottom, rule: false } };
      }
      case 'sqrt': {
        skipSpaces();
        let degree: MathNode | undefined;
        if (isCharacter('[')) {
          p++;
          degree = sequence(alphabet, ']');
          p++;
        }
        return definedOf({ kind: 'root', body: argument(alphabet), degree });
      }
      case 'overline':
      case 'underline':
        return { kind: 'bar', over: name === 'overline', body: argument(alphabet) };
      case 'text':
      case 'textrm':
      case 'mbox':
        return { kind: 'text', text: rawGroup(), style: 'regular' };
      case 'textit':
      case 'emph':
        return { kind: 'text', text: rawGroup(), style: 'italic' };
      case 'textbf':
        return { kind: 'text', text: rawGroup(), style: 'bold' };
      case 'operatorname':
        return { kind: 'operator', name: rawGroup(), limits: false };
      case 'left': {
        const open = delimiter();
        const body = sequence(alphabet, 'right');
        p++;
        return { kind: 'delimited', open, close: delimiter(), body };
      }
      case 'right':
        return fail('has \\right without \\left', token.at);
      case 'not': {
        const next = argument(alphabet);
        if (next.kind !== 'symbol') return fail('can negate a single symbol only', token.at);
        return { ...next, character: (next.character + '̸').normalize('NFC') };
      }
      case 'begin': {
        const environment = rawGroup();
        const shape = matrices[environment];
        if (!shape) return fail(`has an unknown environment "${environment}"`, token.at);
        const rows: MathNode[][] = [[]];
        for (;;) {
          rows[rows.length - 1].push(sequence(alphabet, 'cell'));
          if (isCharacter('&')) p++;
          else if (isCommand('\\')) {
            p++;
            rows.push([]);
          } else break;
        }
        p++;
        if (rawGroup() !== environment) fail(`ends another environment than "${environment}"`);
        const matrix: MathNode = { kind: 'matrix', rows, align: shape[2] };
        return shape[0] === '' && shape[1] === ''
          ? matrix
          : { kind: 'delimited', open: shape[0], close: shape[1], body: matrix };
      }
    }
    const big = /^(big|Big|bigg|Bigg)([lrm]?)$/.exec(name);
    if (big) {
      const atom = ({ l: 'open', r: 'close', m: 'rel', '': 'ord' } as const)[big[2] as 'l' | 'r' | 'm' | ''];
      return { kind: 'big', character: delimiter(), size: bigSizes[big[1]], atom };
    }
    return fail(`has a command that is not known here: \\${name}`, token.at);
  }

  return sequence('default', '');
}
