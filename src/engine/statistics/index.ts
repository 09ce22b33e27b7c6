/** Statistics of diagonals: fits, intervals, claims. Pure functions over arrays; nothing here reads a file or measures anything. */
export * from '../../shared/cutoffs.ts';
export * from '../../shared/cross-fitted.ts';
export * from '../../shared/fits.ts';
export { theilSen } from '../../shared/theil-sen.ts';
export * from './clusters.ts';
export * from './directions.ts';
export * from './blocks.ts';
export * from './bootstrap.ts';
export * from './intervals.ts';
export * from './floor.ts';
export * from './minibatch.ts';
export * from './standard-errors.ts';
export { judgeConvergence } from '../../shared/convergence.ts';
