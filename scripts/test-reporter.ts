/**
 * vitest's own reporter, and after it what closes a run of this project's tests: every suite that was skipped, with its reason, every failure in a line or two,
 * and the line `N passed, N failed, N skipped`, which is the last on stdout: who sees only the end of a log sees what failed. Checks that failed before the tests (COVATURE_FAILED_CHECKS, names
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
  readonly failures: readonly Failure[];
}

/** A test, the set-up of a suite or an error outside any test. */
export interface Failure {
  readonly title: string;
  readonly message: string;
}

/** A suite that was skipped for a reason, or a skipped test outside any such suite. */
export interface Skip {
  readonly title: string;
  readonly reason: string;
  /** The skipped tests in it; 0 where what it would test decides how many there are. */
  readonly tests: number;
}

const unknownReason = 'no reason given';
const setupFailed = 'its set-up failed';
/** More than this many failures have one cause, which the first of them tell. */
const failuresShown = 30;

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
    const outcome = summarise(modules, errors);
    // With `-t` all that does not match is skipped, for no reason of its own.
    const filtered = this.#vitest?.config.testNamePattern !== undefined;
    const skips = filtered ? outcome.skips.filter(({ reason }) => reason !== unknownReason) : outcome.skips;
    for (const line of closingLines({ ...outcome, skips }, failedChecks)) this.#vitest?.logger.log(line);
  }
}

/** Counts a finished run. A module that could not be loaded or whose hooks failed counts as one failure, as does each of `outside`: errors of no test. */
export function summarise(modules: readonly TestModule[], outside: readonly SerializedError[]): Outcome {
  let [passed, skipped] = [0, 0];
  const skips: Skip[] = [];
  const failures: Failure[] = outside.map((error) => ({ title: 'outside any test', message: messageOf([error]) }));
  const count = (at: TestModule | TestSuite, path: readonly string[]): number => {
    let skippedHere = 0;
    for (const child of at.children) {
      const titles = [...path, child.name];
      if (child.type === 'suite') {
        const reason = reasonIn(child.name) ?? (child.errors().length > 0 ? setupFailed : undefined);
        const listed = skips.length;
        const tests = count(child, titles);
        skippedHere += tests;
        if (reason !== undefined) {
          // The reason speaks for all that it contains.
          skips.splice(listed);
          skips.push({ title: [...path, withoutReason(child.name, reason)].join(' > '), reason, tests });
        }
        if (child.errors().length > 0) failures.push({ title: titles.join(' > '), message: messageOf(child.errors()) });
        continue;
      }
      const result = child.result();
      if (result.state === 'passed') passed += 1;
      else if (result.state === 'failed')
        failures.push({ title: titles.join(' > '), message: messageOf(result.errors) });
      else {
        skippedHere += 1;
        const note = result.state === 'skipped' ? result.note : undefined;
        skips.push({ title: titles.join(' > '), reason: note ?? unknownReason, tests: 1 });
      }
    }
    return skippedHere;
  };
  for (const module of modules) {
    const [failed, listed] = [failures.length, skips.length];
    const skippedHere = count(module, []);
    skipped += skippedHere;
    if (module.ok()) continue;
    for (const [at, failure] of failures.entries())
      if (at >= failed) failures[at] = { ...failure, title: `${module.relativeModuleId} > ${failure.title}` };
    if (module.errors().length === 0 && failures.length > failed) continue;
    failures.push({ title: module.relativeModuleId, message: messageOf(module.errors()) });
    if (skippedHere > 0)
      skips.splice(listed, Infinity, { title: module.relativeModuleId, reason: setupFailed, tests: skippedHere });
  }
  return { passed, failed: failures.length, skipped, skips, failures };
}

/** The first lines of the first error. */
function messageOf(errors: readonly SerializedError[]): string {
  const text = errors[0]?.message ?? 'it did not end';
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.slice(0, 2).join(' ').slice(0, 300);
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
  if (outcome.failures.length > 0) lines.push('Failed:');
  for (const { title, message } of outcome.failures.slice(0, failuresShown)) lines.push(`  ${title}: ${message}`);
  const more = outcome.failures.length - failuresShown;
  if (more > 0) lines.push(`  and ${more} more`);
  for (const name of failedChecks) lines.push(`FAILED check: ${name} (its messages stand before the tests)`);
  lines.push(`${outcome.passed} passed, ${outcome.failed + failedChecks.length} failed, ${outcome.skipped} skipped`);
  return lines;
}
