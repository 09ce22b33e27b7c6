/** The table of all tasks, imported only by worker threads: everything else imports just the task that it runs. */
import type { Task, TaskContext } from './task.ts';
import { assumptionFactorsTask, gaussNewtonFormsTask } from '../curvature/assumptions/factors.ts';
import { rowSquaresTask, squareNormTask, squaredSpectrumTask } from '../curvature/assumptions/products.ts';
import { spanFormsTask } from '../curvature/assumptions/span.ts';
import { blockProjectionsTask } from '../curvature/block-projections.ts';
import {
  commutatorTask,
  eighTask,
  innerProductsTask,
  productTask,
  quadraticFormsTask,
  rowsProductTask,
} from '../curvature/dense-tasks.ts';
import { dualDirectionsTask } from '../curvature/duality/directions.ts';
import { dualOutputsTask } from '../curvature/duality/outputs.ts';
import { dualPairsTask } from '../curvature/duality/pairs.ts';
import { dualFactorsTask } from '../curvature/duality/sums.ts';
import { factorsTask, openProblemTask } from '../curvature/factors.ts';
import { flatnessTask } from '../curvature/fluctuations/components.ts';
import { enteringTask } from '../curvature/fluctuations/entering.ts';
import { batchSharpnessTask, stepLossTask } from '../curvature/fluctuations/steps.ts';
import { stretchTask } from '../curvature/fluctuations/stretch.ts';
import { batchGradientsTask } from '../curvature/minibatch/tasks.ts';
import { closeProjectedTask, openProjectedTask } from '../curvature/projected/linearised.ts';
import {
  basisCombineTask,
  basisProjectTask,
  basisSubtractTask,
  gradientsTask,
  hessianProductTask,
  projectionsTask,
  secondMomentTask,
} from '../curvature/projected/tasks.ts';
import { leadingPairsTask } from '../curvature/leading.ts';
import { leadingValuesTask, rotationsTask } from '../curvature/rotations.ts';
import { linearStabilityTask } from '../curvature/linear-stability.ts';
import { mechanismTask } from '../curvature/mechanism.ts';
import { noiseMomentsTask } from '../curvature/noise-at-work.ts';
import { nullFactorsTask, nullRatioTask } from '../curvature/structured-nulls.ts';
import { unpackTask } from '../curvature/unpack.ts';
import { calibrateTask } from '../statistics/calibrate-task.ts';
import { replicateTask } from '../statistics/replicate-task.ts';

/** A task with any argument and result: the argument comes from `Pool.run`, which has checked its type. */
type AnyTask = Task<never, unknown>;

const tasks: readonly AnyTask[] = [
  openProblemTask,
  factorsTask,
  productTask,
  unpackTask,
  eighTask,
  quadraticFormsTask,
  rowsProductTask,
  commutatorTask,
  innerProductsTask,
  leadingValuesTask,
  rotationsTask,
  leadingPairsTask,
  linearStabilityTask,
  mechanismTask,
  noiseMomentsTask,
  nullFactorsTask,
  nullRatioTask,
  blockProjectionsTask,
  replicateTask,
  calibrateTask,
  dualOutputsTask,
  dualFactorsTask,
  dualDirectionsTask,
  dualPairsTask,
  assumptionFactorsTask,
  gaussNewtonFormsTask,
  rowSquaresTask,
  squareNormTask,
  squaredSpectrumTask,
  spanFormsTask,
  openProjectedTask,
  closeProjectedTask,
  gradientsTask,
  hessianProductTask,
  projectionsTask,
  secondMomentTask,
  basisProjectTask,
  basisSubtractTask,
  basisCombineTask,
  batchGradientsTask,
  enteringTask,
  stretchTask,
  flatnessTask,
  batchSharpnessTask,
  stepLossTask,
];
const byName: ReadonlyMap<string, AnyTask> = new Map(tasks.map((task) => [task.name, task]));

/** Raises an Error if no task of the table has this name. */
export function runTask(context: TaskContext, name: string, argument: unknown): unknown {
  const task = byName.get(name);
  if (task === undefined) throw new Error(`no task is named ${JSON.stringify(name)} in the table of parallel/tasks.ts`);
  return task.run(context, argument as never);
}
