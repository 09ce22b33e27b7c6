import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['./scripts/test-setup.ts'],
    reporters: ['./scripts/test-reporter.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
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
