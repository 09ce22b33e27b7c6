/** Phrases that read as translated or archaic stay out of sources: each has a plain word in its place. */
import { readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { globSync } from 'node:fs';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const endings = new Set(['.ts', '.svelte', '.mjs', '.js', '.py']);

/** What is looked for, and what to write instead. */
const phrases: readonly (readonly [phrase: RegExp, instead: string])[] = [
  [/\b(?:held|holds|hold|holding) (?:\S+ ){0,6}against\b/, 'compare with'],
  [/\banew\b(?!\.)/, 'again'],
  [/\bin vain\b/, 'without success'],
  [/\bmend(?:s|ed|ing)? what\b/, 'repair'],
  [/\bsent home\b/, 'dismissed'],
  [/\bis none of this program\b/, 'does not come from this program'],
  [/\bwhere but one\b/, 'if only one'],
  [/\b(?:lest|save that|whereof|thereof|whereupon)\b/, 'so that not, except that, of which'],
  [/[.*] Answers (?:the|its|their|how|whether|undefined|null|false)\b/, 'returns'],
];

const files = ['src', 'scripts', 'resources/python'].flatMap((folder) =>
  globSync(`${folder}/**/*`, { cwd: root }).filter((file) => endings.has(extname(file))),
);

test.each(phrases)('%s is written otherwise: %s', (phrase) => {
  const found = files.flatMap((file) =>
    readFileSync(join(root, file), 'utf8')
      .split('\n')
      .flatMap((line, i) => (phrase.test(line) ? [`${file}:${i + 1} ${line.trim()}`] : [])),
  );
  expect(found).toEqual([]);
});

test('reads every source', () => {
  expect(files.length).toBeGreaterThan(700);
});
