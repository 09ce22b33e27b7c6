/** One figure of a report: drawn, or left out with the reason. A figure that cannot be drawn never ends the report or another figure. */
import type { Report, ReportFigure, ReportSection } from './types.ts';
import { InputError, messageOf } from '../../errors.ts';
import type { FontLibrary } from '../fonts/library.ts';
import { layoutFigure } from '../layout/layout.ts';
import type { Scene } from '../layout/scene.ts';
import { plainLabel } from '../text/label.ts';
import type { FigureSpec } from '../types.ts';

export interface DrawnFigure {
  readonly kind: 'drawn';
  readonly spec: FigureSpec;
  readonly scene: Scene;
  readonly caption: string;
}

export interface OmittedFigure {
  readonly kind: 'omitted';
  readonly caption: string;
  /** Nothing to see, or what failed. */
  readonly reason: string;
}

/** Lays a figure out. One whose panels all are without data is left out. */
export function drawReported({ make, caption }: ReportFigure, fonts: FontLibrary): DrawnFigure | OmittedFigure {
  try {
    const spec = make();
    const scene = layoutFigure(spec, fonts);
    if (scene.empty !== undefined) return { kind: 'omitted', caption, reason: `nothing to draw: ${scene.empty}` };
    return { kind: 'drawn', spec, scene, caption };
  } catch (error) {
    const failure = error instanceof InputError ? '' : 'it could not be drawn: ';
    return { kind: 'omitted', caption, reason: `${failure}${messageOf(error)}` };
  }
}

/** A report whose figures are laid out. */
export interface DrawnReport extends Omit<Report, 'sections'> {
  readonly sections: readonly (Omit<ReportSection, 'figures'> & {
    readonly figures: readonly (DrawnFigure | OmittedFigure)[];
  })[];
}

export function drawReport(report: Report, fonts: FontLibrary): DrawnReport {
  const sections = report.sections.map(({ figures = [], ...section }) => ({
    ...section,
    figures: figures.map((figure) => drawReported(figure, fonts)),
  }));
  return { ...report, sections };
}

/** What stands in the figure's place. Characters beyond Latin ones may be the very ones that no font has. */
export function omissionText({ caption, reason }: OmittedFigure): string {
  return `Left out: ${caption.replace(/\.$/, '')} (${plainLabel(reason.replace(/[^\x20-\x7e]/gu, '?'))}).`;
}
