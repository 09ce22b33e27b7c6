/** A report as one HTML file: figures and formulas inline as SVG, no script, no address outside the file. */
import type { ReportTable } from './types.ts';
import type { FontFamily, FontLibrary } from '../fonts/library.ts';
import type { Scene } from '../layout/scene.ts';
import { escapeXml, sceneToSvg } from '../svg.ts';
import { setLabel, splitLabel } from '../text/label.ts';
import { omissionText, type DrawnReport } from './figure.ts';

const style = `
:root { color-scheme: light; }
body { font: 15px/1.5 "STIX Two Text", "Times New Roman", Times, serif; color: #1a1a1a; background: #fff; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; font-variant-numeric: tabular-nums; }
h1 { font-size: 1.7rem; margin: 0; } h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; border-bottom: 1px solid #ccc; }
.subtitle, footer, figcaption, .omitted { color: #5a5a5a; } footer { font-size: .8rem; border-top: 1px solid #ccc; margin-top: 3rem; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .8rem; margin: .4rem 0 1.2rem; } caption { text-align: left; font-weight: bold; padding-bottom: .2rem; }
th, td { text-align: left; padding: .15rem .7rem .15rem 0; vertical-align: baseline; white-space: nowrap; } td:last-child { white-space: normal; min-width: 7rem; } p, figcaption, dd { max-width: 50rem; } thead th { border-bottom: 1px solid #1a1a1a; font-weight: normal; color: #5a5a5a; }
figure { margin: 1.2rem 0; break-inside: avoid; } figure svg { max-width: 100%; height: auto; } figcaption { font-size: .85rem; }
svg.formula { display: inline; overflow: visible; } dt { font-weight: bold; float: left; clear: left; min-width: 7rem; } dd { margin: 0 0 .5rem 7rem; }
@media print { body { margin: 0; max-width: none; } }
`;

const formulaSize = 11.2;

/** A label as HTML: text as text, formulas as inline SVG with their words. */
export function labelHtml(label: string, fonts: FontLibrary, family: FontFamily): string {
  return splitLabel(label)
    .map(({ kind, source }) => (kind === 'text' ? escapeXml(source) : formula(source, fonts, family)))
    .join('');
}

function formula(source: string, fonts: FontLibrary, family: FontFamily): string {
  const box = setLabel(`$${source}$`, fonts, { family, size: formulaSize });
  const [width, height] = [box.width, box.ascent + box.descent];
  const scene: Scene = {
    width,
    height,
    width_mm: (width * 25.4) / 72,
    height_mm: (height * 25.4) / 72,
    nodes: [{ kind: 'text', box, x: 0, y: box.ascent, angle: 0, colour: '#1A1A1A' }],
    panels: [],
    legend: { place: 'none', x: 0, y: 0 },
    notes: [],
    warnings: [],
  };
  const em = (length: number): string => `${(length / formulaSize).toFixed(3)}em`;
  return sceneToSvg(scene, { title: box.text, description: source }, { background: false })
    .replace(
      /width="[^"]*" height="[^"]*"/,
      `class="formula" style="width:${em(width)};height:${em(height)};vertical-align:${em(-box.descent)}"`,
    )
    .replace(/<desc>.*?<\/desc>\n/s, '')
    .trim();
}

export function reportHtml(report: DrawnReport, fonts: FontLibrary, family: FontFamily = 'stix'): string {
  const label = (text: string): string => labelHtml(text, fonts, family);
  let number = 0;
  const table = ({ caption, head, rows }: ReportTable): string =>
    `<div class="scroll"><table>${caption === '' ? '' : `<caption>${label(caption)}</caption>`}<thead><tr>${head.map((cell) => `<th scope="col">${label(cell)}</th>`).join('')}</tr></thead><tbody>${rows
      .map(
        (row) =>
          `<tr>${row.map((cell, k) => (k === 0 ? `<th scope="row" style="font-weight:normal">${label(cell)}</th>` : `<td>${label(cell)}</td>`)).join('')}</tr>`,
      )
      .join('')}</tbody></table></div>`;
  const section = ({
    heading,
    paragraphs = [],
    tables = [],
    figures,
    definitions = [],
  }: DrawnReport['sections'][number]): string =>
    [
      `<section><h2>${label(heading)}</h2>`,
      ...paragraphs.map((text) => `<p>${label(text)}</p>`),
      ...tables.map(table),
      ...figures.map((figure) => {
        if (figure.kind === 'omitted') return `<p class="omitted">${label(omissionText(figure))}</p>`;
        number += 1;
        const { scene, spec, caption } = figure;
        return `<figure>${sceneToSvg(scene, spec)}<figcaption>Figure ${number}. ${label(caption)}</figcaption></figure>`;
      }),
      definitions.length > 0
        ? `<dl>${definitions.map(([term, text]) => `<dt>${label(term)}</dt><dd>${label(text)}</dd>`).join('')}</dl>`
        : '',
      '</section>',
    ].join('\n');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${escapeXml(report.title)}</title>
<style>${style}</style>
</head>
<body>
<header><h1>${escapeXml(report.title)}</h1><p class="subtitle">${escapeXml(report.subtitle)}</p></header>
<main>
${report.sections.map(section).join('\n')}
</main>
<footer><p>${escapeXml(report.provenance.software)}${report.provenance.created === undefined ? '' : `, ${escapeXml(report.provenance.created)}`}</p><p>${escapeXml(JSON.stringify(report.provenance))}</p></footer>
</body>
</html>
`;
}
