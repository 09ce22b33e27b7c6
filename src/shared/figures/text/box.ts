/** Boxes of placed glyphs, and plain text shaped into them. y grows downwards from the baseline; lengths are in points. */
import type { FontFace } from '../fonts/truetype.ts';
import type { FontFamily, FontLibrary, TextStyle } from '../fonts/library.ts';

export interface PlacedGlyph {
  readonly face: FontFace;
  readonly glyph: number;
  readonly size: number;
  readonly x: number;
  readonly y: number;
  /** The characters that the glyph stands for, for copying and searching. */
  readonly text: string;
}

export interface PlacedRule {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface TextBox {
  readonly width: number;
  /** Extents above and below the baseline. */
  readonly ascent: number;
  readonly descent: number;
  readonly glyphs: readonly PlacedGlyph[];
  /** Filled rectangles (fraction bars, roots). */
  readonly rules: readonly PlacedRule[];
  /** The whole as plain text. */
  readonly text: string;
}

export function moved(box: TextBox, dx: number, dy: number): TextBox {
  return {
    width: box.width,
    ascent: box.ascent - dy,
    descent: box.descent + dy,
    glyphs: box.glyphs.map((glyph) => ({ ...glyph, x: glyph.x + dx, y: glyph.y + dy })),
    rules: box.rules.map((rule) => ({ ...rule, x: rule.x + dx, y: rule.y + dy })),
    text: box.text,
  };
}

/** Boxes one after the other on one baseline. */
export function joinedBoxes(parts: readonly TextBox[], text = parts.map((part) => part.text).join('')): TextBox {
  let x = 0;
  let ascent = 0;
  let descent = 0;
  const glyphs: PlacedGlyph[] = [];
  const rules: PlacedRule[] = [];
  for (const part of parts) {
    for (const glyph of part.glyphs) glyphs.push({ ...glyph, x: glyph.x + x });
    for (const rule of part.rules) rules.push({ ...rule, x: rule.x + x });
    ascent = Math.max(ascent, part.ascent);
    descent = Math.max(descent, part.descent);
    x += part.width;
  }
  return { width: x, ascent, descent, glyphs, rules, text };
}

/**
 * Plain text, kerned. Extents are those of the font (capital height and descender of the text face), so that lines of different letters align.
 * Raises `InputError` for a character that no font has.
 */
export function shapeText(
  text: string,
  fonts: FontLibrary,
  family: FontFamily,
  style: TextStyle,
  size: number,
): TextBox {
  const glyphs: PlacedGlyph[] = [];
  let x = 0;
  let previous: { face: FontFace; glyph: number } | undefined;
  // Composed characters where Unicode has them: fonts carry é, not e with a loose accent; and a thin space rather than one that no line ends at.
  const composed = text.normalize('NFC').replaceAll('\u202f', '\u2009');
  for (const character of composed) {
    const { face, glyph } = fonts.text(family, style, character.codePointAt(0)!);
    const scale = size / face.unitsPerEm;
    if (previous?.face === face) x += face.kern(previous.glyph, glyph) * scale;
    glyphs.push({ face, glyph, size, x, y: 0, text: character });
    x += face.advance(glyph) * scale;
    previous = { face, glyph };
  }
  const main = fonts.textFace(family, style);
  return {
    width: x,
    ascent: (Math.max(main.capHeight, 0.66 * main.unitsPerEm) / main.unitsPerEm) * size,
    descent: 0.21 * size,
    glyphs,
    rules: [],
    text: composed,
  };
}
