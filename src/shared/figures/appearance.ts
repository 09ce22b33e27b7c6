/** Colours, dashes and markers by their role; palettes.ts defines how each looks. */

/** A colour: a slot of the palette (0, 1, ...; markers and dashes go with it), a neutral of the theme, or "#rrggbb". */
export type Colour = number | 'ink' | 'muted' | 'faint' | `#${string}`;

export type Dash = (typeof dashes)[number];

export type MarkerShape = (typeof markerShapes)[number];

export const dashes = ['solid', 'dashed', 'dotted', 'dash-dot', 'long-dash'] as const;

export const markerShapes = [
  'circle',
  'square',
  'triangle',
  'diamond',
  'plus',
  'cross',
  'circle-open',
  'square-open',
] as const;
