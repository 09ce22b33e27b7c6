/**
 * Which face draws which character. A family is four lists of faces (regular, italic, bold, maths); a character goes to the first face of its
 * list that has it, then to the fallback faces (DejaVu Sans, then system fonts that the caller found). A character that no face has raises `InputError`
 * with the character and its code.
 */
import { InputError } from '../../errors.ts';
import { readFont, type FontFace } from './truetype.ts';

export type TextStyle = 'regular' | 'italic' | 'bold';

/** Identifiers of the families that come with the program. */
export const fontFamilies = ['stix', 'sans', 'dejavu'] as const;
export type FontFamily = (typeof fontFamilies)[number];

/** Files in resources/fonts, by family and style, in the order in which a character is looked for. */
export const bundledFiles = {
  stix: {
    regular: [
      'STIXTwoText-Regular-latin.ttf',
      'STIXTwoText-Regular-latin-ext.ttf',
      'STIXTwoText-Regular-greek.ttf',
      'STIXTwoText-Regular-cyrillic.ttf',
      'STIXTwoMath-Regular.ttf',
    ],
    italic: [
      'STIXTwoText-Italic-latin.ttf',
      'STIXTwoText-Italic-latin-ext.ttf',
      'STIXTwoText-Italic-greek.ttf',
      'STIXTwoText-Italic-cyrillic.ttf',
      'STIXTwoMath-Regular.ttf',
    ],
    bold: [
      'STIXTwoText-Bold-latin.ttf',
      'STIXTwoText-Bold-latin-ext.ttf',
      'STIXTwoText-Bold-greek.ttf',
      'STIXTwoText-Bold-cyrillic.ttf',
      'STIXTwoMath-Regular.ttf',
    ],
    math: ['STIXTwoMath-Regular.ttf'],
  },
  sans: {
    regular: ['LiberationSans-Regular.ttf'],
    italic: ['LiberationSans-Italic.ttf'],
    bold: ['LiberationSans-Bold.ttf'],
    math: ['NotoSansMath-Regular.ttf'],
  },
  dejavu: {
    regular: ['DejaVuSans.ttf'],
    italic: ['DejaVuSans-Oblique.ttf'],
    bold: ['DejaVuSans-Bold.ttf'],
    math: ['NotoSansMath-Regular.ttf'],
  },
} as const satisfies Record<FontFamily, Record<TextStyle | 'math', readonly string[]>>;

export interface FoundGlyph {
  readonly face: FontFace;
  readonly glyph: number;
}

export interface FontLibrary {
  /** The glyph of a character in running text. */
  text(family: FontFamily, style: TextStyle, codePoint: number): FoundGlyph;
  /** The glyph of a character in mathematics (of the mathematical font; else in the text fonts). */
  math(family: FontFamily, codePoint: number): FoundGlyph;
  /** The face that sets the lengths of formulas. */
  mathFace(family: FontFamily): FontFace;
  textFace(family: FontFamily, style: TextStyle): FontFace;
  /** Names of the fallback faces beyond the bundled ones. */
  readonly system: readonly string[];
}

/**
 * `load` returns the bytes of a file in resources/fonts; each file is read when a character first needs it.
 * `systemFaces(codePoint)` may find a face of this machine for a character that no bundled one has.
 */
export function fontLibrary(
  load: (file: string) => Uint8Array,
  systemFaces: (codePoint: number) => FontFace | undefined = () => undefined,
): FontLibrary {
  const faces = new Map<string, FontFace>();
  const system: string[] = [];
  const glyphs = new Map<string, FoundGlyph>();
  const face = (file: string): FontFace => {
    let known = faces.get(file);
    if (!known) faces.set(file, (known = readFont(load(file))));
    return known;
  };
  const search = (key: string, files: readonly string[], codePoint: number): FoundGlyph => {
    const id = `${key}:${codePoint}`;
    const known = glyphs.get(id);
    if (known) return known;
    for (const file of files) {
      const glyph = face(file).glyphOf(codePoint);
      if (glyph !== 0) {
        const hit = { face: face(file), glyph };
        glyphs.set(id, hit);
        return hit;
      }
    }
    const other = systemFaces(codePoint);
    const glyph = other?.glyphOf(codePoint) ?? 0;
    if (!other || glyph === 0) {
      const code = codePoint.toString(16).toUpperCase().padStart(4, '0');
      throw new InputError(
        `no bundled or system font has the character "${String.fromCodePoint(codePoint)}" (U+${code}): install a font that has it, or write it differently`,
      );
    }
    if (!system.includes(other.family)) system.push(other.family);
    const hit = { face: other, glyph };
    glyphs.set(id, hit);
    return hit;
  };
  const fallback = ['DejaVuSans.ttf', 'STIXTwoMath-Regular.ttf'];
  return {
    text: (family, style, codePoint) =>
      search(`${family}/${style}`, [...bundledFiles[family][style], ...fallback], codePoint),
    math(family, codePoint) {
      // A sans serif family lends its own letters and digits to formulas, so that "n = 121 directions" is in one typeface.
      const letter = family === 'stix' ? undefined : textLetter(codePoint);
      if (letter) {
        const { face: own, glyph } = search(
          `${family}/${letter.style}`,
          [...bundledFiles[family][letter.style], ...fallback],
          letter.codePoint,
        );
        if (own === face(bundledFiles[family][letter.style][0])) return { face: own, glyph };
      }
      return search(
        `${family}/math`,
        [...bundledFiles[family].math, ...bundledFiles[family].regular, ...fallback],
        codePoint,
      );
    },
    mathFace: (family) => face(bundledFiles[family].math[0]),
    textFace: (family, style) => face(bundledFiles[family][style][0]),
    system,
  };
}

/** The letter of running text that a mathematical letter or digit corresponds to: italic H for U+1D43B. */
function textLetter(codePoint: number): { style: TextStyle; codePoint: number } | undefined {
  const within = (start: number, count: number): boolean => codePoint >= start && codePoint < start + count;
  const latin = (start: number): number => codePoint - start + (codePoint - start < 26 ? 0x41 : 0x61 - 26);
  if (codePoint === 0x210e) return { style: 'italic', codePoint: 0x68 };
  if (within(0x1d434, 52)) return { style: 'italic', codePoint: latin(0x1d434) };
  if (within(0x1d400, 52)) return { style: 'bold', codePoint: latin(0x1d400) };
  if (within(0x1d7ce, 10)) return { style: 'bold', codePoint: codePoint - 0x1d7ce + 0x30 };
  if (within(0x1d6fc, 25)) return { style: 'italic', codePoint: codePoint - 0x1d6fc + 0x3b1 };
  if (
    within(0x30, 10) ||
    within(0x41, 26) ||
    within(0x61, 26) ||
    within(0x391, 25) ||
    codePoint === 0x2c ||
    codePoint === 0x2e
  )
    return { style: 'regular', codePoint };
  return undefined;
}
