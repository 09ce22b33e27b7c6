import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // Two cores on the smallest machine served; native BLAS keeps to one thread a process.
    maxWorkers: 2,
    env: { OPENBLAS_NUM_THREADS: '1' },
  },
});
