/** What a figure is: its words, what it draws, its options, and the function that draws it. Each is declared in its file below figures/ and listed in catalogue.ts. */
import { parseWith } from '../validation.ts';
import * as v from 'valibot';
import type { DataOf, FigureData, FigureDataKind } from './figure-data.ts';
import type { FigureOptions } from './figures/common.ts';
import type { Options, ValuesOf } from './options.ts';
import type { FigureSpec } from './types.ts';

export interface FigureDefinition<Kind extends FigureDataKind = FigureDataKind, Own extends Options = Options> {
  /** Its name in the interface. */
  readonly title: string;
  /** What it shows, in a sentence. */
  readonly about: string;
  readonly needs: Kind;
  /** What its sources name: one measurement, one run, or as many as there are. One of several is drawn as panels of one each. */
  readonly takes: 'measurement' | 'run' | 'measurements' | 'runs';
  /** Its own options, beside those of every figure, in the order in which the studio asks for them. */
  readonly options: Own;
  draw(data: DataOf<Kind>, options: FigureOptions & ValuesOf<Own>): FigureSpec;
}

export function defineFigure<const Kind extends FigureDataKind, const Own extends Options>(
  definition: FigureDefinition<Kind, Own>,
): FigureDefinition<Kind, Own> {
  return definition;
}

/**
 * Draws a figure. `own`: its own options as a recipe holds them, checked here by its schemas (a recipe accepts any value that some figure with an option of
 * that name accepts). Raises InputError naming the option, what was expected and what came, and an Error for data of another kind.
 */
export function drawFigure(
  name: string,
  figure: FigureDefinition,
  data: FigureData | readonly FigureData[],
  shared: FigureOptions,
  own: Readonly<Record<string, unknown>>,
): FigureSpec {
  if (!('kind' in data) || data.kind !== figure.needs)
    throw new Error(`the figure "${name}" draws data of the kind "${figure.needs}"`);
  const schema = v.object(
    Object.fromEntries(Object.entries(figure.options).map(([option, each]) => [option, v.exactOptional(each.schema)])),
  );
  return figure.draw(data, { ...shared, ...parseWith(schema, own, `options of the figure "${name}"`) });
}
