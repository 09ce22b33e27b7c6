/** The end of `npm test`: run on a fixture that has every outcome, as a process of its own. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
let status: number | null;
let lines: string[];

async function runFixture(files: string[], more: NodeJS.ProcessEnv = {}): Promise<void> {
  const { VITEST, VITEST_MODE, VITEST_POOL_ID, VITEST_WORKER_ID, TEST, NODE_ENV, ...env } = process.env;
  void [VITEST, VITEST_MODE, VITEST_POOL_ID, VITEST_WORKER_ID, TEST, NODE_ENV];
  const config = fileURLToPath(new URL('fixture/vitest.config.ts', import.meta.url));
  const child = spawn(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', '--config', config, ...files], {
    cwd: root,
    env: { ...env, NO_COLOR: '1', COVATURE_FAILED_CHECKS: '', ...more },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (stdout += text));
  status = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  lines = stdout.trimEnd().split('\n');
}

beforeAll(() => runFixture([], { COVATURE_FAILED_CHECKS: 'lint,format', COVATURE_FIXTURE_CRASH: '1' }));

test('the last line counts all: tests, a module that cannot be loaded, a set-up that fails, a process that ends early, and the checks that failed before', () => {
  expect(lines.at(-1)).toBe('2 passed, 7 failed, 12 skipped');
  expect(status).not.toBe(0);
});

test('each skipped suite stands once with its reason, also one that has no tests without its data; each failure follows, in a line', () => {
  const start = lines.indexOf('Skipped:');
  expect(lines.slice(start + 1, -1).sort()).toEqual(
    [
      '  crash.case.ts (2 tests): its process ended before its tests did',
      '  hook.case.ts (3 tests): its set-up failed',
      '  outer > on a full moon (4 tests): the moon is not full [or is it]',
      '  each file of no data: there is no data',
      '  skips itself (1 test): no wind today',
      '  a suite whose set-up fails (2 tests): its set-up failed',
      'Failed:',
      '  crash.case.ts: its process ended before its tests did',
      '  broken.case.ts: this module cannot be loaded',
      '  hook.case.ts: the device is away',
      '  outcomes.case.ts > fails: expected 1 to be 2 // Object.is equality',
      '  setup.case.ts > a suite whose set-up fails: the device does not open',
      'FAILED check: lint (its messages are before the tests)',
      'FAILED check: format (its messages are before the tests)',
    ].sort(),
  );
});

test('a run without failures says so', async () => {
  await runFixture(['outcomes', '-t', 'passes']);
  expect(lines.at(-1)).toMatch(/^2 passed, 0 failed, \d+ skipped$/);
  expect(lines.some((line) => line.includes('no reason given'))).toBe(false);
  expect(status).toBe(0);
});

test('files that run again take the place of their first outcome, and are named', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'covature-outcome-'));
  try {
    const first = join(folder, 'first.json');
    await runFixture(['crash', 'hook', 'outcomes'], { COVATURE_FIXTURE_CRASH: '1', COVATURE_TEST_OUTCOME: first });
    expect(lines.at(-1)).toBe('2 passed, 3 failed, 10 skipped');
    await runFixture(['crash', 'hook'], { COVATURE_EARLIER_OUTCOME: first });
    expect(lines.slice(lines.indexOf('Failed at first, passed when its file ran again by itself:'))).toEqual([
      'Failed at first, passed when its file ran again by itself:',
      '  crash.case.ts: its process ended before its tests did',
      'Failed:',
      '  hook.case.ts: the device is away',
      '  outcomes.case.ts > fails: expected 1 to be 2 // Object.is equality',
      '4 passed, 2 failed, 8 skipped',
    ]);
    expect(status).not.toBe(0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
