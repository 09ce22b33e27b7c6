import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { loadFonts } from '../../../src/main/figures/fonts.ts';
import { bundledFiles, fontFamilies } from '../../../src/shared/figures/fonts/library.ts';
import { subsetTrueType } from '../../../src/shared/figures/fonts/subset.ts';
import { readFont } from '../../../src/shared/figures/fonts/truetype.ts';
import { boundsOf } from '../../../src/shared/figures/path.ts';
import { setLabel } from '../../../src/shared/figures/text/label.ts';
import { InputError } from '../../../src/shared/errors.ts';

const fonts = loadFonts({ system: false });
const set = (label: string, maxWidth = Infinity) => setLabel(label, fonts, { family: 'stix', size: 10, maxWidth });
const fontOf = (file: string) =>
  readFont(new Uint8Array(readFileSync(new URL(`../../../resources/fonts/${file}`, import.meta.url))));

describe('bundled fonts', () => {
  test.each([
    ...new Set(fontFamilies.flatMap((family) => Object.values<readonly string[]>(bundledFiles[family]).flat())),
  ])('%s is a static TrueType font that may be embedded', (file) => {
    const face = fontOf(file);
    expect(face.isTrueType).toBe(true);
    expect(face.isVariable).toBe(false);
    expect(face.embedding & 0x000f).not.toBe(2);
  });

  test('metrics are those that the foundries publish', () => {
    // Liberation Sans has the widths of Arial: in 2048 units H is 1479, i 455, space 569.
    const sans = fontOf('LiberationSans-Regular.ttf');
    expect(sans.unitsPerEm).toBe(2048);
    expect(['H', 'i', ' '].map((letter) => sans.advance(sans.glyphOf(letter.codePointAt(0) ?? 0)))).toEqual([
      1479, 455, 569,
    ]);
    // Arial's pairs: A before V is drawn 152 units closer.
    expect(sans.kern(sans.glyphOf(0x41), sans.glyphOf(0x56))).toBe(-152);
    const { left, bottom } = boundsOf(sans.outline(sans.glyphOf(0x48))) ?? { left: NaN, bottom: NaN };
    expect(bottom).toBe(1409);
    expect(left).toBeGreaterThan(100);
  });

  test('a subset holds the glyphs asked for, unchanged, parts of composites too', () => {
    const face = fontOf('DejaVuSans.ttf');
    const wanted = [...'Aéřγ∇'].map((letter) => face.glyphOf(letter.codePointAt(0) ?? 0));
    const subset = subsetTrueType(face, wanted);
    // Without a cmap the reader would refuse it: lend it the table of the whole font, whose numbers are not used.
    expect(subset.order.length).toBeGreaterThan(wanted.length);
    expect(subset.bytes.length).toBeLessThan(face.bytes.length / 10);
    const tables = new DataView(subset.bytes.buffer);
    let sum = 0;
    for (let k = 0; k < subset.bytes.length; k += 4) sum = (sum + tables.getUint32(k)) >>> 0;
    // The checksum of a whole font file is this constant.
    expect(sum).toBe(0xb1b0afba);
  });
});

describe('labels', () => {
  test('a superscript stands higher and smaller than its base, a subscript lower', () => {
    const { glyphs, text } = set('$H_{ii}^{\\gamma}$');
    expect(text).toBe('H_(ii)^γ');
    const [base, sub, , sup] = [
      glyphs[0],
      ...glyphs.filter((glyph) => glyph.y > 0),
      ...glyphs.filter((glyph) => glyph.y < 0),
    ];
    expect(base.size).toBe(10);
    expect(sub.size).toBeLessThan(8);
    expect(sup.y).toBeLessThan(-2);
  });

  test('relations have thick spaces, signs none', () => {
    const width = (tex: string): number => set(`$${tex}$`).width;
    // 5/18 em on both sides.
    expect(width('a=b') - width('a') - width('b') - width('=')).toBeCloseTo((2 * 5 * 10) / 18, 1);
    expect(width('-a')).toBeCloseTo(width('-') + width('a'), 3);
  });

  test.each([
    '\\frac{1}{P}\\sum_{p=1}^{P} g_p g_p^{\\top}',
    '\\sqrt[3]{\\lambda_i^2 + \\epsilon}',
    '\\left\\| [C, H] \\right\\|_F',
    '\\left( \\frac{\\frac{a}{b}}{\\frac{c}{d}} \\right)',
    '\\widehat{CH}, \\bar g, \\hat\\gamma, \\tilde x',
    '\\mathbb{E}, \\mathcal{L}, \\mathbf{w}, \\mathfrak{g}, \\mathsf{X}, \\mathtt{x}, \\mathrm{tr}',
    '\\begin{pmatrix} a & b \\\\ c & d \\end{pmatrix}',
    '\\begin{cases} 1 & x > 0 \\\\ 0 & \\text{otherwise} \\end{cases}',
    '\\operatorname{tr} H \\not= \\lim_{n \\to \\infty} \\int_0^1 f',
    "f'(x)'' \\ldots \\underline{ab} \\overline{cd} \\binom{n}{k}",
    '\\Biggl[ x \\Biggr]',
  ])('sets %s', (tex) => {
    for (const family of ['stix', 'sans', 'dejavu'] as const) {
      const box = setLabel(`$${tex}$`, fonts, { family, size: 10 });
      expect(box.glyphs.length).toBeGreaterThan(2);
      expect(box.width).toBeGreaterThan(0);
      for (const { x, y } of box.glyphs) expect(Number.isFinite(x + y)).toBe(true);
    }
  });

  test('delimiters grow with what they hold', () => {
    const tall = set('$\\left( \\frac{\\frac{a}{b}}{\\frac{c}{d}} \\right)$');
    const low = set('$(x)$');
    expect(tall.ascent + tall.descent).toBeGreaterThan(2 * (low.ascent + low.descent));
    const axis = tall.ascent - tall.descent;
    expect(axis / 2).toBeCloseTo(2.5, 0);
  });

  test.each([
    ['$\\foo$', /not known here: \\foo/],
    ['$a^{b$', /lacks a closing/],
    ['$a}$', /"}" too many/],
    ['$a$ and $b', /"\$" that nothing closes/],
    ['$\\left( a$', /lacks \\right/],
    ['$a_b_c$', /two subscripts/],
    ['$\\frac{a}$', /ends where an argument/],
    ['$\\begin{foo} a \\end{foo}$', /unknown environment "foo"/],
  ])('refuses %s by name', (label, message) => {
    expect(() => set(label)).toThrow(message);
    expect(() => set(label)).toThrow(InputError);
  });

  test('a dollar sign is written with a backslash', () => {
    expect(set('5 \\$').text).toBe('5 $');
  });

  test('long labels are wrapped at spaces, very long words within', () => {
    const wrapped = set('a label of quite a few words', 60);
    expect(wrapped.width).toBeLessThanOrEqual(60);
    expect(new Set(wrapped.glyphs.map((glyph) => glyph.y)).size).toBeGreaterThan(1);
    expect(set('Donaudampfschifffahrtsgesellschaft', 40).width).toBeLessThanOrEqual(40);
  });

  test('Greek, accents and Cyrillic come from the bundled fonts; what none has is named', () => {
    expect(set('Ελληνικά ñ ş ž Ö слой').glyphs.length).toBeGreaterThan(10);
    expect(() => set('曲')).toThrow('no bundled or system font has the character "曲" (U+66F2)');
  });

  test('a loose accent joins its letter', () => {
    expect(set('e\u0301').glyphs).toHaveLength(1);
  });
});
