/**
 * Draws the figures in the documents with the current sources, and writes the page that lists them with their commands and recipes:
 *   node scripts/docs/gallery.ts [--store DIR]
 * trains the networks of docs/gallery in a temporary store (a minute or two) and writes docs/images/gallery, docs/images/gamma and docs/gallery.md. A store that is
 * named with --store is kept, and its runs are used again next time.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { figureTable } from '../../src/shared/figures/catalogue.ts';
import { exportFigure } from '../../src/main/figures/export.ts';
import { figureOptions } from '../../src/main/cli/figure-options.ts';
import { loadFonts } from '../../src/main/figures/fonts.ts';
import { FigureLoader } from '../../src/main/figures/loader.ts';
import { plansOf } from '../../src/main/figures/plans.ts';
import { sourceFigure } from '../../src/main/figures/sources.ts';
import { main } from '../../src/main/cli/main.ts';
import { engineOptions } from '../../src/main/jobs/engine.ts';
import { openStore, type RunRecord, type Store } from '../../src/main/store/index.ts';
import { commandOf, experiments, gallery, ofGamma, type Picture } from './pictures.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const images = join(root, 'docs/images');
/** A figure whose SVG has more bytes than this is kept as a PNG. */
const heaviest = 160_000;

interface Drawn {
  /** Below docs. */
  readonly file: string;
  readonly recipe: string;
}

const { values } = parseArgs({ options: { store: { type: 'string' } } });
const folder = values.store ?? mkdtempSync(join(tmpdir(), 'covature-gallery-'));
process.env['COVATURE_HOME'] = folder;
try {
  await train();
  const pages: { readonly picture: Picture; readonly drawn: Drawn }[] = [];
  {
    using store = openStore(folder, { readOnly: true });
    const draw = drawer(store);
    for (const picture of gallery) pages.push({ picture, drawn: await draw(picture) });
    for (const picture of ofGamma) await draw(picture);
  }
  writeFileSync(join(root, 'docs/gallery.md'), pageText(pages));
  console.log(`${gallery.length + ofGamma.length} figures in ${images}`);
} finally {
  if (values.store === undefined) rmSync(folder, { recursive: true, force: true });
}

async function train(): Promise<void> {
  for (const file of Object.values(experiments)) {
    const { name } = JSON.parse(readFileSync(join(root, file), 'utf8')) as { name: string };
    if (runsOf(name).length > 0) continue;
    const status = await main(['run', join(root, file)]);
    if (status !== 0) throw new Error(`${file}: ended with ${status}`);
  }
}

function runsOf(name: string): RunRecord[] {
  mkdirSync(folder, { recursive: true });
  using store = openStore(folder);
  return runsIn(store, name);
}

function runsIn(store: Store, name: string): RunRecord[] {
  const found = store.listRuns({ limit: 1000 }).rows.filter((run) => run.name === name && run.status === 'done');
  return found.map(({ id }) => store.findRun(id)).sort((a, b) => a.created - b.created);
}

function drawer(store: Store): (picture: Picture) => Promise<Drawn> {
  const fonts = loadFonts();
  const loader = new FigureLoader(engineOptions());
  return async ({ file, of, figure, options }) => {
    const { name } = JSON.parse(readFileSync(join(root, experiments[of]), 'utf8')) as { name: string };
    const { values: given } = parseArgs({
      args: [...options],
      options: { parameter: { type: 'string' }, set: { type: 'string', multiple: true } },
    });
    const source = given.parameter === undefined ? {} : { parameter: given.parameter };
    const chosen = figureOptions({ preset: 'prl-1', set: given.set });
    const [plan] = plansOf(store, figure, runsIn(store, name), source, chosen, false);
    const spec = await loader.build(sourceFigure(store, plan.recipe));
    const stem = file.slice(file.lastIndexOf('/') + 1);
    const exported = await exportFigure({ spec }, stem, ['svg', 'png'], fonts, { dpi: 250, reopenable: false });
    const [svg, png] = exported.files;
    const kept = svg.content.length <= heaviest ? svg : png;
    const target = join(images, dirname(file), kept.name);
    mkdirSync(dirname(target), { recursive: true });
    for (const ending of ['svg', 'png']) rmSync(join(images, `${file}.${ending}`), { force: true });
    writeFileSync(target, kept.content);
    // The first figure is also shown on the first page of the site.
    if (file === gallery[0]?.file) writeFileSync(join(root, 'docs/public/figure.svg'), svg.content);
    for (const warning of exported.warnings) console.error(`${file}: ${warning}`);
    // The ids of runs differ for every reader.
    const sources = plan.recipe.sources.map((each) => ({ ...each, run: 'RUN' }));
    const recipe = { ...plan.recipe, name: stem, sources: sources.slice(0, 1) };
    return { file: `images/${dirname(file)}/${kept.name}`, recipe: JSON.stringify(recipe, null, 2) };
  };
}

function pageText(pages: readonly { readonly picture: Picture; readonly drawn: Drawn }[]): string {
  const sections = pages.map(({ picture, drawn }) => {
    const { title } = figureTable[picture.figure];
    const runs = picture.of === 'rates' ? 'RUN RUN ...' : 'RUN';
    return `## ${title}${picture.options.includes('estimand=cross_fitted') ? ', cross-fitted' : ''}

![${title}: ${picture.caption}](${drawn.file})

${picture.caption} Drawn from the runs of [${experiments[picture.of].slice('docs/gallery/'.length)}](${experiments[picture.of].slice('docs/'.length)}).

    ${commandOf(picture, runs)}

<details><summary>Recipe</summary>

\`\`\`json
${drawn.recipe}
\`\`\`

</details>
`;
  });
  return `# Gallery

Every figure that Covature draws, each with its command and its recipe. All of them were drawn by \`node scripts/docs/gallery.ts\`, which trains the small networks of
[network.json](gallery/network.json), [rates.json](gallery/rates.json) and [few-samples.json](gallery/few-samples.json) on drawn digits:

    covature run docs/gallery/network.json
    covature run docs/gallery/rates.json

RUN is an id from \`covature list\`. \`covature export RUN --recipe FILE --format pdf\` draws a recipe from a file for any run. Widths and type sizes fit one
column of Physical Review Letters.

${sections.join('\n')}`;
}
