/** The site of the documents: the Markdown of docs/ as it is, with search that works offline. `npm run docs` builds it. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';
import { codeAsConsole } from './console.ts';
import { linkedFiles } from './files.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** Where the site lies on its host: "/covature/" of pages of a repository. */
const base = process.env['DOCS_BASE'] ?? '/';
const files = linkedFiles(root, base);

export default defineConfig({
  title: 'Covature',
  description: 'A workbench for the noise of stochastic gradient descent and the curvature of the loss',
  lang: 'en',
  base,
  outDir: process.env['DOCS_OUT'] ?? `${root}dist/site`,
  cacheDir: `${root}node_modules/.cache/vitepress`,
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: `${base}icon.svg` }]],
  markdown: {
    config: (md) => {
      codeAsConsole(md);
      files.rewrite(md);
    },
  },
  // Every link to a page or a place in it has to lead somewhere.
  ignoreDeadLinks: false,
  buildEnd: ({ outDir }) => files.copy(outDir),
  themeConfig: {
    search: { provider: 'local' },
    outline: { level: [2, 3] },
    nav: [
      { text: 'Tutorial', link: '/tutorial' },
      { text: 'Gallery', link: '/gallery' },
      { text: 'Reference', link: '/reference/commands' },
    ],
    sidebar: [
      {
        text: 'Begin',
        items: [
          { text: 'Ten minutes', link: '/tutorial' },
          { text: 'From PyTorch in one line', link: '/pytorch' },
          { text: 'A sweep on a cluster', link: '/cluster' },
          { text: 'Gallery of figures', link: '/gallery' },
        ],
      },
      {
        text: 'Understand',
        items: [
          { text: 'What γ is and is not', link: '/gamma' },
          { text: 'Theory', link: '/theory' },
          { text: 'Method', link: '/method' },
          { text: 'Statistics', link: '/statistics' },
          { text: 'Noise at work', link: '/noise' },
          { text: 'Limits', link: '/limits' },
        ],
      },
      {
        text: 'Measured',
        items: [
          { text: 'MNIST', link: '/mnist' },
          { text: 'Convolutions and attention', link: '/networks' },
          { text: 'The study', link: '/reproduce' },
        ],
      },
      {
        text: 'Work with it',
        items: [
          { text: 'Your own model', link: '/own-model' },
          { text: 'Data', link: '/data' },
          { text: 'Training', link: '/training' },
          { text: 'Figures', link: '/figures' },
          { text: 'A supplement for a paper', link: '/bundle' },
          { text: 'Forecasts', link: '/forecasts' },
          { text: 'Graphics cards', link: '/gpu' },
          { text: 'The desktop', link: '/desktop' },
        ],
      },
      {
        text: 'Reference',
        items: [
          { text: 'Commands', link: '/reference/commands' },
          { text: 'Experiments', link: '/reference/experiment' },
          { text: 'Models', link: '/reference/model' },
          { text: 'Figures', link: '/reference/figures' },
          { text: 'Keys', link: '/reference/keys' },
          { text: 'Glossary', link: '/reference/glossary' },
          { text: 'Versions', link: '/versions' },
          { text: 'Changelog', link: '/reference/changelog' },
          { text: 'Contributing', link: '/contributing' },
        ],
      },
    ],
  },
});
