/** The direction of imports, checked on snippets that are wrong in one way each, by the project's own ESLint configuration. */
import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
// Without types: the snippets lie in files that do not exist.
const eslint = new ESLint({
  cwd: root,
  overrideConfig: [{ languageOptions: { parserOptions: { projectService: false } } }],
  ruleFilter: ({ ruleId }) => ruleId === 'covature/import-direction' || ruleId === 'no-restricted-globals',
});

async function lint(path: string, code: string): Promise<string[]> {
  const [result] = await eslint.lintText(code, { filePath: path });
  return (result?.messages ?? []).map(({ message }) => message);
}

describe('imports point one way', () => {
  test.each([
    [
      'src/shared/a.ts',
      "import { b } from '../engine/b.ts';",
      'src/shared must not import src/engine: shared -> nothing',
    ],
    ['src/shared/a.ts', "export * from '../main/b.ts';", 'src/shared must not import src/main: shared -> nothing'],
    [
      'src/engine/x/a.ts',
      "import { b } from '../../data/b.ts';",
      'src/engine must not import src/data: engine -> shared',
    ],
    ['src/engine/a.ts', "export { b } from '../main/b.ts';", 'src/engine must not import src/main: engine -> shared'],
    [
      'src/data/a.ts',
      "import type { B } from '../engine/b.ts';",
      'src/data must not import src/engine: data -> shared',
    ],
    ['src/data/a.ts', "const b = await import('../main/b.ts');", 'src/data must not import src/main: data -> shared'],
    [
      'src/main/a.ts',
      "import { b } from '../renderer/b.ts';",
      'src/main must not import src/renderer: main -> data, engine, shared',
    ],
    [
      'src/main/a.ts',
      "import { b } from '../preload/b.ts';",
      'src/main must not import src/preload: main -> data, engine, shared',
    ],
    [
      'src/preload/a.ts',
      "import { b } from '../main/b.ts';",
      'src/preload must not import src/main: preload -> shared',
    ],
    [
      'src/renderer/a.ts',
      "import { b } from '../engine/b.ts';",
      'src/renderer must not import src/engine: renderer -> shared',
    ],
    [
      'src/engine/a.ts',
      "new Worker(new URL('../main/b.ts', import.meta.url));",
      'src/engine must not import src/main: engine -> shared',
    ],
    [
      'src/renderer/a.ts',
      "import { readFileSync } from 'node:fs';",
      'src/renderer has no Node: it must not import node:fs',
    ],
    ['src/shared/a.ts', "import { join } from 'path';", 'src/shared has no Node: it must not import path'],
    [
      'src/engine/a.ts',
      "import Database from 'better-sqlite3';",
      'src/engine must not import the package better-sqlite3',
    ],
    ['src/shared/a.ts', 'process.exit();', "Unexpected use of 'process'. src/shared has no Node and no DOM"],
    [
      'src/main/a.ts',
      "import { b } from '../b.ts';",
      '../b.ts lies in no layer of src/: imports between layers go to shared, engine, data, main, preload, renderer',
    ],
  ])('%s: %s', async (path, code, message) => {
    expect(await lint(path, code)).toEqual([message]);
  });

  test.each([
    [
      'src/main/a.ts',
      "import { b } from '../engine/b.ts'; import { c } from '../data/c.ts'; import { d } from '../shared/d.ts';",
    ],
    [
      'src/main/x/a.ts',
      "import { b } from '../y/b.ts'; import Database from 'better-sqlite3'; import { join } from 'node:path';",
    ],
    ['src/engine/a.ts', "import { b } from '../shared/b.ts'; new Worker(new URL('./b.ts', import.meta.url));"],
    ['src/renderer/a.ts', "import { b } from '../shared/b.ts'; import * as v from 'valibot';"],
    ['src/shared/a.ts', "import * as v from 'valibot'; import { b } from './b.ts';"],
    ['src/main/a.ts', "import manifest from '../../package.json' with { type: 'json' };"],
    ['test/engine/a.test.ts', "import { b } from '../../src/engine/b.ts'; import { c } from '../../src/main/c.ts';"],
    ['scripts/a.ts', "import { c } from '../src/main/c.ts';"],
  ])('%s may: %s', async (path, code) => {
    expect(await lint(path, code)).toEqual([]);
  });
});

describe('promises and any', () => {
  // With types, which need a file of the project: its text is replaced in memory.
  const typed = new ESLint({ cwd: root });

  test.each([
    ['no-floating-promises', 'async function f(): Promise<void> {}\nexport function g(): void {\n  f();\n}\n'],
    [
      'no-misused-promises',
      'export function g(list: number[]): void {\n  list.forEach(async () => {\n    await Promise.resolve();\n  });\n}\n',
    ],
    ['no-explicit-any', 'export const x: any = 1;\n'],
    ['no-unsafe-argument', "export const f = (x: number): number => x;\nf(JSON.parse('1'));\n"],
  ])('%s is an error', async (rule, code) => {
    const [result] = await typed.lintText(code, { filePath: 'src/shared/errors.ts' });
    expect(result?.messages.map(({ ruleId, severity }) => ({ ruleId, severity }))).toEqual([
      { ruleId: `@typescript-eslint/${rule}`, severity: 2 },
    ]);
  });
});
