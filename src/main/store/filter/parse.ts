/**
 * The filter language:
 *
 *   filter      = or
 *   or          = and { "or" and }                          also ||
 *   and         = not { "and" not }                         also &&
 *   not         = "not" not | "(" or ")" | "has" field | comparison      also !
 *   comparison  = operand operator operand [ operator operand ] | operand ["not"] "in" "(" literal { "," literal } ")"
 *   operator    = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" (contains) | "!~"
 *   operand     = field | number | text
 *
 * Examples: gamma.fc2 > 1.1 and loss = "mse";  1 <= gamma.fc2 <= 2;  dataset in (mnist, glyphs) or not tag = paper;  gamma.fc2 > gamma_Q.fc2.
 * A word without quotes is a field on the left; on the right it is a text after = != ~ !~ and in "in", a field (or, beginning with a digit, a date) after < <= > >=. Text in
 * quotes is always a text, text in backquotes always a field. A run without a field equals nothing and is neither smaller nor larger
 * than anything: it passes "!=" and fails the others.
 */
import { FilterError, tokensOf, type Operator, type Token } from './tokens.ts';

export interface FilterPosition {
  readonly column: number;
  readonly length: number;
}

export type Operand = FilterPosition &
  (
    | { readonly kind: 'field'; readonly name: string }
    | { readonly kind: 'number'; readonly value: number; readonly text: string }
    | { readonly kind: 'text'; readonly text: string; readonly quoted: boolean }
  );
export type FieldOperand = Extract<Operand, { kind: 'field' }>;
export type LiteralOperand = Exclude<Operand, { kind: 'field' }>;

export type Expression =
  | { readonly kind: 'and' | 'or'; readonly terms: readonly Expression[] }
  | { readonly kind: 'not'; readonly term: Expression }
  | { readonly kind: 'has'; readonly field: FieldOperand }
  | { readonly kind: 'comparison'; readonly field: FieldOperand; readonly operator: Operator; readonly value: Operand }
  | { readonly kind: 'in'; readonly field: FieldOperand; readonly values: readonly LiteralOperand[] };

const deepest = 50;
const mostComparisons = 200;

/** Raises `FilterError` with the column. An empty filter is undefined. */
export function parseFilter(filter: string): Expression | undefined {
  const tokens = tokensOf(filter);
  if (tokens.length === 1) return undefined;
  let next = 0;
  let comparisons = 0;

  const expression = parseOr(0);
  const rest = tokens[next];
  if (rest.kind !== 'end') {
    const isClosing = rest.kind === 'punctuation' && rest.text === ')';
    throw problem(
      isClosing ? 'this bracket closes nothing' : `expected "and", "or" or the end, found ${nameOf(rest)}`,
      rest,
    );
  }
  return expression;

  function parseOr(depth: number): Expression {
    return parseTerms('or', depth, () => parseTerms('and', depth, () => parseNot(depth)));
  }

  function parseTerms(kind: 'and' | 'or', depth: number, term: () => Expression): Expression {
    if (depth > deepest) throw problem(`brackets and "not" nest at most ${deepest} deep`, tokens[next]);
    const terms = [term()];
    while (takeKeyword(kind)) terms.push(term());
    return terms.length === 1 ? terms[0] : { kind, terms };
  }

  function parseNot(depth: number): Expression {
    if (depth > deepest) throw problem(`brackets and "not" nest at most ${deepest} deep`, tokens[next]);
    if (takeKeyword('not')) return { kind: 'not', term: parseNot(depth + 1) };
    const start = tokens[next];
    if (start.kind === 'punctuation' && start.text === '(') {
      next++;
      const inner = parseOr(depth + 1);
      const end = tokens[next];
      if (!(end.kind === 'punctuation' && end.text === ')')) {
        throw problem(
          end.kind === 'end' ? 'this bracket is never closed' : `expected ")", found ${nameOf(end)}`,
          end.kind === 'end' ? start : end,
        );
      }
      next++;
      return inner;
    }
    if (takeKeyword('has')) return { kind: 'has', field: asField(takeOperand('a field')) };
    return parseComparison();
  }

  function parseComparison(): Expression {
    const left = takeOperand('a field, as gamma.fc2');
    const negated = takeKeyword('not');
    if (takeKeyword('in')) {
      const member: Expression = { kind: 'in', field: asField(left), values: parseList() };
      return negated ? { kind: 'not', term: member } : member;
    }
    const operator = tokens[next];
    if (negated || operator.kind !== 'operator') {
      throw problem(
        negated
          ? `expected "in" after "not", found ${nameOf(operator)}`
          : `expected a comparison (= != < <= > >= ~ in) after ${describe(left)}, found ${nameOf(operator)}`,
        operator,
      );
    }
    next++;
    const middle = takeOperand('a value');
    const first = comparison(left, operator.operator, middle, operator);
    const second = tokens[next];
    if (second.kind !== 'operator') return first;
    next++;
    const right = takeOperand('a value');
    return { kind: 'and', terms: [first, comparison(middle, second.operator, right, second)] };
  }

  function parseList(): LiteralOperand[] {
    expectPunctuation('(');
    const values = [asLiteral(takeOperand('a value'))];
    while (tokens[next].kind === 'punctuation' && (tokens[next] as { text: string }).text === ',') {
      next++;
      values.push(asLiteral(takeOperand('a value')));
    }
    expectPunctuation(')');
    comparisons += values.length;
    checkCount(tokens[next]);
    return values;
  }

  /** The field comes to the left. */
  function comparison(left: Operand, operator: Operator, right: Operand, place: FilterPosition): Expression {
    comparisons++;
    checkCount(place);
    const ordering = operator === '<' || operator === '<=' || operator === '>' || operator === '>=';
    if (left.kind === 'number' || (left.kind === 'text' && left.quoted)) {
      if (right.kind === 'number' || (right.kind === 'text' && right.quoted)) {
        throw problem('one side of a comparison is a field', left);
      }
      return { kind: 'comparison', field: asField(right), operator: mirrored[operator], value: left };
    }
    const value =
      ordering && right.kind === 'text' && !right.quoted && !/^\d/.test(right.text) ? asField(right) : right;
    return { kind: 'comparison', field: asField(left), operator, value };
  }

  function takeOperand(expected: string): Operand {
    const token = tokens[next];
    const place = { column: token.column, length: token.length };
    switch (token.kind) {
      case 'word':
        next++;
        return { kind: 'text', text: token.text, quoted: false, ...place };
      case 'string':
        next++;
        return { kind: 'text', text: token.text, quoted: true, ...place };
      case 'number':
        next++;
        return { kind: 'number', value: token.value, text: token.text, ...place };
      case 'field':
        next++;
        return { kind: 'field', name: token.text, ...place };
      case 'operator':
      case 'keyword':
      case 'punctuation':
      case 'end':
        throw problem(`expected ${expected}, found ${nameOf(token)}`, token);
      default:
        token satisfies never;
        throw new Error('unknown token');
    }
  }

  function takeKeyword(keyword: string): boolean {
    const token = tokens[next];
    if (token.kind !== 'keyword' || token.keyword !== keyword) return false;
    next++;
    return true;
  }

  function expectPunctuation(text: '(' | ')'): void {
    const token = tokens[next];
    if (token.kind !== 'punctuation' || token.text !== text)
      throw problem(`expected "${text}", found ${nameOf(token)}`, token);
    next++;
  }

  function checkCount(place: FilterPosition): void {
    if (comparisons > mostComparisons) throw problem(`a filter has at most ${mostComparisons} comparisons`, place);
  }
}

const mirrored: Readonly<Record<Operator, Operator>> = {
  '=': '=',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
  '~': '~',
  '!~': '!~',
};

function asField(operand: Operand): FieldOperand {
  if (operand.kind === 'field') return operand;
  if (operand.kind === 'text' && !operand.quoted) {
    return { kind: 'field', name: operand.text, column: operand.column, length: operand.length };
  }
  throw problem(`expected a field, found ${describe(operand)}`, operand);
}

function asLiteral(operand: Operand): LiteralOperand {
  if (operand.kind === 'field') throw problem('expected a value, found a field', operand);
  return operand;
}

function problem(message: string, { column, length }: FilterPosition): FilterError {
  return new FilterError(message, column, length);
}

function describe(operand: Operand): string {
  return operand.kind === 'field'
    ? operand.name
    : operand.kind === 'text' && operand.quoted
      ? JSON.stringify(operand.text)
      : operand.text;
}

function nameOf(token: Token): string {
  switch (token.kind) {
    case 'end':
      return 'the end';
    case 'operator':
      return `"${token.operator}"`;
    case 'keyword':
      return `"${token.keyword}"`;
    case 'punctuation':
    case 'word':
    case 'number':
    case 'field':
    case 'string':
      return JSON.stringify(token.text);
    default:
      token satisfies never;
      throw new Error('unknown token');
  }
}
