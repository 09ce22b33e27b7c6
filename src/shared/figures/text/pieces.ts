/** Pieces of formulas: glyphs at a size, the lengths of the MATH table, delimiters of any height. */
import type { FontFamily, FontLibrary } from '../fonts/library.ts';
import type { MathConstant } from '../fonts/math.ts';
import type { FontFace } from '../fonts/truetype.ts';
import { boundsOf } from '../path.ts';
import { moved, type TextBox } from './box.ts';
import type { MathStyle } from './tex.ts';

export interface Context {
  readonly fonts: FontLibrary;
  readonly family: FontFamily;
  /** Type size of text style, in points. */
  readonly base: number;
}

export function fontSizeOf(context: Context, style: MathStyle): number {
  const { constants } = mathOf(context);
  if (style === 'script') return (context.base * constants.scriptPercentScaleDown) / 100;
  if (style === 'scriptscript') return (context.base * constants.scriptScriptPercentScaleDown) / 100;
  return context.base;
}

export function mathOf(context: Context): NonNullable<FontFace['math']> {
  const { math } = context.fonts.mathFace(context.family);
  if (!math) throw new Error('the mathematical font has no MATH table');
  return math;
}

/** A constant of the font in points at the size of the style. */
export function mathConstant(context: Context, style: MathStyle, name: MathConstant): number {
  return (
    (mathOf(context).constants[name] / context.fonts.mathFace(context.family).unitsPerEm) * fontSizeOf(context, style)
  );
}

export function empty(width: number): TextBox {
  return { width, ascent: 0, descent: 0, glyphs: [], rules: [], text: '' };
}

export function glyphBox(
  face: FontFace,
  glyph: number,
  size: number,
  text: string,
): TextBox & { readonly italic: number } {
  const scale = size / face.unitsPerEm;
  const path = face.outline(glyph);
  // In font units y grows upwards: the bottom of the page's box is the top of the glyph.
  const { top: bottom, bottom: top, right } = boundsOf(path) ?? { top: 0, bottom: 0, right: 0 };
  const lean = face.math
    ? face.math.italicCorrection(glyph)
    : face.italicAngle !== 0
      ? Math.max(0, right - face.advance(glyph))
      : 0;
  return {
    width: face.advance(glyph) * scale,
    ascent: top * scale,
    descent: -bottom * scale,
    glyphs: [{ face, glyph, size, x: 0, y: 0, text }],
    rules: [],
    text,
    italic: lean * scale,
  };
}

/** Boxes drawn over each other at their own places. */
export function stacked(parts: readonly TextBox[], width: number, text: string): TextBox {
  return {
    width,
    ascent: Math.max(...parts.map((part) => part.ascent)),
    descent: Math.max(...parts.map((part) => part.descent)),
    glyphs: parts.flatMap((part) => part.glyphs),
    rules: parts.flatMap((part) => part.rules),
    text,
  };
}

/** The smallest form of a delimiter that reaches `target` in all, centred on the axis. */
export function delimiter(character: string, target: number, context: Context, style: MathStyle): TextBox {
  const box = stretched(character, target, context, style);
  const axis = mathConstant(context, style, 'axisHeight');
  return moved(box, 0, (box.ascent - box.descent) / 2 - axis);
}

export function stretched(character: string, target: number, context: Context, style: MathStyle): TextBox {
  const size = fontSizeOf(context, style);
  const { face, glyph } = context.fonts.math(context.family, character.codePointAt(0)!);
  const scale = size / face.unitsPerEm;
  const plain = glyphBox(face, glyph, size, character);
  if (plain.ascent + plain.descent >= target || !face.math) return plain;
  const sizes = face.math.taller(glyph);
  for (const [taller, extent] of sizes) if (extent * scale >= target) return glyphBox(face, taller, size, character);
  const parts = face.math.assembly(glyph);
  if (parts.length === 0) return sizes.length > 0 ? glyphBox(face, sizes[sizes.length - 1][0], size, character) : plain;
  return assembled(face, parts, target / scale, size, character);
}

/** Repeats the extenders until the pieces reach the target, overlapping each joint as far as the connectors allow. */
export function assembled(
  face: FontFace,
  parts: ReturnType<NonNullable<FontFace['math']>['assembly']>,
  target: number,
  size: number,
  text: string,
): TextBox {
  const scale = size / face.unitsPerEm;
  const least = face.math?.minConnectorOverlap ?? 0;
  for (let repeats = 0; repeats < 200; repeats++) {
    const list = parts.flatMap((part) => (part.isExtender ? Array.from({ length: repeats }, () => part) : [part]));
    if (list.length === 0) continue;
    const full = list.reduce((sum, part) => sum + part.fullAdvance, 0);
    const joints = list.length - 1;
    if (full - joints * least < target && repeats < 199) continue;
    const overlap =
      joints > 0
        ? Math.max(
            least,
            Math.min(
              (full - target) / joints,
              ...list.slice(1).map((part, k) => Math.min(part.startConnector, list[k].endConnector)),
            ),
          )
        : 0;
    let y = 0;
    const boxes = list.map((part) => {
      const box = moved(glyphBox(face, part.glyph, size, ''), 0, 0);
      const placed = moved(box, 0, -y - box.descent);
      y += (part.fullAdvance - overlap) * scale;
      return placed;
    });
    const height = y + overlap * scale;
    return { ...stacked(boxes, Math.max(...boxes.map((box) => box.width)), text), ascent: height, descent: 0 };
  }
  throw new Error('a delimiter cannot be stretched so far');
}
