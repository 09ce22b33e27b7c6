/** How members of a comparison are distinguished: by colour up to eight, then also by dashes of lines and shapes of points. Pure. */

import type { Dash, MarkerShape } from '../../shared/figures/appearance.ts';

export const colours = 8;
const dashes: readonly Dash[] = ['solid', 'dashed', 'dotted', 'dash-dot'];
export const shapes: readonly MarkerShape[] = ['circle', 'circle-open', 'square', 'diamond'];

export interface Look {
  /** Slot of the data colours. */
  readonly colour: number;
  readonly dash: Dash;
  readonly shape: MarkerShape;
}

/** The look of member `rank` of a comparison; 32 are different in lines and in points, 128 in both together. */
export function lookOf(rank: number): Look {
  const round = Math.floor(rank / colours);
  const later = Math.floor(round / dashes.length);
  return {
    colour: rank % colours,
    dash: dashes[round % dashes.length],
    shape: shapes[(round + later) % shapes.length],
  };
}
