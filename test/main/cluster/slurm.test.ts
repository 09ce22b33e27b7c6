/** Sweeps on a real Slurm: what a user is promised, each held against the same runs made directly on this machine. One file, as there is one cluster. */
import { mkdirSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, vi } from 'vitest';
import { describeWhere } from '../../support/skips.ts';
import { kitReason, startKit, until } from './kit.ts';
import { aloneTests } from './scenarios/alone.ts';
import { faultTests } from './scenarios/faults.ts';
import { gridTests } from './scenarios/grid.ts';
import { interruptedTests } from './scenarios/interrupted.ts';
import { submittedTests } from './scenarios/submitted.ts';
import { windowTests } from './scenarios/window.ts';
import { cancelOwn, experiments, folder, tasksOf, written } from './support.ts';

vi.setConfig({ testTimeout: 300_000, maxConcurrency: 8 });

describeWhere(kitReason(), 'sweeps on Slurm', () => {
  beforeAll(() => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    startKit();
    for (const [name, experiment] of Object.entries(experiments)) written(name, experiment);
  });
  afterAll(async () => {
    await cancelOwn();
    await until('tasks to end', () => tasksOf(folder).length === 0, 60);
    rmSync(folder, { recursive: true, force: true });
  });

  // Most of their time they wait for Slurm.
  describe.concurrent('side by side', () => {
    gridTests();
    windowTests();
    interruptedTests();
    faultTests();
    submittedTests();
  });
  describe('one after the other', aloneTests);
});
