/** `covature run` under SIGKILL, a few times; `node scripts/kill-runs.ts` does it 200 times. */
import { expect, test } from 'vitest';
import { killRuns } from '../../../scripts/kill-runs.ts';

test('killed at random moments, a run loses nothing that was stored and resumes to the identical end', async () => {
  const report = await killRuns({ kills: 4, seed: 11, blas: 'wasm' });
  expect(report.problems).toEqual([]);
  expect(report.kills).toBe(4);
  expect(report.identical).toBe(report.runs);
  expect(report.runs).toBeGreaterThan(0);
}, 600_000);
