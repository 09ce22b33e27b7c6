/**
 * Font files read as they are: TrueType (glyf) and OpenType (CFF), alone or in a collection (TTC). Gives what typesetting and export need
 * (characters to glyphs, advances, kerning, outlines, the MATH table) and keeps the bytes for embedding. Pure: works on a Uint8Array.
 * Units are those of the font design, y upwards; divide by `unitsPerEm`.
 * Reference: OpenType specification 1.9.1.
 */
import { FontReader } from './reader.ts';
import { cffOutlines, type CffOutlines } from './cff.ts';
import { readKerning, type Kerning } from './kerning.ts';
import { readMath, type MathTable } from './math.ts';
import { L, M, Q, transformPath, Z, type PathData } from '../path.ts';

interface Table {
  readonly offset: number;
  readonly length: number;
}

export interface FontFace {
  /** PostScript name, for example "STIXTwoText". */
  readonly name: string;
  /** Family name and licence as the file states them. */
  readonly family: string;
  readonly licence: string;
  readonly bytes: Uint8Array;
  readonly tables: ReadonlyMap<string, Table>;
  readonly unitsPerEm: number;
  /** Highest and lowest extent for line spacing (descent negative), capital height and x-height. */
  readonly ascent: number;
  readonly descent: number;
  readonly capHeight: number;
  readonly xHeight: number;
  readonly italicAngle: number;
  /** [left, bottom, right, top] over all glyphs. */
  readonly box: readonly [number, number, number, number];
  readonly glyphs: number;
  /** True for outlines in a glyf table, which PDF embeds as TrueType (CIDFontType2); false for CFF. */
  readonly isTrueType: boolean;
  /** Has fvar: Chromium and others write such fonts as Type 3. Never bundled. */
  readonly isVariable: boolean;
  /** The embedding permission bits (OS/2 fsType): 2 forbids embedding. */
  readonly embedding: number;
  /** The glyph of a Unicode code point; 0 if the font has none. */
  glyphOf(codePoint: number): number;
  advance(glyph: number): number;
  /** Adjustment between two glyphs that follow each other (usually negative). */
  kern(left: number, right: number): number;
  outline(glyph: number): PathData;
  /** The glyphs that a composite glyph is made of, itself not included (TrueType alone). */
  components(glyph: number): number[];
  readonly math: MathTable | undefined;
}

/** Reads one face. `index` chooses within a collection. Throws an Error that names what is missing if the file is no usable font. */
export function readFont(bytes: Uint8Array, index = 0): FontFace {
  const file = new FontReader(bytes);
  let start = 0;
  if (bytes.length < 12) throw new Error('not a font: the file is too short');
  if (file.u32(0) === 0x74746366) {
    const count = file.u32(8);
    if (!(index < count)) throw new Error(`the font collection has ${count} faces, not ${index + 1}`);
    start = file.u32(12 + 4 * index);
  }
  const version = file.u32(start);
  if (version !== 0x00010000 && version !== 0x74727565 && version !== 0x4f54544f)
    throw new Error('not a TrueType or OpenType font');
  const tables = new Map<string, Table>();
  for (let k = 0, n = file.u16(start + 4); k < n; k++) {
    const record = start + 12 + 16 * k;
    const tag = String.fromCharCode(file.u8(record), file.u8(record + 1), file.u8(record + 2), file.u8(record + 3));
    tables.set(tag, { offset: file.u32(record + 8), length: file.u32(record + 12) });
  }
  const table = (tag: string): FontReader => {
    const location = tables.get(tag);
    if (!location) throw new Error(`the font has no ${tag} table`);
    return new FontReader(bytes, location.offset);
  };
  const head = table('head');
  const hhea = table('hhea');
  const maxp = table('maxp');
  const hmtx = table('hmtx');
  const os2 = tables.has('OS/2') ? table('OS/2') : undefined;
  const unitsPerEm = head.u16(18);
  const glyphs = maxp.u16(4);
  const metrics = hhea.u16(34);
  const names = readNames(tables, bytes);
  const glyphOf = readCmap(table('cmap'));
  const isTrueType = tables.has('glyf');
  const tall = os2 !== undefined && os2.u16(0) >= 2;

  let cff: CffOutlines | undefined;
  let kerning: Kerning | undefined;
  let math: MathTable | undefined;
  const outlines = new Map<number, PathData>();
  const glyf = isTrueType ? glyfReader(table('glyf'), table('loca'), head.i16(50) === 1, glyphs) : undefined;

  const face: FontFace = {
    name: (names.get(6) ?? names.get(4) ?? 'Unnamed').replace(/[^A-Za-z0-9-]/g, ''),
    family: names.get(16) ?? names.get(1) ?? 'Unnamed',
    licence: names.get(13) ?? '',
    bytes,
    tables,
    unitsPerEm,
    ascent: hhea.i16(4),
    descent: hhea.i16(6),
    capHeight: tall ? os2.i16(88) : 0.7 * unitsPerEm,
    xHeight: tall ? os2.i16(86) : 0.5 * unitsPerEm,
    italicAngle: tables.has('post') ? table('post').i16(4) : 0,
    box: [head.i16(36), head.i16(38), head.i16(40), head.i16(42)],
    glyphs,
    isTrueType,
    isVariable: tables.has('fvar'),
    embedding: os2 ? os2.u16(8) : 0,
    glyphOf,
    advance: (glyph) => hmtx.u16(4 * Math.min(glyph, metrics - 1)),
    kern(left, right) {
      kerning ??= readKerning(tables, bytes);
      return kerning(left, right);
    },
    outline(glyph) {
      let outline = outlines.get(glyph);
      if (!outline) {
        if (glyf) outline = glyf.outline(glyph);
        else {
          const range = tables.get('CFF ');
          if (!range) throw new Error(`the font ${face.name} has neither glyf nor CFF outlines`);
          cff ??= cffOutlines(bytes.subarray(range.offset, range.offset + range.length));
          outline = cff(glyph);
        }
        outlines.set(glyph, outline);
      }
      return outline;
    },
    components: (glyph) => (glyf ? glyf.components(glyph) : []),
    get math() {
      if (!tables.has('MATH')) return undefined;
      math ??= readMath(table('MATH'));
      return math;
    },
  };
  return face;
}

/** How many faces the file holds: more than one in a collection. */
export function countFaces(bytes: Uint8Array): number {
  if (bytes.length < 12) return 0;
  const file = new FontReader(bytes);
  return file.u32(0) === 0x74746366 ? file.u32(8) : 1;
}

function readNames(tables: ReadonlyMap<string, Table>, bytes: Uint8Array): Map<number, string> {
  const names = new Map<number, string>();
  const range = tables.get('name');
  if (!range) return names;
  const reader = new FontReader(bytes, range.offset);
  const strings = reader.u16(4);
  for (let k = 0, n = reader.u16(2); k < n; k++) {
    const record = 6 + 12 * k;
    const platform = reader.u16(record);
    const language = reader.u16(record + 4);
    const id = reader.u16(record + 6);
    if (
      !((platform === 3 && language === 0x409) || (platform === 1 && language === 0)) ||
      (names.has(id) && platform === 1)
    )
      continue;
    let text = '';
    const start = strings + reader.u16(record + 10);
    if (platform === 3)
      for (let b = 0; b < reader.u16(record + 8); b += 2) text += String.fromCharCode(reader.u16(start + b));
    else for (let b = 0; b < reader.u16(record + 8); b++) text += String.fromCharCode(reader.u8(start + b));
    names.set(id, text);
  }
  return names;
}

/** Formats 4 (basic plane) and 12 (all planes); the widest Unicode subtable is taken. */
function readCmap(cmap: FontReader): (codePoint: number) => number {
  let best = -1;
  let offset = 0;
  for (let k = 0, n = cmap.u16(2); k < n; k++) {
    const platform = cmap.u16(4 + 8 * k);
    const encoding = cmap.u16(6 + 8 * k);
    const subtable = cmap.u32(8 + 8 * k);
    const format = cmap.u16(subtable);
    const unicode = platform === 0 || (platform === 3 && (encoding === 1 || encoding === 10));
    const rank = !unicode ? -1 : format === 12 ? 2 : format === 4 ? 1 : -1;
    if (rank > best) {
      best = rank;
      offset = subtable;
    }
  }
  if (best < 0) throw new Error('the font has no Unicode character map of format 4 or 12');
  const sub = new FontReader(
    new Uint8Array(cmap.view.buffer, cmap.view.byteOffset, cmap.view.byteLength),
    cmap.base + offset,
  );
  if (best === 2) {
    const groups = sub.u32(12);
    return (code) => {
      let low = 0;
      let high = groups - 1;
      while (low <= high) {
        const mid = (low + high) >> 1;
        const group = 16 + 12 * mid;
        if (code < sub.u32(group)) high = mid - 1;
        else if (code > sub.u32(group + 4)) low = mid + 1;
        else return sub.u32(group + 8) + code - sub.u32(group);
      }
      return 0;
    };
  }
  const segments = sub.u16(6) / 2;
  return (code) => {
    if (code > 0xffff) return 0;
    for (let s = 0; s < segments; s++) {
      if (sub.u16(14 + 2 * s) < code) continue;
      const start = sub.u16(16 + 2 * segments + 2 * s);
      if (start > code) return 0;
      const delta = sub.u16(16 + 4 * segments + 2 * s);
      const range = 16 + 6 * segments + 2 * s;
      const rangeOffset = sub.u16(range);
      if (rangeOffset === 0) return (code + delta) & 0xffff;
      const glyph = sub.u16(range + rangeOffset + 2 * (code - start));
      return glyph === 0 ? 0 : (glyph + delta) & 0xffff;
    }
    return 0;
  };
}

interface GlyfReader {
  outline(glyph: number): PathData;
  components(glyph: number): number[];
}

function glyfReader(glyf: FontReader, loca: FontReader, long: boolean, glyphs: number): GlyfReader {
  const offsetOf = (glyph: number): number => (long ? loca.u32(4 * glyph) : 2 * loca.u16(2 * glyph));

  /** Calls `part` for each component with its 2 x 2 scale and offset. */
  function eachComponent(
    at: number,
    part: (glyph: number, scale: readonly [number, number, number, number], dx: number, dy: number) => void,
  ): void {
    let flags: number;
    do {
      flags = glyf.u16(at);
      const glyph = glyf.u16(at + 2);
      at += 4;
      let dx: number;
      let dy: number;
      if (flags & 1) {
        dx = glyf.i16(at);
        dy = glyf.i16(at + 2);
        at += 4;
      } else {
        dx = (glyf.u8(at) << 24) >> 24;
        dy = (glyf.u8(at + 1) << 24) >> 24;
        at += 2;
      }
      if (!(flags & 2)) dx = dy = 0;
      let scale: readonly [number, number, number, number] = [1, 0, 0, 1];
      if (flags & 8) {
        const s = glyf.i16(at) / 16384;
        scale = [s, 0, 0, s];
        at += 2;
      } else if (flags & 0x40) {
        scale = [glyf.i16(at) / 16384, 0, 0, glyf.i16(at + 2) / 16384];
        at += 4;
      } else if (flags & 0x80) {
        scale = [glyf.i16(at) / 16384, glyf.i16(at + 2) / 16384, glyf.i16(at + 4) / 16384, glyf.i16(at + 6) / 16384];
        at += 8;
      }
      part(glyph, scale, dx, dy);
    } while (flags & 0x20);
  }

  function outline(glyph: number, depth = 0): number[] {
    if (!(glyph >= 0 && glyph < glyphs)) throw new Error(`the font has no glyph ${glyph}`);
    const begin = offsetOf(glyph);
    if (offsetOf(glyph + 1) <= begin) return [];
    const contours = glyf.i16(begin);
    const out: number[] = [];
    if (contours < 0) {
      if (depth > 6) throw new Error('the font nests composite glyphs too deeply');
      eachComponent(begin + 10, (part, turn, dx, dy) =>
        out.push(...transformPath(outline(part, depth + 1), [...turn, dx, dy])),
      );
      return out;
    }
    let p = begin + 10;
    const ends: number[] = [];
    for (let k = 0; k < contours; k++, p += 2) ends.push(glyf.u16(p));
    const points = contours > 0 ? ends[contours - 1] + 1 : 0;
    p += 2 + glyf.u16(p);
    const flags: number[] = [];
    while (flags.length < points) {
      const flag = glyf.u8(p++);
      flags.push(flag);
      if (flag & 8) for (let repeat = glyf.u8(p++); repeat > 0; repeat--) flags.push(flag);
    }
    const read = (shortBit: number, sameBit: number): number[] => {
      const values: number[] = [];
      let value = 0;
      for (const flag of flags) {
        if (flag & shortBit) value += flag & sameBit ? glyf.u8(p++) : -glyf.u8(p++);
        else if (!(flag & sameBit)) {
          value += glyf.i16(p);
          p += 2;
        }
        values.push(value);
      }
      return values;
    };
    const xs = read(2, 16);
    const ys = read(4, 32);
    let first = 0;
    for (const last of ends) {
      contour(out, flags, xs, ys, first, last);
      first = last + 1;
    }
    return out;
  }

  return {
    outline: (glyph) => outline(glyph),
    components(glyph) {
      const begin = offsetOf(glyph);
      const parts: number[] = [];
      if (offsetOf(glyph + 1) > begin && glyf.i16(begin) < 0) eachComponent(begin + 10, (part) => parts.push(part));
      return parts;
    },
  };
}

/** One closed contour of on- and off-curve points; between two off-curve points lies an implied one. */
function contour(out: number[], flags: number[], xs: number[], ys: number[], first: number, last: number): void {
  const n = last - first + 1;
  if (n < 2) return;
  const at = (k: number): number => first + (((k % n) + n) % n);
  const on = (k: number): boolean => (flags[at(k)] & 1) !== 0;
  let begin = 0;
  while (begin < n && !on(begin)) begin++;
  let startX: number;
  let startY: number;
  if (begin === n) {
    startX = (xs[at(-1)] + xs[at(0)]) / 2;
    startY = (ys[at(-1)] + ys[at(0)]) / 2;
    begin = -1;
  } else {
    startX = xs[at(begin)];
    startY = ys[at(begin)];
  }
  out.push(M, startX, startY);
  for (let k = 1; k <= n; k++) {
    const i = begin + k;
    if (on(i)) {
      out.push(L, xs[at(i)], ys[at(i)]);
      continue;
    }
    let endX: number;
    let endY: number;
    if (k === n) [endX, endY] = [startX, startY];
    else if (on(i + 1)) {
      [endX, endY] = [xs[at(i + 1)], ys[at(i + 1)]];
      k++;
    } else [endX, endY] = [(xs[at(i)] + xs[at(i + 1)]) / 2, (ys[at(i)] + ys[at(i + 1)]) / 2];
    out.push(Q, xs[at(i)], ys[at(i)], endX, endY);
  }
  out.push(Z);
}
