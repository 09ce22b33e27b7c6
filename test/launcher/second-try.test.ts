/** `npm test` on a continuous integration: files that failed are run once more, by themselves. The programs that it runs are stand-ins that record their arguments. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { test as runTests } from '../../scripts/test.ts';

const root = mkdtempSync(join(tmpdir(), 'covature täst '));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const checks = [
  'node_modules/typescript/bin/tsc',
  'node_modules/svelte-check/bin/svelte-check',
  'node_modules/knip/bin/knip.js',
  'node_modules/eslint/bin/eslint.js',
  'node_modules/prettier/bin/prettier.cjs',
];

/** Writes what a run came to (outcomes[0], then outcomes[1]), and ends with its status. */
const runner = `
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
const calls = existsSync('calls.jsonl') ? readFileSync('calls.jsonl', 'utf8').trim().split('\\n').length : 0;
appendFileSync('calls.jsonl', JSON.stringify({ args: process.argv.slice(2), earlier: process.env.COVATURE_EARLIER_OUTCOME !== undefined }) + '\\n');
const { outcome, status } = JSON.parse(readFileSync('outcomes.json', 'utf8'))[calls];
if (process.env.COVATURE_TEST_OUTCOME) writeFileSync(process.env.COVATURE_TEST_OUTCOME, JSON.stringify(outcome));
process.exit(status);
`;

beforeEach(() => {
  rmSync(join(root, 'calls.jsonl'), { force: true });
  for (const [file, text] of [
    ...checks.map((name) => [name, '']),
    ['node_modules/vitest/vitest.mjs', runner],
  ] as const) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
});

const fails = { failures: [{ title: 'waits', message: 'too long' }] };
const passes = { failures: [] };
const oneFails = { files: { 'test/a.test.ts': passes, 'test/b.test.ts': fails }, outside: [] };

interface Row {
  readonly outcomes: readonly { readonly outcome: object; readonly status: number }[];
  readonly ci?: boolean;
  readonly args?: string[];
  readonly status: number;
  readonly calls: readonly { readonly args: string[]; readonly earlier: boolean }[];
}
const whole = { args: ['run'], earlier: false };
const again = { args: ['run', 'test/b.test.ts', '--maxWorkers=1'], earlier: true };

const rows: Record<string, Row> = {
  'all pass': { outcomes: [{ outcome: { files: {}, outside: [] }, status: 0 }], status: 0, calls: [whole] },
  'a file fails and passes by itself': {
    outcomes: [
      { outcome: oneFails, status: 1 },
      { outcome: {}, status: 0 },
    ],
    status: 0,
    calls: [whole, again],
  },
  'a file fails twice': {
    outcomes: [
      { outcome: oneFails, status: 1 },
      { outcome: {}, status: 1 },
    ],
    status: 1,
    calls: [whole, again],
  },
  'a file fails elsewhere than on a continuous integration': {
    outcomes: [{ outcome: oneFails, status: 1 }],
    ci: false,
    status: 1,
    calls: [whole],
  },
  'a chosen file fails': {
    outcomes: [{ outcome: oneFails, status: 1 }],
    args: ['test/b.test.ts'],
    status: 1,
    calls: [{ args: ['run', 'test/b.test.ts'], earlier: false }],
  },
  'what failed belongs to no file': {
    outcomes: [{ outcome: { ...oneFails, outside: [{}] }, status: 1 }],
    status: 1,
    calls: [whole],
  },
  'too many files fail': {
    outcomes: [
      {
        outcome: {
          files: Object.fromEntries(Array.from({ length: 13 }, (_, i) => [`test/${i}.test.ts`, fails])),
          outside: [],
        },
        status: 1,
      },
    ],
    status: 1,
    calls: [whole],
  },
};

test.each(Object.entries(rows))('%s', async (_name, { outcomes, ci = true, args = [], status, calls }) => {
  writeFileSync(join(root, 'outcomes.json'), JSON.stringify(outcomes));
  const { CI, ...env } = process.env;
  void CI;
  expect(await runTests(root, args, ci ? { ...env, CI: 'true' } : env)).toBe(status);
  const recorded = readFileSync(join(root, 'calls.jsonl'), 'utf8').trim().split('\n');
  expect(recorded.map((line) => JSON.parse(line) as unknown)).toEqual(calls);
});
