/** Labels: plain text with TeX mathematics between dollar signs ("\$" is a dollar), wrapped to a width, several lines. */
import type { FontFamily, FontLibrary, TextStyle } from '../fonts/library.ts';
import { InputError } from '../../errors.ts';
import { joinedBoxes, moved, shapeText, type TextBox } from './box.ts';
import { parseTex } from './tex.ts';
import { typesetMath } from './typeset.ts';

export interface LabelOptions {
  readonly family: FontFamily;
  /** Type size in points. */
  readonly size: number;
  readonly style?: TextStyle | undefined;
  /** Lines are broken at spaces to stay within this width, in points; no limit by default. */
  readonly maxWidth?: number;
  /** How lines sit under each other; 'left' by default. */
  readonly align?: 'left' | 'center' | 'right';
}

interface Piece {
  readonly kind: 'text' | 'math';
  readonly source: string;
}

/** "loss $L$" -> text "loss ", math "L". */
export function splitLabel(label: string): Piece[] {
  const pieces: Piece[] = [];
  let text = '';
  for (let k = 0; k < label.length; k++) {
    if (label[k] === '\\' && label[k + 1] === '$') {
      text += '$';
      k++;
    } else if (label[k] === '$') {
      let end = k + 1;
      while (end < label.length && label[end] !== '$') end += label[end] === '\\' ? 2 : 1;
      if (end >= label.length)
        throw new InputError(`the label "${label}" has a "$" that nothing closes (write \\$ for a dollar sign)`);
      if (text !== '') pieces.push({ kind: 'text', source: text });
      text = '';
      pieces.push({ kind: 'math', source: label.slice(k + 1, end) });
      k = end;
    } else text += label[k];
  }
  if (text !== '') pieces.push({ kind: 'text', source: text });
  return pieces;
}

/** The label with `$` and backslashes escaped so that it is shown letter by letter. */
export function plainLabel(text: string): string {
  return text.replace(/\$/g, '\\$');
}

const lineSpacing = 1.2;

/** Sets a label. The baseline of the first line is y = 0. */
export function setLabel(label: string, fonts: FontLibrary, options: LabelOptions): TextBox {
  const { family, size, style = 'regular', maxWidth = Infinity, align = 'left' } = options;
  const shape = (text: string): TextBox => shapeText(text, fonts, family, style, size);
  // Words: unbreakable runs of text and mathematics, each with whether a space comes before it.
  const lines: TextBox[] = [];
  for (const paragraph of label.split('\n')) {
    const words: { parts: TextBox[]; spaced: boolean }[] = [];
    let spaced = true;
    for (const piece of splitLabel(paragraph)) {
      const parts = piece.kind === 'math' ? [piece.source] : piece.source.split(/( +)/).filter((part) => part !== '');
      for (const part of parts) {
        if (piece.kind === 'text' && /^ +$/.test(part)) {
          spaced = true;
          continue;
        }
        const box = piece.kind === 'math' ? typesetMath(parseTex(part), fonts, family, size) : shape(part);
        if (spaced || words.length === 0) words.push({ parts: [box], spaced: words.length > 0 });
        else words[words.length - 1].parts.push(box);
        spaced = false;
      }
    }
    const space = shape(' ');
    let line: TextBox[] = [];
    let width = 0;
    const flush = (): void => {
      lines.push(line.length > 0 ? joinedBoxes(line) : shape(''));
      line = [];
      width = 0;
    };
    for (const word of words) {
      for (const box of broken(joinedBoxes(word.parts), maxWidth)) {
        if (line.length > 0 && width + space.width + box.width > maxWidth) flush();
        if (line.length > 0 && word.spaced) {
          line.push(space);
          width += space.width;
        }
        line.push(box);
        width += box.width;
      }
    }
    flush();
  }
  if (lines.length === 1) return lines[0];
  const width = Math.max(...lines.map((line) => line.width));
  let y = 0;
  const placed = lines.map((line, k) => {
    if (k > 0) y += Math.max(lineSpacing * size, lines[k - 1].descent + line.ascent + 0.1 * size);
    const x = align === 'left' ? 0 : align === 'center' ? (width - line.width) / 2 : width - line.width;
    return moved(line, x, y);
  });
  return {
    width,
    ascent: Math.max(...placed.map((line) => line.ascent)),
    descent: Math.max(...placed.map((line) => line.descent)),
    glyphs: placed.flatMap((line) => line.glyphs),
    rules: placed.flatMap((line) => line.rules),
    text: lines.map((line) => line.text).join(' '),
  };
}

/** A single word wider than the line is broken between its glyphs. */
function broken(word: TextBox, maxWidth: number): TextBox[] {
  if (word.width <= maxWidth || word.rules.length > 0 || word.glyphs.some((glyph) => glyph.y !== 0)) return [word];
  const pieces: TextBox[] = [];
  let from = 0;
  const xs = [...word.glyphs.map((glyph) => glyph.x), word.width];
  for (let k = 1; k <= word.glyphs.length; k++) {
    const isLast = k === word.glyphs.length;
    if (!isLast && xs[k + 1] - xs[from] <= maxWidth) continue;
    const glyphs = word.glyphs.slice(from, k).map((glyph) => ({ ...glyph, x: glyph.x - xs[from] }));
    pieces.push({ ...word, width: xs[k] - xs[from], glyphs, text: glyphs.map((glyph) => glyph.text).join('') });
    from = k;
  }
  return pieces;
}

/** The label as plain text: mathematics in its linear form. */
export function labelText(label: string, fonts: FontLibrary, family: FontFamily): string {
  return setLabel(label, fonts, { family, size: 10 }).text;
}
