/** Points and matrices as pixels: for figures with so many marks that vectors would make the file heavy. */
import { mapColour, rgbOf } from '../palettes.ts';
import type { ColourScale, Heatmap } from '../types.ts';

/**
 * Draws filled discs onto a transparent image, covering pixels in sixteenths and composited "over" the former ones.
 * `at`: x0, y0, x1, y1, ... in pixels; `radius` in pixels.
 */
export function rasteriseDiscs(
  columns: number,
  rows: number,
  at: readonly number[],
  radius: number,
  colour: string,
  opacity: number,
  onto?: Uint8Array,
): Uint8Array {
  const rgba = onto ?? new Uint8Array(columns * rows * 4);
  const [red, green, blue] = rgbOf(colour);
  const samples = 4;
  for (let p = 0; p < at.length; p += 2) {
    const cx = at[p];
    const cy = at[p + 1];
    for (let j = Math.max(0, Math.floor(cy - radius)); j <= Math.min(rows - 1, Math.floor(cy + radius)); j++)
      for (let i = Math.max(0, Math.floor(cx - radius)); i <= Math.min(columns - 1, Math.floor(cx + radius)); i++) {
        let hits = 0;
        for (let v = 0; v < samples; v++)
          for (let u = 0; u < samples; u++) {
            const dx = i + (u + 0.5) / samples - cx;
            const dy = j + (v + 0.5) / samples - cy;
            if (dx * dx + dy * dy <= radius * radius) hits++;
          }
        if (hits === 0) continue;
        const source = (opacity * hits) / (samples * samples);
        const k = 4 * (j * columns + i);
        const below = rgba[k + 3] / 255;
        const out = source + below * (1 - source);
        const mix = (front: number, back: number): number =>
          Math.round((front * source + back * below * (1 - source)) / out);
        rgba[k] = mix(red, rgba[k]);
        rgba[k + 1] = mix(green, rgba[k + 1]);
        rgba[k + 2] = mix(blue, rgba[k + 2]);
        rgba[k + 3] = Math.round(255 * out);
      }
  }
  return rgba;
}

/** Place of a value on a colour scale, 0 to 1; NaN where it has none. */
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

/** Cells without a colour (not finite, or non-positive on a logarithmic scale) are light grey. */
export function rasteriseHeatmap(map: Heatmap, least: number): Uint8Array {
  const { columns, rows } = heatmapSize(map, least);
  const across = columns / map.columns;
  const down = rows / map.rows;
  const rgba = new Uint8Array(columns * rows * 4);
  const line = new Uint8Array(columns * 4);
  for (let r = 0; r < map.rows; r++) {
    for (let c = 0; c < map.columns; c++) {
      const t = colourPlace(map.values[r * map.columns + c], map.colours);
      const [red, green, blue] = Number.isFinite(t) ? mapColour(map.colours.map, t) : [225, 225, 225];
      for (let i = 0; i < across; i++) line.set([red, green, blue, 255], 4 * (c * across + i));
    }
    for (let j = 0; j < down; j++) rgba.set(line, 4 * columns * (r * down + j));
  }
  return rgba;
}
