/** Figures as pixels: PNG and TIFF at a resolution, drawn by resvg from the SVG (outlines alone, so that no font of the machine matters). */
import { Resvg } from '@resvg/resvg-js';
import { encodePng } from '../../shared/figures/png.ts';
import { InputError } from '../../shared/errors.ts';
import { encodeTiff } from './tiff.ts';

export interface Pixels {
  readonly columns: number;
  readonly rows: number;
  /** 8-bit RGBA, opaque. */
  readonly rgba: Uint8Array;
  readonly dpi: number;
}

/** Most pixels that one image may have: 400 million bytes of RGBA. */
const mostPixels = 1e8;

/** `width_mm` and `height_mm` as the scene says; the size in pixels is rounded to the nearest. */
export function rasterise(svg: string, width_mm: number, height_mm: number, dpi: number): Pixels {
  if (!(dpi >= 30 && dpi <= 2400)) throw new InputError(`the resolution must be from 30 to 2400 dpi, not ${dpi}`);
  const columns = Math.round((width_mm / 25.4) * dpi);
  const rows = Math.round((height_mm / 25.4) * dpi);
  if (columns * rows > mostPixels)
    throw new InputError(`${columns} x ${rows} pixels are too many for one image: lower the resolution or the size`);
  const rendered = new Resvg(svg, {
    fitTo: { mode: 'width', value: columns },
    font: { loadSystemFonts: false },
    background: '#ffffff',
  }).render();
  const rgba = new Uint8Array(columns * rows * 4).fill(255);
  const source = rendered.pixels;
  // resvg rounds the height by itself; a last row more or less is white either way.
  rgba.set(source.subarray(0, Math.min(source.length, rgba.length)));
  if (rendered.width !== columns) throw new Error(`the image became ${rendered.width} pixels wide, not ${columns}`);
  return { columns, rows, rgba, dpi };
}

export function pngFile({ columns, rows, rgba, dpi }: Pixels, texts: Readonly<Record<string, string>>): Uint8Array {
  return encodePng(columns, rows, rgba, { dpi, opaque: true, texts });
}

export function tiffFile({ columns, rows, rgba, dpi }: Pixels, description: string, software: string): Uint8Array {
  return encodeTiff(columns, rows, rgba, { dpi, description, software });
}
