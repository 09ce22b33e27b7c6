/** What the main side offers to windows is asked for by them: a method without a caller is dead code that no checker of exports sees. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { methods } from '../../src/shared/contract/index.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('every method of the contract is called by a window', () => {
  const callers = globSync('src/{renderer,preload}/**/*.{ts,svelte}', { cwd: root })
    .map((file) => readFileSync(join(root, file), 'utf8'))
    .join('\n');
  expect(callers.length).toBeGreaterThan(100_000);
  // The run's page and the selection call these by a variable: `runs.${action}`.
  expect(callers).toContain('`runs.${action}`');
  const byVariable = ['pause', 'resume', 'cancel', 'retry'].map((action) => `runs.${action}`);
  const isCalled = (name: string): boolean => callers.includes(`'${name}'`) || byVariable.includes(name);
  expect(methods.filter((name) => !isCalled(name))).toEqual([]);
});
