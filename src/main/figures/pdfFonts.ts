/**
 * Fonts of a PDF: each TrueType face that the figure uses becomes one Type 0 font with a subset of its glyphs as CIDFontType2, Identity-H, and a
 * ToUnicode map so that text can be copied and searched. Reference: ISO 32000-1, 9.7 and 9.10.3.
 */
import { PDFName, PDFString, type PDFDocument, type PDFRef } from '@cantoo/pdf-lib';
import { subsetTrueType } from '../../shared/figures/fonts/subset.ts';
import type { FontFace } from '../../shared/figures/fonts/truetype.ts';

interface Entry {
  readonly name: string;
  readonly ref: PDFRef;
  readonly face: FontFace;
  /** Codes by glyph, in the order of use; a code is what the content stream shows. */
  readonly codes: Map<number, number>;
  /** Characters by glyph. */
  readonly texts: Map<number, string>;
}

export interface UsedGlyph {
  /** Name in the resources. */
  readonly name: string;
  readonly ref: PDFRef;
  /** Four hexadecimal digits. */
  readonly code: string;
}

/**
 * Codes are given while the page is written, glyph by glyph; the file is made at the end, when the subset is known. Codes count up from 1 by order
 * of use, and CIDToGIDMap leads them to the glyphs of the subset.
 */
export class PdfFonts {
  readonly doc: PDFDocument;
  private readonly entries = new Map<FontFace, Entry>();

  constructor(doc: PDFDocument) {
    this.doc = doc;
  }

  use(face: FontFace, glyph: number, text: string): UsedGlyph {
    let entry = this.entries.get(face);
    if (!entry) {
      entry = {
        name: `F${this.entries.size + 1}`,
        ref: this.doc.context.nextRef(),
        face,
        codes: new Map(),
        texts: new Map(),
      };
      this.entries.set(face, entry);
    }
    let code = entry.codes.get(glyph);
    if (code === undefined) {
      code = entry.codes.size + 1;
      entry.codes.set(glyph, code);
    }
    if (text !== '' && !entry.texts.has(glyph)) entry.texts.set(glyph, text);
    return { name: entry.name, ref: entry.ref, code: code.toString(16).padStart(4, '0') };
  }

  /** A space of any face in use, for text that is drawn as outlines; `width` in em. */
  space(): UsedGlyph & { readonly width: number } {
    for (const { face } of this.entries.values()) {
      const glyph = face.glyphOf(0x20);
      if (glyph !== 0 && face.advance(glyph) > 0)
        return { ...this.use(face, glyph, ' '), width: face.advance(glyph) / face.unitsPerEm };
    }
    throw new Error('no embedded font has a space for text drawn as outlines');
  }

  /** Writes the font objects. Call once, after all pages. */
  embed(): void {
    for (const entry of this.entries.values()) this.embedOne(entry);
  }

  private embedOne({ ref, face, codes, texts }: Entry): void {
    const { context } = this.doc;
    const subset = subsetTrueType(face, codes.keys());
    const scale = 1000 / face.unitsPerEm;
    // "ABCDEF+Name": a tag of six letters marks a subset; it follows from the glyphs, so that equal files stay equal.
    const name = `${tagOf([...codes.keys()])}+${face.name}`;
    const file = context.register(context.flateStream(subset.bytes, { Length1: subset.bytes.length }));
    const descriptor = context.register(
      context.obj({
        Type: 'FontDescriptor',
        FontName: name,
        Flags: 4 | (face.italicAngle !== 0 ? 64 : 0),
        FontBBox: face.box.map((value) => Math.round(value * scale)),
        ItalicAngle: face.italicAngle,
        Ascent: Math.round(face.ascent * scale),
        Descent: Math.round(face.descent * scale),
        CapHeight: Math.round(face.capHeight * scale),
        StemV: 80,
        FontFile2: file,
      }),
    );
    const map = new Uint8Array(2 * (codes.size + 1));
    const widths: number[] = [];
    for (const [glyph, code] of codes) {
      new DataView(map.buffer).setUint16(2 * code, subset.newGlyph(glyph));
      widths[code - 1] = Math.round(face.advance(glyph) * scale * 100) / 100;
    }
    const descendant = context.register(
      context.obj({
        Type: 'Font',
        Subtype: 'CIDFontType2',
        BaseFont: name,
        CIDSystemInfo: { Registry: PDFString.of('Adobe'), Ordering: PDFString.of('Identity'), Supplement: 0 },
        FontDescriptor: descriptor,
        DW: 1000,
        W: [1, widths],
        CIDToGIDMap: context.register(context.flateStream(map)),
      }),
    );
    const unicode = context.register(context.flateStream(toUnicode(codes, texts)));
    context.assign(
      ref,
      context.obj({
        Type: 'Font',
        Subtype: 'Type0',
        BaseFont: PDFName.of(name),
        Encoding: 'Identity-H',
        DescendantFonts: [descendant],
        ToUnicode: unicode,
      }),
    );
  }
}

function tagOf(glyphs: readonly number[]): string {
  let hash = 0x811c9dc5;
  for (const glyph of glyphs) hash = Math.imul(hash ^ glyph, 0x01000193) >>> 0;
  let tag = '';
  for (let k = 0; k < 6; k++) {
    tag += String.fromCharCode(65 + (hash % 26));
    hash = Math.floor(hash / 26) + k;
  }
  return tag;
}

function toUnicode(codes: ReadonlyMap<number, number>, texts: ReadonlyMap<number, string>): string {
  const lines: string[] = [];
  for (const [glyph, code] of codes) {
    const text = texts.get(glyph);
    if (text === undefined) continue;
    let hex = '';
    for (let k = 0; k < text.length; k++) hex += text.charCodeAt(k).toString(16).padStart(4, '0');
    lines.push(`<${code.toString(16).padStart(4, '0')}> <${hex}>`);
  }
  const blocks: string[] = [];
  for (let k = 0; k < lines.length; k += 100) {
    const part = lines.slice(k, k + 100);
    blocks.push(`${part.length} beginbfchar\n${part.join('\n')}\nendbfchar`);
  }
  return (
    `/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n` +
    `/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n${blocks.join('\n')}\nendcmap\nCMapName currentdict /CMap defineresource pop\nend\nend`
  );
}
