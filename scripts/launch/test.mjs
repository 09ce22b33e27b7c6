/**
 * `npm test`: the checks, then the tests. In continuous integration, whose machine is shared, files that failed while others ran are run again, one
 * at a time; files that pass then are listed at the end as having failed at first.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runChecks } from './check.mjs';
import { endLike, runThrough } from './run.mjs';
import { say } from './say.mjs';
import { readJson } from './stamp.mjs';

/** If more files than this have failed, the reason is one that a second run would meet again. */
const mostRepeated = 12;

/**
 * With arguments (`npm test -- test/engine`) only the tests that they select. Returns the exit status.
 * @param {string} root @param {string} node @param {NodeJS.ProcessEnv} env @param {string[]} rest
 */
export async function test(root, node, env, rest) {
  const failedChecks = rest.length === 0 ? await runChecks(root, node, env) : [];
  const folder = mkdtempSync(join(tmpdir(), 'covature-tests-'));
  try {
    const record = join(folder, 'outcome.json');
    const status = await vitest(root, node, env, rest, {
      COVATURE_FAILED_CHECKS: failedChecks.join(','),
      COVATURE_TEST_OUTCOME: record,
    });
    if (status === 0) return failedChecks.length === 0 ? 0 : 1;
    const files = rest.length > 0 || env['CI'] === undefined ? [] : filesToRepeat(readJson(record));
    if (files.length === 0) return status;
    say(`failed: ${files.join(', ')}. A test may have waited too long while others ran: run again, one file at a time`);
    const again = await vitest(root, node, env, [...files, '--maxWorkers=1'], {
      COVATURE_FAILED_CHECKS: failedChecks.join(','),
      COVATURE_EARLIER_OUTCOME: record,
    });
    return again !== 0 ? again : failedChecks.length === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The files with failures; none if there are too many, or if something failed that belongs to no file.
 * @param {{ files: Record<string, { failures: unknown[] }>, outside: unknown[] } | undefined} outcome
 */
function filesToRepeat(outcome) {
  if (outcome === undefined || outcome.outside.length > 0) return [];
  const files = Object.keys(outcome.files).filter((name) => outcome.files[name]?.failures.length !== 0);
  return files.length > mostRepeated ? [] : files;
}

/**
 * @param {string} root @param {string} node @param {NodeJS.ProcessEnv} env @param {string[]} args @param {Record<string, string>} more
 * @returns {Promise<number>}
 */
async function vitest(root, node, env, args, more) {
  const { status, signal } = await runThrough(node, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...args], {
    cwd: root,
    env: { ...env, ...more },
  });
  if (signal !== null) endLike(status, signal);
  return status ?? 1;
}
