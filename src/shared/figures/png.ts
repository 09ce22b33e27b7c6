/** PNG files from pixels, without Node or a browser. Reference: PNG specification, third edition. */
import { zlibSync } from 'fflate';

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = crcTable[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** Length, type, data, checksum. */
export function pngChunk(type: string, data: Uint8Array): Uint8Array {
  const out = new Uint8Array(12 + data.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  for (let k = 0; k < 4; k++) out[4 + k] = type.charCodeAt(k);
  out.set(data, 8);
  view.setUint32(8 + data.length, crc32(out.subarray(4, 8 + data.length)));
  return out;
}

export interface PngOptions {
  /** Pixels an inch, written as the pHYs chunk. */
  readonly dpi?: number;
  /** Texts by keyword (iTXt, UTF-8). */
  readonly texts?: Readonly<Record<string, string>>;
  /** Drops the alpha channel: for images known to be opaque. */
  readonly opaque?: boolean;
  /** Stores an opaque image of at most 256 colours by their places in a palette. */
  readonly palette?: boolean;
}

/** 8-bit RGBA, row 0 on top. */
export function encodePng(columns: number, rows: number, rgba: Uint8Array, options: PngOptions = {}): Uint8Array {
  if (rgba.length !== columns * rows * 4)
    throw new Error(`${columns} x ${rows} pixels need ${columns * rows * 4} bytes, not ${rgba.length}`);
  // Whole pixels compare faster than their bytes; the copy is for an array that does not begin at a multiple of four.
  const aligned = rgba.byteOffset % 4 === 0 ? rgba : rgba.slice();
  const pixels = new Uint32Array(aligned.buffer, aligned.byteOffset, columns * rows);
  const palette = options.opaque && options.palette ? paletteOf(pixels, columns) : undefined;
  const bytes = palette ? 1 : options.opaque ? 3 : 4;
  const stride = columns * bytes + 1;
  const raw = new Uint8Array(rows * stride);
  for (let r = 0; r < rows; r++) {
    // Filter "up" where a row repeats the former one (as in enlarged matrices), "none" elsewhere.
    const same = r > 0 && equalRows(pixels, r, columns);
    raw[r * stride] = same ? 2 : 0;
    if (same) continue;
    if (palette)
      for (let c = 0, to = r * stride + 1, from = r * columns, last = -1, index = 0; c < columns; c++, from++) {
        if (pixels[from] !== last) index = palette.get((last = pixels[from]))!;
        raw[to + c] = index;
      }
    else if (bytes === 4) raw.set(rgba.subarray(r * columns * 4, (r + 1) * columns * 4), r * stride + 1);
    else
      for (let c = 0, to = r * stride + 1, from = 4 * r * columns; c < columns; c++, to += 3, from += 4) {
        raw[to] = rgba[from];
        raw[to + 1] = rgba[from + 1];
        raw[to + 2] = rgba[from + 2];
      }
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, columns);
  view.setUint32(4, rows);
  header.set([8, palette ? 3 : bytes === 4 ? 6 : 2, 0, 0, 0], 8);
  const chunks = [Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10), pngChunk('IHDR', header)];
  if (palette) {
    // Bytes of a pixel as they lie in memory, alpha left out.
    const colours = new Uint8Array(Uint32Array.from(palette.keys()).buffer);
    chunks.push(
      pngChunk(
        'PLTE',
        colours.filter((_, k) => k % 4 !== 3),
      ),
    );
  }
  if (options.dpi !== undefined) chunks.push(pngChunk('pHYs', physical(options.dpi)));
  for (const [keyword, text] of Object.entries(options.texts ?? {}))
    chunks.push(pngChunk('iTXt', internationalText(keyword, text)));
  chunks.push(pngChunk('IDAT', zlibSync(raw, { level: palette ? 3 : 6 })), pngChunk('IEND', new Uint8Array(0)));
  const out = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    out.set(chunk, at);
    at += chunk.length;
  }
  return out;
}

/** Place of each colour, where there are at most 256: a third of the bytes, and the same picture. */
function paletteOf(pixels: Uint32Array, columns: number): Map<number, number> | undefined {
  const places = new Map<number, number>();
  for (let r = 0, at = 0, last = -1; at < pixels.length; r++) {
    if (r > 0 && equalRows(pixels, r, columns)) {
      at += columns;
      continue;
    }
    for (const end = at + columns; at < end; at++) {
      if (pixels[at] === last) continue;
      last = pixels[at];
      if (places.has(last)) continue;
      if (places.size === 256) return undefined;
      places.set(last, places.size);
    }
  }
  return places;
}

function equalRows(pixels: Uint32Array, r: number, columns: number): boolean {
  const begin = r * columns;
  for (let k = begin; k < begin + columns; k++) if (pixels[k] !== pixels[k - columns]) return false;
  return true;
}

/** Pixels a metre, both ways. */
export function physical(dpi: number): Uint8Array {
  const data = new Uint8Array(9);
  const view = new DataView(data.buffer);
  view.setUint32(0, Math.round(dpi / 0.0254));
  view.setUint32(4, Math.round(dpi / 0.0254));
  data[8] = 1;
  return data;
}

/** Uncompressed international text. */
export function internationalText(keyword: string, text: string): Uint8Array {
  return new TextEncoder().encode(`${keyword}\0\0\0\0\0${text}`);
}
