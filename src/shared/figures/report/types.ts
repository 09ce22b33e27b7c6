/** What a report is made of: the runs and options that go in, and the sections, tables and figures that come out. */
import type { FigureOptions } from '../figures/common.ts';
import type { CurveGroup, Measurement, TrainingHistory } from '../figure-data.ts';
import type { FigureProvenance, FigureSpec } from '../types.ts';

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

export interface ReportSection {
  readonly heading: string;
  readonly paragraphs?: readonly string[];
  readonly tables?: readonly ReportTable[];
  readonly figures?: readonly ReportFigure[];
  /** Term and its definition. */
  readonly definitions?: readonly (readonly [term: string, definition: string])[];
}

export interface Report {
  readonly title: string;
  readonly subtitle: string;
  readonly sections: readonly ReportSection[];
  readonly provenance: FigureProvenance;
}

export interface ReportedRun {
  readonly id: string;
  readonly name: string;
  /** The same for runs that differ in their seeds alone. */
  readonly setup?: string;
  /** "learning rate" -> "0.1": what the run was made with, in the order to show. */
  readonly configuration: Readonly<Record<string, string>>;
  readonly measurements: readonly Measurement[];
  /** Curves over training by metric ("training loss"). */
  readonly curves?: Readonly<Record<string, CurveGroup['runs'][number]>>;
  /** Measurements of one parameter over training. */
  readonly history?: TrainingHistory;
}

export interface ReportOptions {
  readonly title?: string;
  readonly provenance: FigureProvenance;
  /** Sizes, font and palette of the figures; the width of a page's text by default. */
  readonly figures?: Pick<FigureOptions, 'preset' | 'font' | 'palette'>;
  readonly cutoff?: number;
}
