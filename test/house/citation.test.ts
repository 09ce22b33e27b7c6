/** What is said of the version in more than one place. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

test('CITATION.cff names the version of package.json', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string };
  expect(/^version: (.+)$/m.exec(read('CITATION.cff'))?.[1]).toBe(version);
});
