/** The bootstrap of one set of directions (resample.ts) in a worker thread. */
import { defineTask, type TaskContext } from '../parallel/task.ts';
import { replicateSet, type SetArgument, type SetReplicates } from './resample.ts';
import { blasProducts } from './row-products.ts';

export const replicateTask = defineTask('replicate', ({ blas }: TaskContext, set: SetArgument): SetReplicates => {
  return replicateSet(set, blasProducts(blas));
});
