/**
 * A TrueType file with only some of a font's glyphs, renumbered, for embedding in PDF. Keeps the hinting tables. Reference: OpenType specification,
 * chapters glyf, loca, hmtx, and "Calculating checksums".
 */
import { FontReader } from './reader.ts';
import { type FontFace } from './truetype.ts';

export interface Subset {
  readonly bytes: Uint8Array;
  /** New number of a glyph that was asked for. */
  newGlyph(glyph: number): number;
  /** The old glyphs in their new order; glyph 0 comes first. */
  readonly order: readonly number[];
}

/** Raises an Error for a font without TrueType outlines. Glyphs that composites are made of are included. */
export function subsetTrueType(face: FontFace, glyphs: Iterable<number>): Subset {
  if (!face.isTrueType) throw new Error(`the font ${face.name} has no TrueType outlines to embed`);
  const order: number[] = [0];
  const places = new Map<number, number>([[0, 0]]);
  const include = (glyph: number): void => {
    if (places.has(glyph)) return;
    places.set(glyph, order.length);
    order.push(glyph);
  };
  for (const glyph of [...glyphs].sort((a, b) => a - b)) include(glyph);
  for (let k = 0; k < order.length; k++) face.components(order[k]).forEach(include);

  const tableOf = (tag: string): Uint8Array | undefined => {
    const range = face.tables.get(tag);
    return range && face.bytes.slice(range.offset, range.offset + range.length);
  };
  const head = tableOf('head');
  const hhea = tableOf('hhea');
  const maxp = tableOf('maxp');
  const glyf = tableOf('glyf');
  const loca = tableOf('loca');
  if (!head || !hhea || !maxp || !glyf || !loca)
    throw new Error(`the font ${face.name} lacks a table that TrueType needs`);
  const long = new FontReader(head).i16(50) === 1;
  const locaReader = new FontReader(loca);
  const offsetOf = (glyph: number): number => (long ? locaReader.u32(4 * glyph) : 2 * locaReader.u16(2 * glyph));

  const pieces = order.map((glyph) => renumbered(glyf.slice(offsetOf(glyph), offsetOf(glyph + 1)), places));
  const offsets = [0];
  for (const piece of pieces) offsets.push(offsets[offsets.length - 1] + Math.ceil(piece.length / 4) * 4);
  const newGlyf = new Uint8Array(offsets[offsets.length - 1]);
  pieces.forEach((piece, k) => newGlyf.set(piece, offsets[k]));
  const newLoca = new Uint8Array(4 * offsets.length);
  offsets.forEach((offset, k) => new DataView(newLoca.buffer).setUint32(4 * k, offset));
  const newHmtx = new Uint8Array(4 * order.length);
  const bearing = sideBearings(face, tableOf('hmtx') ?? new Uint8Array(0), new FontReader(hhea).u16(34));
  order.forEach((glyph, k) => {
    new DataView(newHmtx.buffer).setUint16(4 * k, face.advance(glyph));
    new DataView(newHmtx.buffer).setInt16(4 * k + 2, bearing(glyph));
  });
  new DataView(head.buffer).setInt16(50, 1);
  new DataView(head.buffer).setUint32(8, 0);
  new DataView(hhea.buffer).setUint16(34, order.length);
  new DataView(maxp.buffer).setUint16(4, order.length);

  const tables: [string, Uint8Array][] = [
    ['glyf', newGlyf],
    ['head', head],
    ['hhea', hhea],
    ['hmtx', newHmtx],
    ['loca', newLoca],
    ['maxp', maxp],
  ];
  for (const tag of ['cvt ', 'fpgm', 'prep']) {
    const table = tableOf(tag);
    if (table) tables.push([tag, table]);
  }
  return { bytes: fontFile(tables), newGlyph: (glyph) => places.get(glyph) ?? 0, order };
}

function sideBearings(face: FontFace, hmtx: Uint8Array, metrics: number): (glyph: number) => number {
  const reader = new FontReader(hmtx);
  return (glyph) =>
    glyph < metrics
      ? reader.i16(4 * glyph + 2)
      : glyph < face.glyphs
        ? reader.i16(4 * metrics + 2 * (glyph - metrics))
        : 0;
}

/** Points the parts of a composite glyph at their new numbers. */
function renumbered(glyph: Uint8Array, places: ReadonlyMap<number, number>): Uint8Array {
  if (glyph.length === 0) return glyph;
  const view = new DataView(glyph.buffer);
  if (view.getInt16(0) >= 0) return glyph;
  let at = 10;
  let flags: number;
  do {
    flags = view.getUint16(at);
    view.setUint16(at + 2, places.get(view.getUint16(at + 2)) ?? 0);
    at += 4 + (flags & 1 ? 4 : 2) + (flags & 8 ? 2 : flags & 0x40 ? 4 : flags & 0x80 ? 8 : 0);
  } while (flags & 0x20);
  return glyph;
}

function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let k = 0; k < bytes.length; k += 4)
    sum =
      (sum +
        (((bytes[k] << 24) | ((bytes[k + 1] ?? 0) << 16) | ((bytes[k + 2] ?? 0) << 8) | (bytes[k + 3] ?? 0)) >>> 0)) >>>
      0;
  return sum;
}

function fontFile(tables: [string, Uint8Array][]): Uint8Array {
  tables.sort(([a], [b]) => (a < b ? -1 : 1));
  const directory = 12 + 16 * tables.length;
  const total = tables.reduce((sum, [, table]) => sum + Math.ceil(table.length / 4) * 4, directory);
  const out = new Uint8Array(total);
  const view = new DataView(out.buffer);
  const power = Math.floor(Math.log2(tables.length));
  view.setUint32(0, 0x00010000);
  view.setUint16(4, tables.length);
  view.setUint16(6, 16 * 2 ** power);
  view.setUint16(8, power);
  view.setUint16(10, 16 * (tables.length - 2 ** power));
  let offset = directory;
  let headAt = 0;
  tables.forEach(([tag, table], k) => {
    const record = 12 + 16 * k;
    for (let c = 0; c < 4; c++) out[record + c] = tag.charCodeAt(c);
    view.setUint32(record + 4, checksum(table));
    view.setUint32(record + 8, offset);
    view.setUint32(record + 12, table.length);
    out.set(table, offset);
    if (tag === 'head') headAt = offset;
    offset += Math.ceil(table.length / 4) * 4;
  });
  view.setUint32(headAt + 8, (0xb1b0afba - checksum(out)) >>> 0);
  return out;
}
