/** The site of the documents: it builds, no link in it leads nowhere, and its reference holds every command, field, figure and key that there is. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { commandOf, gallery } from '../../scripts/docs/pictures.ts';
import { referencePages } from '../../scripts/docs/reference.ts';
import { commands } from '../../src/main/cli/main.ts';
import { dataEndings } from '../../src/shared/dataset-files.ts';
import { experimentSchema } from '../../src/shared/experiment.ts';
import { figureTable } from '../../src/shared/figures/catalogue.ts';
import { layerKinds } from '../../src/shared/model/layers.ts';
import { temporaryFolder } from '../support/cli.ts';
import { optionNames } from '../../src/shared/figures/recipe-options.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const site = path.join(temporaryFolder(), 'site');

/** The built pages by their paths below the site. */
const pages = (): string[] =>
  readdirSync(site, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.html'));
const read = (name: string): string => readFileSync(path.join(site, name), 'utf8');

describe('the site', () => {
  beforeAll(() => {
    execFileSync(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', path.join(root, 'scripts/docs/site.ts'), 'build'],
      {
        cwd: root,
        env: { ...process.env, NODE_ENV: 'production', VITEST: undefined, DOCS_BASE: '/covature/', DOCS_OUT: site },
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
  }, 120_000);

  test('has a page of every document', () => {
    const documents = readdirSync(path.join(root, 'docs')).filter((name) => name.endsWith('.md'));
    for (const name of documents) expect(pages()).toContain(name.replace(/\.md$/, '.html'));
  });

  test('has a file, and in it the place, for every link and picture, and asks nothing of another host', () => {
    let count = 0;
    for (const page of pages()) {
      if (page === '404.html') continue;
      const text = read(page);
      for (const [, address] of text.matchAll(/(?:href|src)="([^"]+)"/g)) {
        const { pathname, hash, origin } = new URL(address.replaceAll('&amp;', '&'), `http://site/covature/${page}`);
        if (origin !== 'http://site') {
          expect(text, `${page}: ${address} is loaded from elsewhere`).not.toMatch(
            new RegExp(`src="${address.replace(/[.*+?^$(){}|[\]\\]/g, '\\$&')}"`),
          );
          continue;
        }
        count++;
        expect(pathname, page).toMatch(/^\/covature\//);
        const file = decodeURIComponent(pathname.slice('/covature/'.length)) || 'index.html';
        expect(existsSync(path.join(site, file)), `${page}: ${address}`).toBe(true);
        if (hash !== '' && file.endsWith('.html'))
          expect(read(file), `${page}: ${address}`).toContain(`id="${decodeURIComponent(hash.slice(1))}"`);
      }
    }
    expect(count).toBeGreaterThan(1000);
  });

  test('brings the search with it', () => {
    const assets = readdirSync(path.join(site, 'assets'), { recursive: true, encoding: 'utf8' });
    expect(assets.some((name) => name.includes('localSearchIndex'))).toBe(true);
  });
});

test('the table of layers in docs/own-model.md has every kind', () => {
  const page = readFileSync(path.join(root, 'docs/own-model.md'), 'utf8');
  const first = [...page.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, cell]) => cell.split(', '));
  for (const kind of layerKinds) expect(first).toContain(`\`${kind}\``);
});

test('docs/data.md says of every ending how such a file is read', () => {
  const page = readFileSync(path.join(root, 'docs/data.md'), 'utf8');
  for (const ending of dataEndings) expect(page).toContain(`\`${ending}\``);
});

test('docs/figures.md names every figure that there is', () => {
  const page = readFileSync(path.join(root, 'docs/figures.md'), 'utf8');
  for (const name of Object.keys(figureTable)) expect(page).toContain(`\`${name}\``);
});

test('the gallery draws every figure that there is', () => {
  expect(new Set(gallery.map(({ figure }) => figure))).toEqual(new Set(Object.keys(figureTable)));
  const page = readFileSync(path.join(root, 'docs/gallery.md'), 'utf8');
  for (const picture of gallery)
    expect(page).toContain(`\n    ${commandOf(picture, picture.of === 'rates' ? 'RUN RUN ...' : 'RUN')}\n`);
});

describe('the reference', () => {
  let text: Readonly<Record<string, string>>;
  beforeAll(async () => {
    text = await referencePages();
  });

  test('has every command with its help', async () => {
    for (const [name, { load }] of Object.entries(commands)) {
      expect(text['commands.md']).toContain(`## ${name}\n`);
      expect(text['commands.md']).toContain((await load()).help);
    }
  });

  test('has every field of an experiment, with what it takes and what it is for', () => {
    for (const field of Object.keys(experimentSchema.entries))
      expect(text['experiment.md']).toMatch(new RegExp(`^\\| \`${field}\` \\| \\S.*<br>\\S.* \\|$`, 'm'));
    expect(text['experiment.md']).toMatch(/^\| `optimiser.lr` \| a number above 0; \*\*needed\*\*<br>Learning rate/m);
    expect(text['experiment.md']).toMatch(
      /^\| `minibatch_noise.batches` \| an integer from 2 to 10000000; default `1000`<br>Batches to draw/m,
    );
    expect(text['experiment.md']).toMatch(/^\| `gamma` \| 1, 2; \*\*needed\*\* \|/m);
  });

  test('has every kind of layer with its fields', () => {
    for (const kind of layerKinds) expect(text['model.md']).toContain(`### ${kind}\n`);
    expect(text['model.md']).toMatch(
      /^\| `stride` \| a whole number above 0 or \[height, width\]; default `1`<br>Step along both axes/m,
    );
  });

  test('has every figure and every option', () => {
    for (const name of Object.keys(figureTable)) expect(text['figures.md']).toContain(`### ${name}\n`);
    for (const name of optionNames) expect(text['figures.md']).toContain(`| \`${name}\` |`);
  });

  test('has the keys of the window', () => {
    expect(text['keys.md']).toContain('| <kbd>Ctrl+K</kbd> | Command palette |');
    expect(text['keys.md']).toContain('## Table of runs');
  });
});
