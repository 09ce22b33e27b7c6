/** What a report consists of besides its text. */

import type { FigureSpec } from '../types.ts';

export interface ReportFigure {
  /** Makes the figure; if it raises an error, the report shows the error in place of the figure. */
  readonly make: () => FigureSpec;
  readonly caption: string;
}

export interface ReportTable {
  readonly caption: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}
