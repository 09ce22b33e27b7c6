/** A parsed filter as a condition over `runs r`. Every text and number of the user's is a parameter. */
import { fold, type StoreContext } from '../context.ts';
import { fieldOf, numberSql, runsWhere, type Field, type Sql } from './fields.ts';
import { parseFilter, type Expression, type FieldOperand, type LiteralOperand, type Operand } from './parse.ts';
import { FilterError, type Operator } from './tokens.ts';

const day = 86_400_000;

/** Raises `FilterError`. An empty filter lets everything pass. */
export function compileFilter(context: StoreContext, filter: string): Sql {
  const expression = parseFilter(filter);
  return expression === undefined ? { sql: '1', parameters: [] } : compile(expression);

  function compile(node: Expression): Sql {
    switch (node.kind) {
      case 'and':
      case 'or':
        return join(node.kind, node.terms.map(compile));
      case 'not': {
        const { sql, parameters } = compile(node.term);
        return { sql: `NOT ${sql}`, parameters };
      }
      case 'has':
        return has(fieldOf(context, node.field.name, node.field));
      case 'in': {
        const field = fieldOf(context, node.field.name, node.field);
        return join(
          'or',
          node.values.map((value) => compareLiteral(field, '=', value)),
        );
      }
      case 'comparison': {
        const field = fieldOf(context, node.field.name, node.field);
        return node.value.kind === 'field'
          ? compareFields(field, node.field, node.operator, node.value)
          : compareLiteral(field, node.operator, node.value);
      }
      default:
        node satisfies never;
        throw new Error('unknown expression');
    }
  }

  function compareLiteral(field: Field, operator: Operator, value: LiteralOperand): Sql {
    return literalComparison(field, operator, value, context.now());
  }

  function compareFields(left: Field, place: FieldOperand, operator: Operator, value: FieldOperand): Sql {
    const right = fieldOf(context, value.name, value);
    const numbers = [numberSql(left), numberSql(right)] as const;
    if (operator === '~' || operator === '!~') throw problem('"~" looks for a text, not for a field', value);
    if (numbers[0] === undefined) throw problem(`${left.name} has no number to compare`, place);
    if (numbers[1] === undefined) throw problem(`${right.name} has no number to compare with`, value);
    return compare(numbers[0], operator, numbers[1]);
  }
}

function literalComparison(field: Field, operator: Operator, value: LiteralOperand, now: number): Sql {
  switch (field.kind) {
    case 'tags':
      return compareTags(operator, value);
    case 'flag':
      return compareFlag(field, operator, value);
    case 'time':
      return compareTime(field, operator, value, now);
    case 'value':
      return compareValue(field, operator, value);
    case 'number':
      if (value.kind === 'text' || operator === '~' || operator === '!~') {
        throw problem(`${field.name} is a number, compared by = != < <= > >= with a number`, value);
      }
      return compare({ sql: field.sql, parameters: [] }, operator, { sql: '?', parameters: [value.value] });
    case 'text':
      return compareText({ sql: field.sql, parameters: [] }, operator, value.text);
    default:
      field satisfies never;
      throw new Error('unknown field');
  }
}

function compareValue(field: Extract<Field, { kind: 'value' }>, operator: Operator, value: LiteralOperand): Sql {
  if (operator === '!=' || operator === '!~') {
    const { sql, parameters } = compareValue(field, operator === '!=' ? '=' : '~', value);
    return { sql: `NOT ${sql}`, parameters };
  }
  if (operator !== '~' && value.kind === 'number') {
    // A text may look like a number: model = 784.
    return operator === '=' && field.part === 'value'
      ? runsWhere(field, '(s.value = ? OR s.text = ?)', [value.value, value.text])
      : runsWhere(field, `s.${field.part} ${operator} ?`, [value.value]);
  }
  if (field.part !== 'value') throw problem(`${field.name} is a number, not a text`, value);
  if (operator === '~') return runsWhere(field, 'instr(covature_fold(s.text), ?) > 0', [fold(value.text)]);
  return runsWhere(field, `s.text ${operator} ? COLLATE NOCASE`, [value.text]);
}

/** A missing side makes "!=" true and everything else false. */
function compare(left: Sql, operator: Operator, right: Sql): Sql {
  const parameters = [...left.parameters, ...right.parameters];
  if (operator === '!=') return { sql: `((${left.sql} = ${right.sql}) IS NOT TRUE)`, parameters };
  return { sql: `((${left.sql} ${operator} ${right.sql}) IS TRUE)`, parameters };
}

/** Case aside, as far as ASCII goes; "~" sets case and accents of any script aside. */
function compareText(held: Sql, operator: Operator, text: string): Sql {
  if (operator === '~' || operator === '!~') {
    return {
      sql: `((instr(covature_fold(${held.sql}), ?) > 0) IS ${operator === '~' ? '' : 'NOT '}TRUE)`,
      parameters: [...held.parameters, fold(text)],
    };
  }
  return compare(held, operator, { sql: '? COLLATE NOCASE', parameters: [text] });
}

function compareTags(operator: Operator, value: LiteralOperand): Sql {
  const exists = (condition: string, parameter: string): Sql => ({
    sql: `EXISTS (SELECT 1 FROM run_tags rt JOIN tags g ON g.seq = rt.tag WHERE rt.run = r.seq AND ${condition})`,
    parameters: [parameter],
  });
  const negated = ({ sql, parameters }: Sql): Sql => ({ sql: `NOT ${sql}`, parameters });
  switch (operator) {
    case '=':
      return exists('g.name = ? COLLATE NOCASE', value.text);
    case '!=':
      return negated(exists('g.name = ? COLLATE NOCASE', value.text));
    case '~':
      return exists('instr(covature_fold(g.name), ?) > 0', fold(value.text));
    case '!~':
      return negated(exists('instr(covature_fold(g.name), ?) > 0', fold(value.text)));
    case '<':
    case '<=':
    case '>':
    case '>=':
      throw problem('a run has a tag or has it not: use = != ~ or in', value);
    default:
      operator satisfies never;
      throw new Error('unknown operator');
  }
}

function compareFlag(field: Extract<Field, { sql: string }>, operator: Operator, value: LiteralOperand): Sql {
  const flag = ['true', 'yes', '1'].includes(value.text.toLowerCase())
    ? 1
    : ['false', 'no', '0'].includes(value.text.toLowerCase())
      ? 0
      : undefined;
  if (flag === undefined || (operator !== '=' && operator !== '!=')) {
    throw problem(`${field.name} is true or false, compared by = or !=`, value);
  }
  return compare({ sql: field.sql, parameters: [] }, operator, { sql: '?', parameters: [flag] });
}

/** 2026-11-23 is the whole local day: "=" is within it, ">" after it, "<" before it. 2026-11-23T15:30 is a moment, 7d seven days ago. */
function compareTime(
  field: Extract<Field, { sql: string }>,
  operator: Operator,
  value: LiteralOperand,
  now: number,
): Sql {
  const [start, end] = timesOf(value, now);
  const comparedWith = (condition: string, moment: number): Sql => ({
    sql: `((${field.sql} ${condition} ?) IS TRUE)`,
    parameters: [moment],
  });
  switch (operator) {
    case '<':
      return comparedWith('<', start);
    case '<=':
      return comparedWith(end === start ? '<=' : '<', end);
    case '>':
      return comparedWith(end === start ? '>' : '>=', end);
    case '>=':
      return comparedWith('>=', start);
    case '=':
    case '!=': {
      const within =
        end === start ? comparedWith('=', start) : join('and', [comparedWith('>=', start), comparedWith('<', end)]);
      return operator === '=' ? within : { sql: `NOT ${within.sql}`, parameters: within.parameters };
    }
    case '~':
    case '!~':
      throw problem(`${field.name} is a time, compared by = != < <= > >=`, value);
    default:
      operator satisfies never;
      throw new Error('unknown operator');
  }
}

function timesOf(value: LiteralOperand, now: number): [start: number, end: number] {
  const parts = /^(\d{4})-(\d{2})-(\d{2})$/.exec(value.text);
  if (parts !== null) {
    const [year, month, date] = parts.slice(1).map(Number) as [number, number, number];
    const start = new Date(year, month - 1, date);
    // Date would take the 31st of February for the 3rd of March.
    if (start.getMonth() === month - 1) return [start.getTime(), new Date(year, month - 1, date + 1).getTime()];
  } else if (/^\d{4}-\d{2}-\d{2}T/.test(value.text)) {
    const moment = Date.parse(value.text);
    if (Number.isFinite(moment)) return [moment, moment];
  } else {
    const ago = /^(\d+)([mhdw])$/.exec(value.text);
    if (ago !== null) {
      const unit = { m: 60_000, h: 3_600_000, d: day, w: 7 * day }[ago[2] as 'm' | 'h' | 'd' | 'w'];
      const moment = now - Number(ago[1]) * unit;
      return [moment, moment];
    }
  }
  throw problem(
    `expected a time, as 2026-11-23, 2026-11-23T15:30, or 7d for seven days ago, found ${JSON.stringify(value.text)}`,
    value,
  );
}

function has(field: Field): Sql {
  switch (field.kind) {
    case 'value':
      return runsWhere(
        field,
        field.part === 'value' ? '(s.value IS NOT NULL OR s.text IS NOT NULL)' : `s.${field.part} IS NOT NULL`,
        [],
      );
    case 'tags':
      return { sql: 'EXISTS (SELECT 1 FROM run_tags rt WHERE rt.run = r.seq)', parameters: [] };
    case 'flag':
      return { sql: `(${field.sql} = 1)`, parameters: [] };
    case 'number':
    case 'text':
    case 'time':
      return { sql: `(coalesce(${field.sql}, '') <> '')`, parameters: [] };
    default:
      field satisfies never;
      throw new Error('unknown field');
  }
}

function join(word: 'and' | 'or', terms: readonly Sql[]): Sql {
  return {
    sql: `(${terms.map(({ sql }) => sql).join(` ${word.toUpperCase()} `)})`,
    parameters: terms.flatMap(({ parameters }) => parameters),
  };
}

function problem(message: string, { column, length }: Pick<Operand, 'column' | 'length'>): FilterError {
  return new FilterError(message, column, length);
}
