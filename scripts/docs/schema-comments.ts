/**
 * What the sources say about the fields of a format: the comments above the entries of `v.strictObject({ ... })`. A schema at run time does not have them, so the sources
 * are parsed, and an object is identified by the names of its fields and by the literals among them (`type: v.literal('dense')`).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export interface ObjectComments {
  /** The comment on the object itself: above its declaration, or above it in a list. */
  readonly about: string;
  /** Comments by the names of the fields; a field without a comment is not included. */
  readonly fields: ReadonlyMap<string, string>;
}

/** Finds the comments of an object by `shapeKey`. */
export type CommentTable = ReadonlyMap<string, ObjectComments>;

/** What distinguishes an object from the others: its fields in alphabetical order, each with its literal if it has one. */
export function shapeKey(fields: Iterable<readonly [name: string, literal: string | undefined]>): string {
  return [...fields]
    .map(([name, literal]) => (literal === undefined ? name : `${name}=${literal}`))
    .sort()
    .join(' ');
}

const shared = fileURLToPath(new URL('../../src/shared/', import.meta.url));

/** Reads every source in src/shared that defines schemas. */
export function readComments(): CommentTable {
  const table = new Map<string, ObjectComments>();
  for (const name of readdirSync(shared, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue;
    const text = readFileSync(join(shared, name), 'utf8');
    if (text.includes("from 'valibot'")) collect(ts.createSourceFile(name, text, ts.ScriptTarget.ES2024, true), table);
  }
  return table;
}

interface Field {
  readonly comment: string;
  readonly literal: string | undefined;
}

function collect(source: ts.SourceFile, table: Map<string, ObjectComments>): void {
  const constants = new Map<string, ts.Expression>();
  const visitConstants = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && node.initializer !== undefined)
      constants.set(node.name.text, node.initializer);
    ts.forEachChild(node, visitConstants);
  };
  visitConstants(source);

  const fieldsOf = (object: ts.ObjectLiteralExpression): Map<string, Field> => {
    const fields = new Map<string, Field>();
    for (const property of object.properties) {
      if (ts.isSpreadAssignment(property)) {
        const spread = spreadObject(property.expression, constants);
        if (spread !== undefined) for (const [name, field] of fieldsOf(spread)) fields.set(name, field);
      } else if (ts.isPropertyAssignment(property) || ts.isShorthandPropertyAssignment(property)) {
        const name = ts.isStringLiteral(property.name) ? property.name.text : property.name.getText(source);
        const value = ts.isPropertyAssignment(property) ? property.initializer : constants.get(name);
        // A shorthand gets the comment of the constant that it stands for.
        const declared = ts.isShorthandPropertyAssignment(property) ? value?.parent.parent.parent : undefined;
        const comment =
          commentAbove(property, source) || (declared === undefined ? '' : commentAbove(declared, source));
        fields.set(name, { comment, literal: value === undefined ? undefined : literalOf(value) });
      }
    }
    return fields;
  };

  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && node.expression.getText(source) === 'v.strictObject') {
      const [object] = node.arguments;
      if (object !== undefined && ts.isObjectLiteralExpression(object)) {
        const fields = fieldsOf(object);
        const key = shapeKey([...fields].map(([name, { literal }]) => [name, literal] as const));
        const holder = ts.isVariableDeclaration(node.parent) ? node.parent.parent.parent : node;
        const commented = [...fields].filter(([, { comment }]) => comment !== '');
        // Two formats may have the same fields (an experiment, and a run's record of it): the comments of either count.
        const other = table.get(key);
        table.set(key, {
          about: other?.about || commentAbove(holder, source),
          fields: new Map([
            ...commented.map(([name, { comment }]) => [name, comment] as const),
            ...(other?.fields ?? []),
          ]),
        });
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
}

/** The object that `...name`, `...name.entries` or `...name(...)` spreads, if it is in the same file. */
function spreadObject(
  expression: ts.Expression,
  constants: ReadonlyMap<string, ts.Expression>,
): ts.ObjectLiteralExpression | undefined {
  if (ts.isPropertyAccessExpression(expression)) return spreadObject(expression.expression, constants);
  if (ts.isCallExpression(expression)) {
    const [first] = expression.arguments;
    if (first !== undefined && ts.isObjectLiteralExpression(first)) return first;
    return spreadObject(expression.expression, constants);
  }
  if (ts.isObjectLiteralExpression(expression)) return expression;
  if (ts.isParenthesizedExpression(expression)) return spreadObject(expression.expression, constants);
  if (ts.isArrowFunction(expression) && !ts.isBlock(expression.body)) return spreadObject(expression.body, constants);
  if (!ts.isIdentifier(expression)) return undefined;
  const found = constants.get(expression.text);
  return found === undefined ? undefined : spreadObject(found, constants);
}

/** 'dense' of `v.literal('dense')`. */
function literalOf(expression: ts.Expression): string | undefined {
  if (!ts.isCallExpression(expression) || expression.expression.getText() !== 'v.literal') return undefined;
  const [first] = expression.arguments;
  return first === undefined ? undefined : ts.isStringLiteral(first) ? first.text : first.getText();
}

/** The last comment of the form slash-star-star before a node, as one line. */
function commentAbove(node: ts.Node, source: ts.SourceFile): string {
  const ranges = ts.getLeadingCommentRanges(source.text, node.getFullStart()) ?? [];
  const last = ranges.map(({ pos, end }) => source.text.slice(pos, end)).findLast((text) => text.startsWith('/**'));
  if (last === undefined) return '';
  return last
    .slice(3, -2)
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trim())
    .join(' ')
    .replace(/\s+/g, ' ')
    .trim();
}
