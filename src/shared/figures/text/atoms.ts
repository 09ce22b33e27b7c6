/** Atoms of formulas: single symbols, the classes they belong to and the spaces between these (The TeXbook, appendix G). */
import { moved, type TextBox } from './box.ts';
import { mathConstant, glyphBox, fontSizeOf, type Context } from './pieces.ts';
import { inAlphabet, type AtomClass } from './symbols.ts';
import type { MathNode, MathStyle } from './tex.ts';

export interface MathBox extends TextBox {
  readonly atom: AtomClass;
  /** How far a slanted last letter leans out to the right. */
  readonly italic: number;
  /** Where the middle of an accent goes, from the left. */
  readonly attach?: number | undefined;
  /** A single character: scripts attach to its own height. */
  readonly single?: boolean;
  readonly limits?: boolean;
}

/** Spaces between classes: 0 none, 1 thin, 2 medium, 3 thick; negative: not in scripts. The TeXbook, p. 170. */
export const gaps: Readonly<Record<AtomClass, Readonly<Record<AtomClass, number>>>> = {
  ord: { ord: 0, op: 1, bin: -2, rel: -3, open: 0, close: 0, punct: 0, inner: -1 },
  op: { ord: 1, op: 1, bin: 0, rel: -3, open: 0, close: 0, punct: 0, inner: -1 },
  bin: { ord: -2, op: -2, bin: 0, rel: 0, open: -2, close: 0, punct: 0, inner: -2 },
  rel: { ord: -3, op: -3, bin: 0, rel: 0, open: -3, close: 0, punct: 0, inner: -3 },
  open: { ord: 0, op: 0, bin: 0, rel: 0, open: 0, close: 0, punct: 0, inner: 0 },
  close: { ord: 0, op: 1, bin: -2, rel: -3, open: 0, close: 0, punct: 0, inner: -1 },
  punct: { ord: -1, op: -1, bin: 0, rel: -1, open: -1, close: -1, punct: -1, inner: -1 },
  inner: { ord: -1, op: 1, bin: -2, rel: -3, open: -1, close: 0, punct: -1, inner: -1 },
};

export const smaller = (style: MathStyle): MathStyle =>
  style === 'display' || style === 'text' ? 'script' : 'scriptscript';
export const isScript = (style: MathStyle): boolean => style === 'script' || style === 'scriptscript';

export function symbolBox(node: MathNode & { kind: 'symbol' }, context: Context, style: MathStyle): MathBox {
  const size = fontSizeOf(context, style);
  const { face, glyph } = context.fonts.math(context.family, inAlphabet(node.character, node.alphabet));
  let sized = glyph;
  if (node.large && style === 'display') {
    const least = (context.fonts.mathFace(context.family).math?.constants.displayOperatorMinHeight ?? 0) * 1;
    sized = face.math?.taller(glyph).find(([, extent]) => extent >= least)?.[0] ?? glyph;
  }
  const box = glyphBox(face, sized, size, node.character);
  const attach = face.math?.accentAttachment(sized);
  const shift = node.large ? (box.ascent - box.descent) / 2 - mathConstant(context, style, 'axisHeight') : 0;
  const placed = shift === 0 ? box : moved(box, 0, shift);
  return {
    ...placed,
    atom: node.atom,
    italic: box.italic,
    attach: attach && (attach / face.unitsPerEm) * size,
    single: true,
    limits: node.large && !'∫∮∬'.includes(node.character),
  };
}
