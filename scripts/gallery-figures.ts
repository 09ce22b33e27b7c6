/**
 * Writes a page with every figure, drawn from seeded data, and with the extreme cases, for inspection. Run with
 *   node scripts/gallery-figures.ts FOLDER [PART OF A NAME] [--pairs PRESET,...]
 * Writes FOLDER/index.html (self-contained, each figure at print size and enlarged) and the SVG, PDF and PNG files in the same folder. With `--pairs`
 * it writes FOLDER/pairs-PRESET.html instead: every figure beside every other, at print size.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeFileAtomic } from '../src/data/files.ts';
import { exportFigure, writeExport } from '../src/main/figures/export.ts';
import { loadFonts } from '../src/main/figures/fonts.ts';
import type { FigureName } from '../src/shared/figures/catalogue.ts';
import { composePanels } from '../src/shared/figures/figures/panels.ts';
import { layoutFigure } from '../src/shared/figures/layout/layout.ts';
import { presetNames } from '../src/shared/figures/presets.ts';
import { renderSvg } from '../src/shared/figures/svg.ts';
import { extremes, figures } from '../test/shared/figures/catalogue.ts';
import { pairFigures } from '../test/shared/figures/pairs.ts';

const {
  values: { pairs },
  positionals: [folder, part = ''],
} = parseArgs({ options: { pairs: { type: 'string' } }, allowPositionals: true });
const presets = pairs?.split(',').map((name) => {
  const preset = presetNames.find((each) => each === name);
  if (preset === undefined) throw new Error(`--pairs: expected some of ${presetNames.join(', ')}, got "${name}"`);
  return preset;
});
if (folder === undefined) {
  console.error('usage: node scripts/gallery-figures.ts FOLDER [PART OF A NAME] [--pairs PRESET,...]');
  process.exit(2);
}
await mkdir(folder, { recursive: true });
const fonts = loadFonts();
if (presets !== undefined) {
  const names = (Object.keys(pairFigures) as FigureName[]).filter((name) => name.includes(part));
  for (const preset of presets) {
    const sections = names.flatMap((a, i) =>
      names.slice(i).map((b) => {
        const spec = composePanels([pairFigures[a](preset, 1), pairFigures[b](preset, 2)], { preset });
        return `<figure><figcaption>${a} + ${b}</figcaption>${renderSvg(spec, fonts)}</figure>`;
      }),
    );
    const style =
      'body { margin: 8px; background: #ddd; font: 11px sans-serif; display: flex; flex-wrap: wrap; gap: 8px; align-items: start; } figure { margin: 0; } svg { background: #fff; display: block; }';
    await writeFileAtomic(
      join(folder, `pairs-${preset}.html`),
      `<!doctype html><html lang="en"><meta charset="utf-8"><title>Pairs at ${preset}</title><style>${style}</style>${sections.join('\n')}</html>\n`,
    );
    console.log(`${sections.length} pairs at ${preset}`);
  }
  process.exit(0);
}
const entries: string[] = [];
let warned = 0;
for (const [name, make] of Object.entries({ ...figures, ...extremes })) {
  if (!name.includes(part)) continue;
  const spec = make();
  const { warnings, width_mm, height_mm } = layoutFigure(spec, fonts);
  warned += warnings.length;
  for (const warning of warnings) console.error(`${name}: ${warning}`);
  const base = name.replace(/[^A-Za-z0-9]+/g, '-');
  await writeExport(await exportFigure({ spec }, base, ['svg', 'pdf', 'png'], fonts, { dpi: 300 }), folder);
  const svg = renderSvg(spec, fonts);
  const size = `${width_mm.toFixed(1)} × ${height_mm.toFixed(1)} mm, ${spec.style.preset}`;
  entries.push(
    `<section><h2>${name}</h2><p>${size} · <a href="${base}.svg">SVG</a> <a href="${base}.pdf">PDF</a> <a href="${base}.png">PNG</a></p>` +
      `<div>${svg}</div><div class="large">${svg}</div></section>`,
  );
}
const page = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Figures</title><style>
body { font: 14px/1.4 sans-serif; margin: 2rem; background: #eee; } section { margin-bottom: 3rem; } h2 { margin: 0; }
svg { background: #fff; } .large svg { width: 60rem; height: auto; margin-top: 1rem; }
</style>
${entries.join('\n')}
</html>
`;
await writeFileAtomic(join(folder, 'index.html'), page);
console.log(`${entries.length} figures in ${folder}, ${warned} warnings`);
