/**
 * vitest's own reporter, followed by a summary of the run: every suite that was skipped, with its reason, every failure in a line or two,
 * and, as the last line on stdout, `N passed, N failed, N skipped`. So the end of a log is enough to see what failed. Checks that failed before the tests (COVATURE_FAILED_CHECKS, names
 * joined by commas) and errors outside any test count as failures.
 *
 * COVATURE_TEST_OUTCOME names a file to write the outcome to. COVATURE_EARLIER_OUTCOME names such a file from an earlier run, whose failed files are run again:
 * their new outcome replaces the earlier one (scripts/test.ts).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import type { SerializedError } from 'vitest';
import { DefaultReporter } from 'vitest/node';
import type { TestModule, TestRunEndReason, TestSuite, Vitest } from 'vitest/node';
import { reasonIn } from '../test/support/skips.ts';

/** The outcome of the tests of one file. */
interface FileOutcome {
  readonly passed: number;
  readonly skipped: number;
  readonly skips: readonly Skip[];
  readonly failures: readonly Failure[];
}

/** A finished run: its files, relative to the root, and the errors that belong to none of them. */
interface Outcome {
  readonly files: Readonly<Record<string, FileOutcome>>;
  readonly outside: readonly Failure[];
}

/** A test, the set-up of a suite or an error outside any test. */
interface Failure {
  readonly title: string;
  readonly message: string;
}

/** A suite that was skipped for a reason, or a skipped test outside any such suite. */
interface Skip {
  readonly title: string;
  readonly reason: string;
  /** How many tests of it were skipped; 0 if their number depends on what it would test. */
  readonly tests: number;
}

const unknownReason = 'no reason given';
const setupFailed = 'its set-up failed';
const endedEarly = 'its process ended before its tests did';
/** If there are more failures than this, they have one cause, which the first of them show. */
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
    const outcome = outcomeOf(modules, errors);
    const record = process.env['COVATURE_TEST_OUTCOME'];
    if (record !== undefined) writeFileSync(record, JSON.stringify(outcome));
    const earlier = process.env['COVATURE_EARLIER_OUTCOME'];
    const first = earlier === undefined ? undefined : (JSON.parse(readFileSync(earlier, 'utf8')) as Outcome);
    // With `-t` all that does not match is skipped, for no reason of its own.
    const filtered = this.#vitest?.config.testNamePattern !== undefined;
    const failedChecks = (process.env['COVATURE_FAILED_CHECKS'] ?? '').split(',').filter((name) => name !== '');
    const lines = closingLines(outcome, { first, failedChecks, showsUnexplained: !filtered });
    for (const line of lines) this.#vitest?.logger.log(line);
  }
}

function outcomeOf(modules: readonly TestModule[], errors: readonly SerializedError[]): Outcome {
  const files = Object.fromEntries(modules.map((module) => [module.relativeModuleId, fileOutcome(module)]));
  const hasEndedEarly = Object.values(files).some(({ failures }) =>
    failures.some(({ message }) => message === endedEarly),
  );
  const outside = errors
    // If the process of a file ended, this is reported with the file.
    .filter(({ message }) => !(hasEndedEarly && message.startsWith('[vitest-pool]')))
    .map((error) => ({ title: 'outside any test', message: messageOf([error]) }));
  return { files, outside };
}

/** Counts the tests of a file. One that could not be loaded, or whose hooks failed or whose process ended early, counts as one failure. */
function fileOutcome(module: TestModule): FileOutcome {
  let passed = 0;
  let isCutShort = false;
  const skips: Skip[] = [];
  const failures: Failure[] = [];
  const fail = (path: readonly string[], errors: readonly SerializedError[]): void => {
    failures.push({ title: [module.relativeModuleId, ...path].join(' > '), message: messageOf(errors) });
  };
  const count = (at: TestModule | TestSuite, path: readonly string[]): number => {
    let skipped = 0;
    for (const child of at.children) {
      const titles = [...path, child.name];
      if (child.type === 'suite') {
        const reason = reasonIn(child.name) ?? (child.errors().length > 0 ? setupFailed : undefined);
        const listed = skips.length;
        const tests = count(child, titles);
        skipped += tests;
        if (reason !== undefined) {
          // The reason applies to everything in the suite.
          skips.splice(listed);
          skips.push({ title: [...path, withoutReason(child.name, reason)].join(' > '), reason, tests });
        }
        if (child.errors().length > 0) fail(titles, child.errors());
        continue;
      }
      const result = child.result();
      if (result.state === 'passed') passed += 1;
      else if (result.state === 'failed') fail(titles, result.errors);
      else {
        skipped += 1;
        isCutShort ||= result.state === 'pending';
        const note = result.state === 'skipped' ? result.note : undefined;
        skips.push({ title: titles.join(' > '), reason: note ?? unknownReason, tests: 1 });
      }
    }
    return skipped;
  };
  const skipped = count(module, []);
  const isUnexplained = !module.ok() && failures.length === 0;
  if (isCutShort || isUnexplained || module.errors().length > 0) {
    const message = isCutShort ? endedEarly : messageOf(module.errors());
    failures.push({ title: module.relativeModuleId, message });
    const reason = isCutShort ? endedEarly : setupFailed;
    if (skipped > 0) skips.splice(0, Infinity, { title: module.relativeModuleId, reason, tests: skipped });
  }
  return { passed, skipped, skips, failures };
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

interface Closing {
  /** The earlier run, whose failed files this run repeats. */
  readonly first: Outcome | undefined;
  readonly failedChecks: readonly string[];
  /** Whether to list tests that were skipped without a reason. */
  readonly showsUnexplained: boolean;
}

/** The lines that are printed after vitest's own summary; the last one has the totals. */
function closingLines(outcome: Outcome, { first, failedChecks, showsUnexplained }: Closing): string[] {
  const files = Object.values({ ...first?.files, ...outcome.files });
  const total = (of: (file: FileOutcome) => number): number => files.reduce((sum, file) => sum + of(file), 0);
  const failures = [...outcome.outside, ...files.flatMap((file) => file.failures)];
  const skips = files
    .flatMap((file) => file.skips)
    .filter(({ reason }) => showsUnexplained || reason !== unknownReason);
  const mended = Object.entries(outcome.files)
    .filter(([, file]) => file.failures.length === 0)
    .flatMap(([name]) => first?.files[name]?.failures ?? []);
  const lines: string[] = [];
  if (skips.length > 0) lines.push('Skipped:');
  for (const { title, reason, tests } of skips) {
    const number = tests === 0 ? '' : ` (${tests} ${tests === 1 ? 'test' : 'tests'})`;
    lines.push(`  ${title}${number}: ${reason}`);
  }
  if (mended.length > 0) lines.push('Failed at first, passed when its file ran again by itself:', ...shown(mended));
  if (failures.length > 0) lines.push('Failed:', ...shown(failures));
  for (const name of failedChecks) lines.push(`FAILED check: ${name} (its messages are before the tests)`);
  const failed = failures.length + failedChecks.length;
  lines.push(`${total(({ passed }) => passed)} passed, ${failed} failed, ${total(({ skipped }) => skipped)} skipped`);
  return lines;
}

function shown(failures: readonly Failure[]): string[] {
  const lines = failures.slice(0, failuresShown).map(({ title, message }) => `  ${title}: ${message}`);
  const more = failures.length - failuresShown;
  return more > 0 ? [...lines, `  and ${more} more`] : lines;
}
