/** The table of tasks that worker threads run. Each is a function of the context and one structured-cloneable argument. */
import type { Blas } from '../blas/types.ts';
import { blockProjectionsTask } from '../curvature/block-projections.ts';
import {
  commutatorTask,
  eighTask,
  innerProductsTask,
  productTask,
  quadraticFormsTask,
  rowsProductTask,
} from '../curvature/dense-tasks.ts';
import { assumptionFactorsTask, gaussNewtonFormsTask } from '../curvature/assumptions/factors.ts';
import { spanFormsTask } from '../curvature/assumptions/span.ts';
import { dualDirectionsTask } from '../curvature/duality/directions.ts';
import { dualOutputsTask } from '../curvature/duality/outputs.ts';
import { dualPairsTask } from '../curvature/duality/pairs.ts';
import { dualFactorsTask } from '../curvature/duality/sums.ts';
import { factorsTask, openProblem } from '../curvature/factors.ts';
import type { Problem } from '../curvature/factors.ts';
import { batchGradientsTask } from '../curvature/minibatch/tasks.ts';
import { closeProjected, openProjected } from '../curvature/projected/linearised.ts';
import type { ProjectedState } from '../curvature/projected/linearised.ts';
import {
  basisCombineTask,
  basisProjectTask,
  basisSubtractTask,
  gradientsTask,
  hessianProductTask,
  projectionsTask,
  secondMomentTask,
} from '../curvature/projected/tasks.ts';
import { leadingValuesTask, rotationsTask } from '../curvature/rotations.ts';
import { nullFactorsTask, nullRatioTask } from '../curvature/structured-nulls.ts';
import { unpackTask } from '../curvature/unpack.ts';
import { replicateSet, type SetArgument, type SetReplicates } from '../statistics/resample.ts';
import { blasProducts } from '../statistics/row-products.ts';

export interface TaskContext {
  readonly blas: Blas;
  /** The network and data under measurement, once `openProblem` ran. */
  problem: Problem | null;
  /** What the projected method keeps, once `openProjected` ran. */
  projected?: ProjectedState;
}

/** One set of directions under the bootstrap (statistics/resample.ts). */
function replicateTask({ blas }: TaskContext, set: SetArgument): SetReplicates {
  return replicateSet(set, blasProducts(blas));
}

const tasks = {
  openProblem,
  factors: factorsTask,
  product: productTask,
  unpack: unpackTask,
  eigh: eighTask,
  quadraticForms: quadraticFormsTask,
  rowsProduct: rowsProductTask,
  commutator: commutatorTask,
  innerProducts: innerProductsTask,
  leadingValues: leadingValuesTask,
  rotations: rotationsTask,
  nullFactors: nullFactorsTask,
  nullRatio: nullRatioTask,
  blockProjections: blockProjectionsTask,
  replicate: replicateTask,
  dualOutputs: dualOutputsTask,
  dualFactors: dualFactorsTask,
  dualDirections: dualDirectionsTask,
  dualPairs: dualPairsTask,
  assumptionFactors: assumptionFactorsTask,
  gaussNewtonForms: gaussNewtonFormsTask,
  spanForms: spanFormsTask,
  openProjected,
  closeProjected,
  gradients: gradientsTask,
  hessianProduct: hessianProductTask,
  projections: projectionsTask,
  secondMoment: secondMomentTask,
  basisProject: basisProjectTask,
  basisSubtract: basisSubtractTask,
  basisCombine: basisCombineTask,
  batchGradients: batchGradientsTask,
} as const;

export type TaskName = keyof typeof tasks;
export type TaskArguments<N extends TaskName> = Parameters<(typeof tasks)[N]>[1];
export type TaskResult<N extends TaskName> = ReturnType<(typeof tasks)[N]>;

export function runTask(context: TaskContext, name: TaskName, argument: unknown): unknown {
  const task = tasks[name] as (context: TaskContext, argument: unknown) => unknown;
  return task(context, argument);
}
