import { defineConfig } from 'vitest/config';
import LongestFirst from './scripts/test-sequencer.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['./scripts/test-setup.ts'],
    reporters: ['./scripts/test-reporter.ts'],
    sequence: { sequencer: LongestFirst },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Windows and processes of a shared machine answer late at times; a test that fails twice has failed.
    retry: process.env['CI'] === undefined ? 0 : 1,
    pool: 'forks',
    // Two cores on the smallest machine served; native BLAS keeps to one thread a process.
    maxWorkers: 2,
    env: {
      OPENBLAS_NUM_THREADS: '1',
      MKL_NUM_THREADS: '1',
      VECLIB_MAXIMUM_THREADS: '1',
      OMP_NUM_THREADS: '1',
      COVATURE_FORECAST: 'off',
    },
  },
});
