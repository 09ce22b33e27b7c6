/**
 * vitest's own reporter, and after it what closes a run of this project's tests: every suite that was skipped, with its reason, and the
 * line `N passed, N failed, N skipped`, which is the last on stdout. Checks that failed before the tests (COVATURE_FAILED_CHECKS, names
 * joined by commas) and errors outside any test count as failures.
 */
import type { SerializedError } from 'vitest';
import { DefaultReporter } from 'vitest/node';
import type { TestCase, TestModule, TestRunEndReason, TestSuite, Vitest } from 'vitest/node';
import { reasonIn } from '../test/support/skips.ts';

export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Skipped suites and tests, each once: its title without the reason, the reason, the number of tests in it. */
  readonly skips: readonly Skip[];
}

export interface Skip {
  readonly title: string;
  readonly reason: string;
  readonly tests: number;
}

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
    for (const line of closingLines(summarise(modules, errors.length), failedChecks)) this.#vitest?.logger.log(line);
  }
}

/** Counts a finished run. A module that could not be loaded or whose hooks failed counts as one failure, as does each of `errors`. */
export function summarise(modules: readonly TestModule[], errors: number): Outcome {
  let [passed, failed, skipped] = [0, errors, 0];
  const skips = new Map<string, Skip>();
  for (const module of modules) {
    let failedHere = 0;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'passed') passed += 1;
      else if (state === 'failed') failedHere += 1;
      else {
        skipped += 1;
        const skip = describeSkip(test);
        const key = `${module.moduleId}\0${skip.title}\0${skip.reason}`;
        skips.set(key, { ...skip, tests: (skips.get(key)?.tests ?? 0) + 1 });
      }
    }
    if (failedHere === 0 && !module.ok()) failedHere = 1;
    failed += failedHere;
  }
  return { passed, failed, skipped, skips: [...skips.values()] };
}

/** The outermost suite with a reason in its title; without one, the test itself and the note given to `skip`. */
function describeSkip(test: TestCase): { title: string; reason: string } {
  const ancestors: string[] = [];
  for (let at: TestCase | TestSuite | TestModule = test; at.type !== 'module'; at = at.parent)
    ancestors.unshift(at.name);
  const marked = ancestors.findIndex((title) => reasonIn(title) !== undefined);
  if (marked >= 0) {
    const reason = reasonIn(ancestors[marked] ?? '') ?? '';
    const titles = ancestors.slice(0, marked + 1).map((title) => title.replace(` [skipped: ${reason}]`, ''));
    return { title: titles.join(' > '), reason };
  }
  const result = test.result();
  const note = result.state === 'skipped' ? result.note : undefined;
  const reason = test.options.mode === 'todo' ? 'still to be written' : (note ?? 'no reason given');
  return { title: ancestors.join(' > '), reason };
}

/** What is printed after vitest's own summary; the last line closes the run. */
export function closingLines(outcome: Outcome, failedChecks: readonly string[]): string[] {
  const lines: string[] = [];
  if (outcome.skips.length > 0) {
    lines.push('Skipped:');
    for (const { title, reason, tests } of outcome.skips) {
      lines.push(`  ${title} (${tests} ${tests === 1 ? 'test' : 'tests'}): ${reason}`);
    }
  }
  for (const name of failedChecks) lines.push(`FAILED check: ${name} (its messages stand before the tests)`);
  lines.push(`${outcome.passed} passed, ${outcome.failed + failedChecks.length} failed, ${outcome.skipped} skipped`);
  return lines;
}
