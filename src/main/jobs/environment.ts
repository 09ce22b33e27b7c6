/**
 * Variables that keep a BLAS library to one thread a call. They must stand in the environment before the library loads: helper threads that it
 * started already go on spinning beside the worker threads.
 */
const names = ['OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS', 'OMP_NUM_THREADS', 'VECLIB_MAXIMUM_THREADS'] as const;

/** Those that the user has not set. */
export function blasThreadVariables(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(names.filter((name) => environment[name] === undefined).map((name) => [name, '1']));
}
