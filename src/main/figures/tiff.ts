/** Baseline TIFF, RGB with LZW and horizontal differences: what journals' checks accept. Reference: TIFF revision 6.0, sections 7, 13 and 14. */

export interface TiffOptions {
  readonly dpi: number;
  /** ImageDescription and Software; other than ASCII is written as \uXXXX. */
  readonly description: string;
  readonly software: string;
}

const rowsPerStrip = 64;

/** 8-bit RGBA, row 0 on top; alpha is dropped. */
export function encodeTiff(columns: number, rows: number, rgba: Uint8Array, options: TiffOptions): Uint8Array {
  if (rgba.length !== columns * rows * 4)
    throw new Error(`${columns} x ${rows} pixels need ${columns * rows * 4} bytes, not ${rgba.length}`);
  const strips: Uint8Array[] = [];
  for (let first = 0; first < rows; first += rowsPerStrip) {
    const count = Math.min(rowsPerStrip, rows - first);
    const raw = new Uint8Array(count * columns * 3);
    for (let r = 0; r < count; r++)
      for (let c = 0; c < columns; c++)
        for (let k = 0; k < 3; k++) {
          const offset = 4 * ((first + r) * columns + c) + k;
          raw[3 * (r * columns + c) + k] = c === 0 ? rgba[offset] : rgba[offset] - rgba[offset - 4];
        }
    strips.push(lzw(raw));
  }

  const ascii = (text: string): Uint8Array =>
    new TextEncoder().encode(
      `${text.replace(/[^\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)}\0`,
    );
  // Entries of more than four bytes follow the directory; strips come last.
  type Entry = { tag: number; type: 2 | 3 | 4 | 5; values: readonly number[] | Uint8Array };
  const entries: Entry[] = [
    { tag: 256, type: 4, values: [columns] },
    { tag: 257, type: 4, values: [rows] },
    { tag: 258, type: 3, values: [8, 8, 8] },
    { tag: 259, type: 3, values: [5] },
    { tag: 262, type: 3, values: [2] },
    { tag: 270, type: 2, values: ascii(options.description) },
    { tag: 273, type: 4, values: strips.map(() => 0) },
    { tag: 277, type: 3, values: [3] },
    { tag: 278, type: 4, values: [rowsPerStrip] },
    { tag: 279, type: 4, values: strips.map((strip) => strip.length) },
    { tag: 282, type: 5, values: [options.dpi * 1000, 1000] },
    { tag: 283, type: 5, values: [options.dpi * 1000, 1000] },
    { tag: 284, type: 3, values: [1] },
    { tag: 296, type: 3, values: [2] },
    { tag: 305, type: 2, values: ascii(options.software) },
    { tag: 317, type: 3, values: [2] },
  ];
  const bytesOf = ({ type, values }: Entry): number => values.length * { 2: 1, 3: 2, 4: 4, 5: 4 }[type];
  const directory = 8;
  let free = directory + 2 + 12 * entries.length + 4;
  const places = entries.map((entry) => {
    if (bytesOf(entry) <= 4) return 0;
    const offset = free;
    free += bytesOf(entry) + (bytesOf(entry) % 2);
    return offset;
  });
  const offsets = strips.map((strip) => {
    const offset = free;
    free += strip.length + (strip.length % 2);
    return offset;
  });
  entries.forEach((entry, k) => {
    if (entry.tag === 273) entries[k] = { ...entry, values: offsets };
  });

  const out = new Uint8Array(free);
  const view = new DataView(out.buffer);
  view.setUint16(0, 0x4949);
  view.setUint16(2, 42, true);
  view.setUint32(4, directory, true);
  view.setUint16(directory, entries.length, true);
  entries.forEach((entry, k) => {
    const offset = directory + 2 + 12 * k;
    view.setUint16(offset, entry.tag, true);
    view.setUint16(offset + 2, entry.type, true);
    view.setUint32(offset + 4, entry.type === 5 ? entry.values.length / 2 : entry.values.length, true);
    let place = offset + 8;
    if (places[k] > 0) {
      view.setUint32(offset + 8, places[k], true);
      place = places[k];
    }
    entry.values.forEach((value, i) => {
      if (entry.type === 2) out[place + i] = value;
      else if (entry.type === 3) view.setUint16(place + 2 * i, value, true);
      else view.setUint32(place + 4 * i, value, true);
    });
  });
  strips.forEach((strip, k) => out.set(strip, offsets[k]));
  return out;
}

/** TIFF's LZW: codes of 9 to 12 bits, most significant bit first, widened after entries 511, 1023 and 2047, cleared after 4094. */
export function lzw(data: Uint8Array): Uint8Array {
  const clear = 256;
  const end = 257;
  const out: number[] = [];
  let held = 0;
  let bits = 0;
  let width = 9;
  const write = (code: number): void => {
    held = (held << width) | code;
    bits += width;
    while (bits >= 8) {
      bits -= 8;
      out.push((held >>> bits) & 255);
    }
    held &= (1 << bits) - 1;
  };
  let table = new Map<number, number>();
  let next = 258;
  write(clear);
  let prefix = -1;
  for (const byte of data) {
    if (prefix < 0) {
      prefix = byte;
      continue;
    }
    const key = prefix * 256 + byte;
    const known = table.get(key);
    if (known !== undefined) {
      prefix = known;
      continue;
    }
    write(prefix);
    table.set(key, next++);
    if (next === 512 || next === 1024 || next === 2048) width++;
    if (next === 4095) {
      write(clear);
      table = new Map();
      next = 258;
      width = 9;
    }
    prefix = byte;
  }
  if (prefix >= 0) {
    write(prefix);
    next++;
    if (next === 512 || next === 1024 || next === 2048) width++;
  }
  write(end);
  if (bits > 0) out.push((held << (8 - bits)) & 255);
  return Uint8Array.from(out);
}
