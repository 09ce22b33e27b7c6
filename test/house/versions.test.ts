/** What the documents say of versions, held against the code: the store, every file format, the changelog, the citation. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { bundleVersion } from '../../src/main/bundle/manifest.ts';
import { migrations } from '../../src/main/store/schema.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const { version } = JSON.parse(read('package.json')) as { version: string };
const policy = read('docs/versions.md');

/** Every format that a source writes or reads, with the version beside it. */
function formatsInCode(): Map<string, string> {
  const sources = readdirSync(new URL('../../src/', import.meta.url), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `src/${name}`);
  const found = new Map<string, string>();
  const add = (format: string, stated: string, file: string): void => {
    const number = stated === 'bundleVersion' ? String(bundleVersion) : stated;
    expect(found.get(format) ?? number, `${format}, in ${file} and another file`).toBe(number);
    found.set(format, number);
  };
  for (const file of [...sources, 'resources/python/covature.py']) {
    const text = read(file);
    const keyed =
      /\bformat['"]?\s*:\s*(?:v\.literal\()?['"](covature-[a-z-]+)['"]\)?[,;]\s*(?:readonly )?['"]?version['"]?\s*:\s*(?:v\.literal\()?['"]?(\w+)/g;
    for (const [, format, number] of text.matchAll(keyed)) add(format, number, file);
    for (const [, format, number] of text.matchAll(/['"](covature-[a-z-]+) (\d+)['"]/g)) add(format, number, file);
  }
  return found;
}

describe('the policy of versions', () => {
  test('names every format of files with the version that the code has, and no other', () => {
    const stated = [...policy.matchAll(/^\| `(covature-[a-z-]+)` \| (\d+) \|/gm)].map(([, format, number]) => [
      format,
      number,
    ]);
    expect(Object.fromEntries(stated)).toEqual(Object.fromEntries(formatsInCode()));
    expect(stated.length).toBeGreaterThan(10);
  });

  test('names the current version of the store', () => {
    expect(/current store has version \*\*(\d+)\*\*/.exec(policy)?.[1]).toBe(String(migrations.at(-1)?.version));
  });
});

test('the changelog has a section for the version of package.json, and one for what comes next', () => {
  const sections = [...read('CHANGELOG.md').matchAll(/^## \[([^\]]+)\]/gm)].map(([, name]) => name);
  expect(sections[0]).toBe('Unreleased');
  expect(sections).toContain(version);
});

test('CITATION.cff names the version of package.json', () => {
  expect(/^version: (.+)$/m.exec(read('CITATION.cff'))?.[1]).toBe(version);
});
