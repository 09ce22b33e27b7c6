/**
 * The site of the documents.
 *   npm run docs             builds it into dist/site, with the reference made from the current commands, schemas and keys
 *   npm run docs:preview     shows what was built, in a browser of this machine (--port N)
 * $DOCS_BASE is the path of the site on its host, for example "/covature/" for the pages of a repository (default "/"); $DOCS_OUT names another folder to build into.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeReference } from './reference.ts';

const docs = fileURLToPath(new URL('../../docs', import.meta.url));
const built = process.env['DOCS_OUT'] ?? fileURLToPath(new URL('../../dist/site', import.meta.url));
const { values, positionals } = parseArgs({ options: { port: { type: 'string' } }, allowPositionals: true });
const [action = 'build'] = positionals;

switch (action) {
  case 'build': {
    await writeReference();
    const { build } = await import('vitepress');
    await build(docs);
    console.log(`the site is in ${built}`);
    break;
  }
  case 'preview': {
    if (!existsSync(`${built}/index.html`)) throw new Error('there is no site yet: "npm run docs" builds it');
    const { serve } = await import('vitepress');
    const port = Number(values.port ?? 4173);
    await serve({ root: docs, port });
    break;
  }
  default:
    throw new Error(`expected "build" or "preview", received "${action}"`);
}
