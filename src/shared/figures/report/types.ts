/** What a report consists of besides its text. */

import type { FigureSpec } from '../types.ts';

export interface ReportFigure {
  /** Makes the figure; may raise an error, which the report then says in the figure's place. */
  readonly make: () => FigureSpec;
  readonly caption: string;
}

export interface ReportTable {
  readonly caption: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}
