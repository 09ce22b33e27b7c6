/** Blocks of code that are only indented look like the others on the site: coloured, with a button that copies. */
import type { MarkdownRenderer } from 'vitepress';

export function codeAsConsole(md: MarkdownRenderer): void {
  md.core.ruler.after('block', 'indented-code', ({ tokens }) => {
    for (const token of tokens) {
      if (token.type !== 'code_block') continue;
      token.type = 'fence';
      token.tag = 'code';
      token.markup = '```';
      token.info = languageOf(token.content);
    }
  });
}

function languageOf(content: string): string {
  if (/^\s*\{/.test(content)) return 'json';
  return /^(?:\$ )?(?:npm|npx|node|covature|sh|sha256sum|ssh|git|COVATURE\w*=)/m.test(content) ? 'sh' : 'text';
}
