/**
 * Suites that cannot run on a machine say why. `npm test` prints every reason at its end (scripts/test-reporter.ts reads them off the
 * suite's title), so that nothing is skipped silently.
 */
import { describe } from 'vitest';

const marker = ' [skipped: ';

/** `describe`, or a skipped suite whose title carries the reason. */
export function describeWhere(available: true | string, title: string, body: () => void): void {
  if (available === true) describe(title, body);
  else describe.skip(`${title}${marker}${available}]`, body);
}

/** The reason in a suite's title, or undefined. */
export function reasonIn(title: string): string | undefined {
  const start = title.indexOf(marker);
  return start < 0 ? undefined : title.slice(start + marker.length, title.lastIndexOf(']'));
}
