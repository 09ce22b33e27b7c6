/** Reports to files: one HTML file, self-contained, and a PDF of A4 pages. */
import type { FontLibrary } from '../../shared/figures/fonts/library.ts';
import type { Report } from '../../shared/figures/report/content.ts';
import { reportHtml } from '../../shared/figures/report/html.ts';
import { reportPages } from '../../shared/figures/report/pages.ts';
import { writePdf } from './pdf.ts';

export type ReportFormat = 'html' | 'pdf';

/** The files that were asked for, in memory. */
export async function renderReport(
  report: Report,
  fonts: FontLibrary,
  formats: readonly ReportFormat[] = ['html', 'pdf'],
): Promise<{ readonly html?: string; readonly pdf?: Uint8Array }> {
  const html = formats.includes('html') ? { html: reportHtml(report, fonts) } : {};
  if (!formats.includes('pdf')) return html;
  const pdf = await writePdf(reportPages(report, fonts), {
    title: report.title,
    description: report.subtitle,
    provenance: report.provenance,
  });
  return { ...html, pdf };
}
