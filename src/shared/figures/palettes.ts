/** Colours for data, all distinguishable with the common colour-vision deficiencies, each with a marker and a dash so that no meaning is in colour alone. */
import type { Colour, Dash, MarkerShape } from './appearance.ts';

/**
 * okabe-ito: Okabe and Ito (2008), blue first, its yellow left out (too pale on white). tol: Paul Tol's "bright" (2021). ink: black and greys, for print
 * without colour; distinguished by marker and dash.
 */
export const palettes = {
  'okabe-ito': ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#56B4E9', '#E69F00', '#000000'],
  tol: ['#4477AA', '#EE6677', '#228833', '#AA3377', '#66CCEE', '#CCBB44', '#777777'],
  ink: ['#000000', '#6B6B6B', '#333333', '#8C8C8C', '#1A1A1A', '#9E9E9E', '#555555'],
} as const;
export type PaletteName = keyof typeof palettes;
export const paletteNames = Object.keys(palettes) as PaletteName[];

/** Neutrals: axes and text, secondary marks, hairlines. */
export const neutrals = { ink: '#1A1A1A', muted: '#6B6B6B', faint: '#B8B8B8' } as const;

const markers: readonly MarkerShape[] = ['circle', 'square', 'triangle', 'diamond', 'plus', 'cross', 'circle-open'];
const dashOrder: readonly Dash[] = ['solid', 'dashed', 'dotted', 'dash-dot', 'long-dash'];

/** Colours of a theme on a screen, in the roles that a palette and the neutrals have on paper. CSS colours. */
export interface ScreenColours {
  /** By slot. */
  readonly data: readonly string[];
  readonly ink: string;
  readonly muted: string;
  readonly faint: string;
}

export function colourOf(colour: Colour, palette: PaletteName | ScreenColours): string {
  if (typeof colour === 'number') {
    const list = typeof palette === 'string' ? palettes[palette] : palette.data;
    return list[colour % list.length];
  }
  const isNeutral = colour === 'ink' || colour === 'muted' || colour === 'faint';
  return isNeutral ? (typeof palette === 'string' ? neutrals : palette)[colour] : colour;
}

/** The marker and dash of a palette slot; circles and solid lines for neutrals. */
export function markerOf(colour: Colour): MarkerShape {
  return typeof colour === 'number' ? markers[colour % markers.length] : 'circle';
}

export function dashOf(colour: Colour): Dash {
  return typeof colour === 'number' ? dashOrder[colour % dashOrder.length] : 'solid';
}

/** "#rrggbb" as three numbers 0..255. */
export function rgbOf(hex: string): [number, number, number] {
  if (!/^#[0-9a-fA-F]{6}$/.test(hex)) throw new Error(`not a colour: "${hex}" (expected #rrggbb)`);
  const value = parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/**
 * Colour maps as a few anchors with linear steps between. 'sequential' goes from white (paper) to dark blue, of falling lightness throughout, so that it
 * reads in grey as well; 'diverging' goes from orange (negative) through white to blue, distinguishable with all common deficiencies.
 */
export const mapAnchors = {
  sequential: ['#FFFFFF', '#E3E8F1', '#BCCBE2', '#8FADD3', '#5E8FC3', '#2F6FAE', '#0F4F8F', '#08306B', '#041C42'],
  diverging: ['#7F2704', '#B9501A', '#E08C4F', '#F6C9A0', '#FFFFFF', '#B5D3EA', '#6CA6D2', '#2A72B0', '#08306B'],
} as const;

/** Colour at t in [0, 1]. */
export function mapColour(map: 'sequential' | 'diverging', t: number): [number, number, number] {
  const list = mapAnchors[map];
  const place = Math.min(1, Math.max(0, t)) * (list.length - 1);
  const k = Math.min(list.length - 2, Math.floor(place));
  const from = rgbOf(list[k]);
  const to = rgbOf(list[k + 1]);
  return [0, 1, 2].map((i) => Math.round(from[i] + (place - k) * (to[i] - from[i]))) as [number, number, number];
}
