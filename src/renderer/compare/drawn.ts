/** Which runs of a comparison are drawn direction by direction: with too many, they could not be distinguished. */
import type { MeasurementInfo } from '../../shared/contract/index.ts';
import { shapes } from './looks.ts';
import type { Look } from './looks.ts';
import { lastOf } from './members.ts';
import type { Member } from './members.ts';

export const mostDrawn = 12;

/** A run that has such a figure, named as in its charts. */
export interface Drawable extends Look {
  readonly id: string;
  readonly name: string;
  readonly measurement: MeasurementInfo;
}

/** Runs that are shown and whose last measurement of the parameter has its arrays. */
export function drawableOf(
  members: readonly Member[],
  measurements: readonly MeasurementInfo[],
  parameter: string,
): Drawable[] {
  return members.flatMap((member) =>
    member.runs.flatMap((run, k) => {
      const measurement = lastOf(measurements, run.id, parameter);
      if (measurement?.arrays?.present !== true) return [];
      const alone = member.runs.length === 1;
      return {
        id: run.id,
        name: alone ? member.name : `${member.setup}, seed ${run.seed ?? '?'}`,
        colour: member.colour,
        dash: member.dash,
        shape: alone ? member.shape : shapes[k % shapes.length],
        measurement,
      };
    }),
  );
}

/** Those chosen by hand that are there, else the first ones. */
export function drawnOf(drawable: readonly Drawable[], chosen: readonly string[]): readonly Drawable[] {
  if (chosen.length === 0) return drawable.slice(0, mostDrawn);
  const ids = new Set(chosen);
  return drawable.filter(({ id }) => ids.has(id)).slice(0, mostDrawn);
}
