/**
 * Links to files that are no pages (sources, examples, a notebook, a paper): on the site they lead to a copy of the file, which is made with it. A link to a
 * file that is not there is an error, as one to a page is.
 */
import { cpSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { MarkdownRenderer } from 'vitepress';

export interface LinkedFiles {
  /** Turns the links of a page into links to the copies. Raises an Error naming page and link where there is no such file. */
  readonly rewrite: (md: MarkdownRenderer) => void;
  /** Copies what was linked to into the built site. */
  readonly copy: (outDir: string) => void;
}

const folder = 'files';

/** @param root the checkout, which no link may leave @param base where the site lies on its host, "/" at both ends */
export function linkedFiles(root: string, base: string): LinkedFiles {
  const linked = new Set<string>();
  const targetOf = (href: string, page: string): string | undefined => {
    const [place] = href.split(/[?#]/);
    if (place === '' || /^[a-z]+:|^\//i.test(place) || place.endsWith('.md')) return undefined;
    const file = resolve(dirname(page), decodeURIComponent(place));
    const name = relative(root, file);
    if (name.startsWith('..') || !existsSync(file) || !statSync(file).isFile())
      throw new Error(`${relative(root, page)}: the link to ${href} leads to no file`);
    linked.add(name);
    return `${base}${folder}/${name.split('\\').join('/')}`;
  };
  return {
    rewrite: (md) => {
      md.core.ruler.push('linked-files', ({ tokens, env }) => {
        const { path } = env as { readonly path: string };
        for (const token of tokens.flatMap(({ children }) => children ?? [])) {
          const href = token.type === 'link_open' ? token.attrGet('href') : null;
          const target = href === null ? undefined : targetOf(href, path);
          if (target === undefined) continue;
          token.attrSet('href', target);
          // Opened by the browser itself, not by the site's own way from page to page.
          token.attrSet('target', '_self');
        }
      });
    },
    copy: (outDir) => {
      for (const name of linked) {
        const copy = join(outDir, folder, name);
        mkdirSync(dirname(copy), { recursive: true });
        cpSync(join(root, name), copy);
      }
    },
  };
}
