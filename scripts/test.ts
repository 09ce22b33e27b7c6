/**
 * `npm test`: the checks, then the tests. In continuous integration, whose machine is shared, files that failed while others ran are run again, one
 * at a time; files that pass then are listed at the end as having failed at first.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runChecks } from './check.ts';
import { checkout, endLike, runThrough } from './launch/run.mjs';
import { say } from './launch/say.mjs';
import { readJson } from './launch/stamp.mjs';

/** If more files than this have failed, the reason is one that a second run would meet again. */
const mostRepeated = 12;

/**
 * Runs the tests of the folder `root`; with arguments (`npm test -- test/engine`) only those that they select, and no checks. Returns the exit status.
 */
export async function test(root: string, args: readonly string[], env = process.env): Promise<number> {
  const failedChecks = args.length === 0 ? await runChecks(root) : [];
  const folder = mkdtempSync(join(tmpdir(), 'covature-tests-'));
  const vitest = async (options: readonly string[], more: Record<string, string>): Promise<number> => {
    const { status, signal } = await runThrough(
      process.execPath,
      [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...options],
      { cwd: root, env: { ...env, COVATURE_FAILED_CHECKS: failedChecks.join(','), ...more } },
    );
    if (signal !== null) endLike(status, signal);
    return status === 0 && failedChecks.length > 0 ? 1 : (status ?? 1);
  };
  try {
    const record = join(folder, 'outcome.json');
    const status = await vitest(args, { COVATURE_TEST_OUTCOME: record });
    const isRepeated = status !== 0 && args.length === 0 && env['CI'] !== undefined;
    const files = isRepeated ? filesToRepeat(readJson(record) as Outcome | undefined) : [];
    if (files.length === 0) return status;
    say(`failed: ${files.join(', ')}. A test may have waited too long while others ran: run again, one file at a time`);
    return await vitest([...files, '--maxWorkers=1'], { COVATURE_EARLIER_OUTCOME: record });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What scripts/test-reporter.ts writes. */
interface Outcome {
  readonly files: Readonly<Record<string, { readonly failures: readonly unknown[] }>>;
  readonly outside: readonly unknown[];
}

/** The files with failures; none if there are too many, or if something failed that belongs to no file. */
function filesToRepeat(outcome: Outcome | undefined): string[] {
  if (outcome === undefined || outcome.outside.length > 0) return [];
  const files = Object.keys(outcome.files).filter((name) => outcome.files[name].failures.length > 0);
  return files.length > mostRepeated ? [] : files;
}

if (import.meta.main) process.exitCode = await test(checkout, process.argv.slice(2));
