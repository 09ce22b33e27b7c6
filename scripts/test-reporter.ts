/**
 * vitest's own reporter, and after it what closes a run of this project's tests: every suite that was skipped, with its reason, and the
 * line `N passed, N failed, N skipped`, which is the last on stdout. Checks that failed before the tests (COVATURE_FAILED_CHECKS, names
 * joined by commas) and errors outside any test count as failures.
 */
import type { SerializedError } from 'vitest';
import { DefaultReporter } from 'vitest/node';
import type { TestModule, TestRunEndReason, TestSuite, Vitest } from 'vitest/node';
import { reasonIn } from '../test/support/skips.ts';

export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly skips: readonly Skip[];
}

/** A suite that was skipped for a reason, or a skipped test outside any such suite. */
export interface Skip {
  readonly title: string;
  readonly reason: string;
  /** The skipped tests in it; 0 where what it would test decides how many there are. */
  readonly tests: number;
}

const unknownReason = 'no reason given';

export default class ClosingReporter extends DefaultReporter {
  #vitest: Vitest | undefined;

  override onInit(vitest: Vitest): void {
    super.onInit(vitest);
    this.#vitest = vitest;
  }

  override onTestRunEnd(
    modules: readonly TestModule[],
    errors: readonly SerializedError[],
    reason: TestRunEndReason,
  ): void {
    super.onTestRunEnd(modules, errors, reason);
    const failedChecks = (process.env['COVATURE_FAILED_CHECKS'] ?? '').split(',').filter((name) => name !== '');
    const outcome = summarise(modules, errors.length);
    // With `-t` all that does not match is skipped, for no reason of its own.
    const filtered = this.#vitest?.config.testNamePattern !== undefined;
    const skips = filtered ? outcome.skips.filter(({ reason }) => reason !== unknownReason) : outcome.skips;
    for (const line of closingLines({ ...outcome, skips }, failedChecks)) this.#vitest?.logger.log(line);
  }
}

/** Counts a finished run. A module that could not be loaded or whose hooks failed counts as one failure, as does each of `errors`. */
export function summarise(modules: readonly TestModule[], errors: number): Outcome {
  let [passed, failed, skipped] = [0, errors, 0];
  const skips: Skip[] = [];
  const count = (at: TestModule | TestSuite, path: readonly string[]): number => {
    let skippedHere = 0;
    for (const child of at.children) {
      const titles = [...path, child.name];
      if (child.type === 'suite') {
        const reason = reasonIn(child.name);
        const listed = skips.length;
        const tests = count(child, titles);
        skippedHere += tests;
        if (reason !== undefined) {
          // The reason speaks for all that it contains.
          skips.splice(listed);
          skips.push({ title: [...path, withoutReason(child.name, reason)].join(' > '), reason, tests });
        }
        continue;
      }
      const result = child.result();
      if (result.state === 'passed') passed += 1;
      else if (result.state === 'failed') failed += 1;
      else {
        skippedHere += 1;
        const note = result.state === 'skipped' ? result.note : undefined;
        skips.push({ title: titles.join(' > '), reason: note ?? unknownReason, tests: 1 });
      }
    }
    return skippedHere;
  };
  for (const module of modules) {
    const before = failed;
    skipped += count(module, []);
    if (failed === before && !module.ok()) failed += 1;
  }
  return { passed, failed, skipped, skips };
}

function withoutReason(title: string, reason: string): string {
  return title.replace(` [skipped: ${reason}]`, '');
}

/** What is printed after vitest's own summary; the last line closes the run. */
export function closingLines(outcome: Outcome, failedChecks: readonly string[]): string[] {
  const lines: string[] = [];
  if (outcome.skips.length > 0) {
    lines.push('Skipped:');
    for (const { title, reason, tests } of outcome.skips) {
      const number = tests === 0 ? '' : ` (${tests} ${tests === 1 ? 'test' : 'tests'})`;
      lines.push(`  ${title}${number}: ${reason}`);
    }
  }
  for (const name of failedChecks) lines.push(`FAILED check: ${name} (its messages stand before the tests)`);
  lines.push(`${outcome.passed} passed, ${outcome.failed + failedChecks.length} failed, ${outcome.skipped} skipped`);
  return lines;
}
