/**
 * Chunks of samples at which the network has made its forward and backward pass, ready for tangent passes in any direction. They cost memory and
 * save two thirds of a Hessian-vector product's work, so a worker keeps as many as its share of memory holds and recomputes the others.
 */
import { CpuBackend } from '../../backend/cpu.ts';
import type { Tensor } from '../../backend/types.ts';
import type { Real } from '../../blas/types.ts';
import { Network } from '../../network/network.ts';
import type { GradientSink, Layer } from '../../network/types.ts';
import { defineTask, Slot, type TaskContext } from '../../parallel/task.ts';
import { openedProblem, type Problem } from '../factors.ts';
import { lowestLayer, spaceOf } from './space.ts';
import type { Space } from './space.ts';
import type { SamplePlan } from './plan.ts';

/** A pass over one chunk. */
export interface Linearised {
  readonly network: Network;
  readonly backend: CpuBackend;
  readonly count: number;
  /** dl_p/dy, one row a row of the output. */
  readonly lossDelta: Tensor;
  readonly targets: Tensor;
  /** Where passes end in this network. */
  readonly stop: Layer;
}

/** What a worker thread holds for the projected method. */
export interface ProjectedState {
  readonly problem: Problem;
  readonly space: Space;
  readonly plan: SamplePlan;
  /** This worker's number and how many there are. */
  readonly worker: number;
  readonly workers: number;
  readonly cacheBytes: number;
  /** By the number of the chunk's first sample. */
  readonly cache: Map<number, Linearised>;
  cachedBytes: number;
  /** Room that tasks share one after the other; `scratchOf`. */
  scratch: Real | null;
}

/** At least `length` numbers of any content, kept for the next task: a native library's arrays are given back only when garbage is collected. */
export function scratchOf(state: ProjectedState, length: number): Real {
  const { blas } = state.problem.backend;
  if (state.scratch === null || state.scratch.length < length) {
    if (state.scratch !== null) blas.release(state.scratch);
    state.scratch = blas.allocate('float64', length);
  }
  return state.scratch;
}

export interface OpenProjectedArgument {
  readonly parameter: string;
  readonly plan: SamplePlan;
  readonly workers: number;
  /** Bytes that each worker may keep. */
  readonly cacheBytes: number;
  /** [1], shared: gives each worker its number. */
  readonly counter: Int32Array;
}

const stateSlot = new Slot<ProjectedState>('projected');

export const openProjectedTask = defineTask(
  'openProjected',
  (context: TaskContext, argument: OpenProjectedArgument): void => {
    const problem = openedProblem(context);
    stateSlot.set(context, {
      problem,
      space: spaceOf(problem.network, argument.parameter),
      plan: argument.plan,
      worker: Atomics.add(argument.counter, 0, 1),
      workers: argument.workers,
      cacheBytes: argument.cacheBytes,
      cache: new Map(),
      cachedBytes: 0,
      scratch: null,
    });
  },
);

/** Gives the memory of what the worker keeps back. */
export const closeProjectedTask = defineTask('closeProjected', (context: TaskContext): void => {
  const state = stateSlot.get(context);
  if (state === undefined) return;
  for (const { backend } of state.cache.values()) backend.releaseLive();
  if (state.scratch !== null) context.blas.release(state.scratch);
  state.problem.backend.trim();
  stateSlot.clear(context);
});

export function projectedState(context: TaskContext): ProjectedState {
  const state = stateSlot.get(context);
  if (state === undefined) throw new Error('the projected method is not open');
  return state;
}

/**
 * Runs `body`, in a scope, on samples [start, start + count) of the plan's order.
 * @param keep whether the passes may be kept for the next call.
 */
export function onChunk<T>(
  state: ProjectedState,
  start: number,
  count: number,
  keep: boolean,
  body: (chunk: Linearised) => T,
): T {
  const cached = state.cache.get(start);
  if (cached?.count === count) return cached.backend.scope(() => body(cached));
  const { problem } = state;
  if (keep && cached === undefined && state.cachedBytes < state.cacheBytes) {
    // A sibling: what it makes outside a scope stays.
    const backend = new CpuBackend(problem.backend.blas, 'float64', problem.backend);
    const network = new Network(problem.network.spec, backend, problem.network.weights);
    const chunk = linearise(state, network, backend, start, count, null);
    state.cachedBytes += backend.liveBytes;
    state.cache.set(start, chunk);
    return backend.scope(() => body(chunk));
  }
  return problem.backend.scope(() => body(linearise(state, problem.network, problem.backend, start, count, null)));
}

/** Forward and backward pass over samples [start, start + count); call inside a scope or keep the backend to itself. */
export function linearise(
  { problem, plan, space }: ProjectedState,
  network: Network,
  backend: CpuBackend,
  start: number,
  count: number,
  sink: GradientSink | null,
): Linearised {
  const inputs = backend.rowsOf(backend.table(problem.inputs, network.inputSize, false), plan.order, start, count);
  const targets = backend.rowsOf(backend.table(problem.targets, network.targetSize, false), plan.order, start, count);
  network.forward(inputs);
  const lossDelta = network.lossGradient(targets);
  const stop = lowestLayer(network, space);
  network.backward(lossDelta, sink, stop);
  network.linearise(stop);
  return { network, backend, count, lossDelta, targets, stop };
}
