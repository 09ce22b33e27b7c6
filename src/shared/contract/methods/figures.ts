/** Figure recipes and what is drawn from them (src/shared/figures). */
import * as v from 'valibot';
import { id, method, name, none } from '../define.ts';
import type { Json } from '../records.ts';

export interface FigureInfo {
  readonly id: string;
  readonly name: string;
  readonly project: string | null;
  readonly recipe: Json;
  readonly created: number;
  readonly updated: number;
}

export const figures = {
  'figures.list': method<readonly FigureInfo[]>()(v.strictObject({ deleted: v.exactOptional(v.boolean(), false) })),
  /** Makes a figure, or changes the one with that id. */
  'figures.save': method<FigureInfo>()(
    v.strictObject({
      id: v.exactOptional(id),
      name,
      project: v.exactOptional(v.nullable(id)),
      recipe: v.unknown(),
    }),
  ),
  'figures.delete': method<null>()(v.strictObject({ id })),
  'figures.restore': method<null>()(v.strictObject({ id })),
  'figures.count': method<number>()(none),
};
