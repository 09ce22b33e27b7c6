/** Reports to files: one HTML file, self-contained, and a PDF of A4 pages. */
import { join } from 'node:path';
import { writeFileAtomic } from '../../data/files.ts';
import type { FontLibrary } from '../../shared/figures/fonts/library.ts';
import type { Report } from '../../shared/figures/report/content.ts';
import { reportHtml } from '../../shared/figures/report/html.ts';
import { reportPages } from '../../shared/figures/report/pages.ts';
import { writePdf } from './pdf.ts';

/** Both files in memory. */
export async function renderReport(
  report: Report,
  fonts: FontLibrary,
): Promise<{ readonly html: string; readonly pdf: Uint8Array }> {
  const html = reportHtml(report, fonts);
  const pdf = await writePdf(reportPages(report, fonts), {
    title: report.title,
    description: report.subtitle,
    provenance: report.provenance,
  });
  return { html, pdf };
}

/** Writes NAME.html and NAME.pdf into a folder that exists; returns their paths. */
export async function writeReport(report: Report, folder: string, name: string, fonts: FontLibrary): Promise<string[]> {
  const { html, pdf } = await renderReport(report, fonts);
  const paths = [join(folder, `${name}.html`), join(folder, `${name}.pdf`)];
  await writeFileAtomic(paths[0], html);
  await writeFileAtomic(paths[1], pdf);
  return paths;
}
