/**
 * Pair kerning: GPOS lookup type 2 (formats 1 and 2, also behind extension lookups) of the `kern` feature of the default or Latin script;
 * the old `kern` table (format 0) if there is no GPOS kerning.
 */
import { FontReader } from './reader.ts';

/** Adjustment of the advance of `left` where `right` follows, in font units. */
export type Kerning = (left: number, right: number) => number;

export function readKerning(tables: ReadonlyMap<string, { readonly offset: number }>, bytes: Uint8Array): Kerning {
  const gpos = tables.get('GPOS');
  if (gpos) {
    const pairs = gposPairs(new FontReader(bytes, gpos.offset), bytes);
    if (pairs.length > 0)
      return (left, right) => {
        for (const pair of pairs) {
          const value = pair(left, right);
          if (value !== undefined) return value;
        }
        return 0;
      };
  }
  const kern = tables.get('kern');
  return kern ? oldKerning(new FontReader(bytes, kern.offset)) : () => 0;
}

type Pair = (left: number, right: number) => number | undefined;

function gposPairs(gpos: FontReader, bytes: Uint8Array): Pair[] {
  const scripts = gpos.u16(4);
  const features = gpos.u16(6);
  const lookups = gpos.u16(8);
  let script = 0;
  for (let k = 0, n = gpos.u16(scripts); k < n; k++) {
    const tag = gpos.u32(scripts + 2 + 6 * k);
    if (tag === 0x6c61746e || (tag === 0x44464c54 && script === 0)) script = scripts + gpos.u16(scripts + 6 + 6 * k);
  }
  if (script === 0 || gpos.u16(script) === 0) return [];
  const language = script + gpos.u16(script);
  const kernLookups = new Set<number>();
  for (let k = 0, n = gpos.u16(language + 4); k < n; k++) {
    const record = features + 2 + 6 * gpos.u16(language + 6 + 2 * k);
    if (gpos.u32(record) !== 0x6b65726e) continue;
    const feature = features + gpos.u16(record + 4);
    for (let l = 0, m = gpos.u16(feature + 2); l < m; l++) kernLookups.add(gpos.u16(feature + 4 + 2 * l));
  }
  const pairs: Pair[] = [];
  for (const index of [...kernLookups].sort((a, b) => a - b)) {
    const lookup = lookups + gpos.u16(lookups + 2 + 2 * index);
    for (let k = 0, n = gpos.u16(lookup + 4); k < n; k++) {
      let at = lookup + gpos.u16(lookup + 6 + 2 * k);
      let type = gpos.u16(lookup);
      if (type === 9) {
        type = gpos.u16(at + 2);
        at += gpos.u32(at + 4);
      }
      if (type === 2) pairs.push(pairTable(new FontReader(bytes, gpos.base + at)));
    }
  }
  return pairs;
}

function pairTable(table: FontReader): Pair {
  const covered = coverage(table, table.u16(2));
  const first = table.u16(4);
  const second = table.u16(6);
  if (!(first & 4)) return () => undefined;
  const size = 2 * (bits(first) + bits(second));
  const advance = 2 * bits(first & 3);
  if (table.u16(0) === 1) {
    return (left, right) => {
      const index = covered(left);
      if (index < 0) return undefined;
      const set = table.u16(10 + 2 * index);
      let low = 0;
      let high = table.u16(set) - 1;
      while (low <= high) {
        const mid = (low + high) >> 1;
        const record = set + 2 + (2 + size) * mid;
        const glyph = table.u16(record);
        if (glyph === right) return table.i16(record + 2 + advance);
        if (glyph < right) low = mid + 1;
        else high = mid - 1;
      }
      return undefined;
    };
  }
  const classOfFirst = classes(table, table.u16(8));
  const classOfSecond = classes(table, table.u16(10));
  const seconds = table.u16(14);
  return (left, right) => {
    if (covered(left) < 0) return undefined;
    return table.i16(16 + size * (classOfFirst(left) * seconds + classOfSecond(right)) + advance);
  };
}

function bits(value: number): number {
  let count = 0;
  for (let v = value; v > 0; v >>= 1) count += v & 1;
  return count;
}

/** The index of a glyph in a Coverage table, -1 if it is not in it. */
export function coverage(table: FontReader, offset: number): (glyph: number) => number {
  const indices = new Map<number, number>();
  const count = table.u16(offset + 2);
  if (table.u16(offset) === 1) for (let k = 0; k < count; k++) indices.set(table.u16(offset + 4 + 2 * k), k);
  else
    for (let k = 0; k < count; k++) {
      const range = offset + 4 + 6 * k;
      const start = table.u16(range);
      for (let glyph = start; glyph <= table.u16(range + 2); glyph++)
        indices.set(glyph, table.u16(range + 4) + glyph - start);
    }
  return (glyph) => indices.get(glyph) ?? -1;
}

function classes(table: FontReader, offset: number): (glyph: number) => number {
  const classOf = new Map<number, number>();
  if (table.u16(offset) === 1) {
    const start = table.u16(offset + 2);
    for (let k = 0, n = table.u16(offset + 4); k < n; k++) classOf.set(start + k, table.u16(offset + 6 + 2 * k));
  } else
    for (let k = 0, n = table.u16(offset + 2); k < n; k++) {
      const range = offset + 4 + 6 * k;
      for (let glyph = table.u16(range); glyph <= table.u16(range + 2); glyph++)
        classOf.set(glyph, table.u16(range + 4));
    }
  return (glyph) => classOf.get(glyph) ?? 0;
}

function oldKerning(kern: FontReader): Kerning {
  const pairs = new Map<number, number>();
  let at = 4;
  for (let k = 0, n = kern.u16(2); k < n; k++) {
    const horizontal = (kern.u16(at + 4) & 0xff07) === 1;
    if (horizontal)
      for (let p = 0, m = kern.u16(at + 6); p < m; p++) {
        const entry = at + 14 + 6 * p;
        pairs.set(kern.u32(entry), kern.i16(entry + 4));
      }
    at += kern.u16(at + 2);
  }
  return (left, right) => pairs.get(left * 65536 + right) ?? 0;
}
