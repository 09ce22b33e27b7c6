/** Import cycles, checked on a small tree of its own and on snippets in place of the project's files, by the project's own rule. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ESLint } from 'eslint';
import { afterAll, expect, test } from 'vitest';
import { noCycles } from '../../scripts/lint/no-cycles.js';

const root = mkdtempSync(join(tmpdir(), 'covature-cycles-'));
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});
const files: Record<string, string> = {
  'src/a/one.js': "import { two } from './two.js';\n",
  'src/a/two.js': '// no imports\n',
  'src/b/three.ts': "import { one } from '../a/one.js';\n",
  'src/b/four.svelte': "<script>\n  import type { T } from './three.ts';\n</script>\n",
  'src/b/five.ts': "// import { four } from './four.svelte';\n/* import './four.svelte'; */\n",
};
for (const [path, text] of Object.entries(files)) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
const eslint = new ESLint({
  cwd: root,
  overrideConfigFile: true,
  overrideConfig: [
    { files: ['**/*.ts', '**/*.js'], plugins: { covature: { rules: { 'no-cycles': noCycles } } } },
    { files: ['**/*.ts', '**/*.js'], rules: { 'covature/no-cycles': ['error', { root }] } },
  ],
});

test.each([
  ['src/b/three.ts', "import './four.svelte';", 'b/three.ts -> b/four.svelte -> b/three.ts'],
  ['src/b/three.ts', "export * from './four.svelte';", 'b/three.ts -> b/four.svelte -> b/three.ts'],
  ['src/b/three.ts', "const four = await import('./four.svelte');", 'b/three.ts -> b/four.svelte -> b/three.ts'],
  ['src/a/self.ts', "import './self.ts';", 'a/self.ts -> a/self.ts'],
])('in %s, %s closes a cycle', async (path, code, cycle) => {
  const [result] = await eslint.lintText(code, { filePath: join(root, path) });
  expect(result?.messages.map(({ message }) => message)).toEqual([`this import closes a cycle: ${cycle}`]);
});

test.each([
  ['src/b/four.ts', "import './three.ts';"],
  ['src/b/three.ts', "import './five.ts';"],
  ['test/x.ts', "import './x.ts';"],
])('in %s, %s is none', async (path, code) => {
  const [result] = await eslint.lintText(code, { filePath: join(root, path) });
  expect(result?.messages).toEqual([]);
});
