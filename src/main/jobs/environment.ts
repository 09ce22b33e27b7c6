/**
 * Variables that keep a BLAS library to one thread a call, whatever the user's shell or a scheduler has set: results must not depend on it, and the one call
 * that uses several (`decompose`) raises the number itself. They must stand in the environment before the library loads: helper threads that it started
 * already go on spinning beside the worker threads.
 */
const names = ['OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS', 'OMP_NUM_THREADS', 'VECLIB_MAXIMUM_THREADS'] as const;

export function blasThreadVariables(): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, '1']));
}
