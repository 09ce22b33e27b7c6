/** Labels of figures (text with TeX mathematics between dollar signs) as pieces that the window sets in its own fonts. Pure. */
import { splitLabel } from '../../shared/figures/text/label.ts';
import { inAlphabet } from '../../shared/figures/text/symbols.ts';
import { parseTex } from '../../shared/figures/text/tex.ts';
import type { MathNode } from '../../shared/figures/text/tex.ts';

export interface Piece {
  readonly kind: 'text' | 'letter' | 'sub' | 'sup';
  readonly text: string;
}

/** "$H_{ii}$ of a layer" -> a letter H, a subscript ii, text. Raises `InputError` for TeX that figures do not know. */
export function labelPieces(label: string): Piece[] {
  return splitLabel(label).flatMap(({ kind, source }) =>
    kind === 'text' ? [{ kind, text: source } as const] : piecesOf(parseTex(source)),
  );
}

/** The label as plain text, for tables and those who do not see it. */
export function wordsOfLabel(label: string): string {
  return labelPieces(label)
    .map(({ kind, text }) => (kind === 'sub' ? `_${text}` : kind === 'sup' ? `^${text}` : text))
    .join('')
    .trim();
}

function piecesOf(node: MathNode): Piece[] {
  const text = (...words: string[]): Piece[] => words.map((word) => ({ kind: 'text', text: word }));
  switch (node.kind) {
    case 'symbol': {
      const { character, atom, alphabet } = node;
      const isItalic = inAlphabet(character, alphabet) !== character.codePointAt(0);
      if (isItalic) return [{ kind: 'letter', text: character }];
      return text(atom === 'rel' || atom === 'bin' ? ` ${character} ` : character);
    }
    case 'row':
      return node.children.flatMap((child, k) =>
        isSign(child, node.children[k - 1]) ? text(child.character) : piecesOf(child),
      );
    case 'scripts': {
      const script = (kind: 'sub' | 'sup', part: MathNode | undefined): Piece[] =>
        part === undefined ? [] : [{ kind, text: wordsOf(part) }];
      return [...piecesOf(node.base), ...script('sub', node.sub), ...script('sup', node.sup)];
    }
    case 'fraction':
      return [...piecesOf(node.top), ...text('/'), ...piecesOf(node.bottom)];
    case 'root':
      return [...text('√('), ...piecesOf(node.body), ...text(')')];
    case 'accent':
      return piecesOf(node.body).map((piece, k) => (k === 0 ? { ...piece, text: piece.text + node.character } : piece));
    case 'bar':
    case 'style':
      return piecesOf(node.body);
    case 'delimited':
      return [...text(node.open), ...piecesOf(node.body), ...text(node.close)];
    case 'big':
      return text(node.character);
    case 'operator':
      return text(`${node.name} `);
    case 'text':
      return text(node.text);
    case 'space':
      return text(node.mu >= 18 ? ' ' : node.mu > 0 ? '\u2009' : '');
    case 'matrix':
      return node.rows.flatMap((row) => [...text('('), ...row.flatMap(piecesOf), ...text(')')]);
    default:
      node satisfies never;
      throw new Error('unknown part of a formula');
  }
}

/** A minus or plus that belongs to the number after it. */
function isSign(node: MathNode, before: MathNode | undefined): node is MathNode & { readonly kind: 'symbol' } {
  const isBetween =
    before !== undefined && !(before.kind === 'symbol' && ['rel', 'bin', 'open', 'punct'].includes(before.atom));
  return node.kind === 'symbol' && node.atom === 'bin' && !isBetween;
}

function wordsOf(node: MathNode): string {
  return piecesOf(node)
    .map(({ text }) => text)
    .join('')
    .trim();
}
