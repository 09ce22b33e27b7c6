/** Points and matrices as pixels: for figures with so many marks that vectors would make the file heavy. */
import { mapColour, rgbOf } from '../palettes.ts';
import type { ColourScale, Heatmap } from '../types.ts';

/** Steps of a pixel in which the middles of discs are placed. */
const subpixels = 4;

/**
 * Draws filled discs onto a transparent image, each pixel by its share under the disc (in sixteenths) and composited "over" the former ones. Middles
 * are placed to a quarter of a pixel. `at`: x0, y0, x1, y1, ... in pixels; `radius` in pixels.
 */
export function rasteriseDiscs(
  columns: number,
  rows: number,
  at: readonly number[],
  radius: number,
  colour: string,
  opacity: number,
): Uint8Array {
  const rgba = new Uint8Array(columns * rows * 4);
  const [red, green, blue] = rgbOf(colour);
  const reach = Math.ceil(radius) + 1;
  const side = 2 * reach + 1;
  const masks = new Map<number, Float64Array>();
  const maskOf = (u: number, v: number): Float64Array => {
    const key = v * subpixels + u;
    let mask = masks.get(key);
    if (!mask) {
      mask = new Float64Array(side * side);
      for (let j = 0; j < side; j++)
        for (let i = 0; i < side; i++)
          mask[j * side + i] = opacity * coverage(i - reach - u / subpixels, j - reach - v / subpixels, radius);
      masks.set(key, mask);
    }
    return mask;
  };
  for (let p = 0; p < at.length; p += 2) {
    const qx = Math.round(at[p] * subpixels);
    const qy = Math.round(at[p + 1] * subpixels);
    const cx = Math.floor(qx / subpixels);
    const cy = Math.floor(qy / subpixels);
    const mask = maskOf(qx - cx * subpixels, qy - cy * subpixels);
    for (let j = 0; j < side; j++) {
      const y = cy + j - reach;
      if (y < 0 || y >= rows) continue;
      for (let i = 0; i < side; i++) {
        const x = cx + i - reach;
        const source = mask[j * side + i];
        if (source === 0 || x < 0 || x >= columns) continue;
        // One colour throughout: compositing changes the opacity alone.
        const k = 4 * (y * columns + x);
        const below = rgba[k + 3] / 255;
        rgba[k] = red;
        rgba[k + 1] = green;
        rgba[k + 2] = blue;
        rgba[k + 3] = Math.round(255 * (source + below * (1 - source)));
      }
    }
  }
  return rgba;
}

/** Share of the pixel from (x, y) to (x + 1, y + 1) within the disc of a radius around the origin, by 4 x 4 samples. */
function coverage(x: number, y: number, radius: number): number {
  let hits = 0;
  for (let v = 0; v < 4; v++)
    for (let u = 0; u < 4; u++) {
      const dx = x + (u + 0.5) / 4;
      const dy = y + (v + 0.5) / 4;
      if (dx * dx + dy * dy <= radius * radius) hits++;
    }
  return hits / 16;
}

/** Place of a value on a colour scale, 0 to 1; NaN if it has none. */
export function colourPlace(value: number, colours: ColourScale): number {
  const { low, high } = colours;
  if (colours.scale === 'log') return value > 0 ? Math.log(value / low) / Math.log(high / low) : NaN;
  if (colours.scale === 'symlog') {
    const bend = (v: number): number =>
      Math.asinh(v / (2 * (colours.linear ?? Math.max(Math.abs(low), Math.abs(high)) * 1e-3)));
    return (bend(value) - bend(low)) / (bend(high) - bend(low));
  }
  return (value - low) / (high - low);
}

/** The value at a place on a colour scale: the inverse of `colourPlace`. */
export function valueAtPlace(t: number, colours: ColourScale): number {
  const { low, high } = colours;
  if (colours.scale === 'log') return low * (high / low) ** t;
  if (colours.scale === 'symlog') {
    const unit = 2 * (colours.linear ?? Math.max(Math.abs(low), Math.abs(high)) * 1e-3);
    const from = Math.asinh(low / unit);
    return unit * Math.sinh(from + t * (Math.asinh(high / unit) - from));
  }
  return low + t * (high - low);
}

/** Pixels of a heatmap: whole repetitions of each cell, at least `least` in all. */
export function heatmapSize(map: Heatmap, least: number): { columns: number; rows: number } {
  return {
    columns: map.columns * Math.max(1, Math.ceil(least / map.columns)),
    rows: map.rows * Math.max(1, Math.ceil(least / map.rows)),
  };
}

/** Steps of a colour map: with the grey of empty cells no more colours than the palette of a PNG file has. */
const colourSteps = 254;

/** Cells without a colour (not finite, or non-positive on a logarithmic scale) are light grey. */
export function rasteriseHeatmap(map: Heatmap, least: number): Uint8Array {
  const { columns, rows } = heatmapSize(map, least);
  const across = columns / map.columns;
  const down = rows / map.rows;
  const rgba = new Uint8Array(columns * rows * 4);
  const line = new Uint8Array(columns * 4);
  const colours = Array.from({ length: colourSteps + 1 }, (_, k) => mapColour(map.colours.map, k / colourSteps));
  for (let r = 0; r < map.rows; r++) {
    for (let c = 0; c < map.columns; c++) {
      const t = colourPlace(map.values[r * map.columns + c], map.colours);
      const step = Math.round(colourSteps * Math.min(1, Math.max(0, t)));
      const [red, green, blue] = Number.isFinite(t) ? colours[step] : [225, 225, 225];
      for (let at = 4 * c * across, end = at + 4 * across; at < end; at += 4) {
        line[at] = red;
        line[at + 1] = green;
        line[at + 2] = blue;
        line[at + 3] = 255;
      }
    }
    for (let j = 0; j < down; j++) rgba.set(line, 4 * columns * (r * down + j));
  }
  return rgba;
}
