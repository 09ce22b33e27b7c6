/** Reports to files: one HTML file, self-contained, and a PDF of A4 pages. */
import type { FontLibrary } from '../../shared/figures/fonts/library.ts';
import { drawReport } from '../../shared/figures/report/figure.ts';
import type { Report } from '../../shared/figures/report/types.ts';
import { reportHtml } from '../../shared/figures/report/html.ts';
import { reportPages } from '../../shared/figures/report/pages.ts';
import { writePdf } from './pdf.ts';

export type ReportFormat = 'html' | 'pdf';

export interface RenderedReport {
  readonly html?: string;
  readonly pdf?: Uint8Array;
  /** Figures that the report leaves out, each with its heading and the reason. */
  readonly omitted: readonly string[];
}

/** The files that were asked for, in memory. */
export async function renderReport(
  report: Report,
  fonts: FontLibrary,
  formats: readonly ReportFormat[] = ['html', 'pdf'],
): Promise<RenderedReport> {
  const drawn = drawReport(report, fonts);
  const omitted = drawn.sections.flatMap(({ heading, figures }) =>
    figures.flatMap((figure) =>
      figure.kind === 'drawn' ? [] : [`${heading}: "${figure.caption}" is left out: ${figure.reason}`],
    ),
  );
  const html = formats.includes('html') ? { html: reportHtml(drawn, fonts) } : {};
  if (!formats.includes('pdf')) return { ...html, omitted };
  const pdf = await writePdf(reportPages(drawn, fonts), {
    title: report.title,
    description: report.subtitle,
    provenance: report.provenance,
  });
  return { ...html, pdf, omitted };
}
