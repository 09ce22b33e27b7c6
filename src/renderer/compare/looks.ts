/** How members of a comparison are told apart: a colour each up to eight, then dashes of lines and shapes of points besides. Pure. */

export const colours = 8;
/** Pixels drawn and left out, by number. */
export const dashes: readonly (readonly number[])[] = [[], [6, 4], [2, 3], [8, 3, 2, 3]];
/** Full circle, open circle, full square, open diamond. */
export const shapes = ['disc', 'circle', 'square', 'diamond'] as const;
export type Shape = (typeof shapes)[number];

export interface Look {
  /** Slot of the data colours. */
  readonly colour: number;
  /** Place in `dashes`. */
  readonly dash: number;
  readonly shape: Shape;
}

/** The look of member `rank` of a comparison; 32 are different in lines and in points, 128 in both together. */
export function lookOf(rank: number): Look {
  const round = Math.floor(rank / colours);
  const later = Math.floor(round / dashes.length);
  return {
    colour: rank % colours,
    dash: round % dashes.length,
    shape: shapes[(round + later) % shapes.length],
  };
}
