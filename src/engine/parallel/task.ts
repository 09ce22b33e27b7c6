/**
 * Tasks of worker threads. A task is a value that names itself: `pool.run(productTask, argument)` knows what the argument and the result are, and
 * the worker finds the function under the task's name in the table of all tasks (tasks.ts), which it alone imports.
 */
import type { Blas } from '../blas/types.ts';

/** What the tasks of one worker thread share: its library, and values that a task leaves for later tasks (`Slot`). */
export interface TaskContext {
  readonly blas: Blas;
  readonly slots: Map<string, unknown>;
}

export function taskContext(blas: Blas): TaskContext {
  return { blas, slots: new Map() };
}

/** A function that worker threads run. Argument and result are structured-cloneable. */
export interface Task<Argument, Result> {
  /** Its key in the table of all tasks. */
  readonly name: string;
  readonly run: (context: TaskContext, argument: Argument) => Result;
}

/** A task must also be listed in the table of tasks.ts; a worker refuses one that is not, giving its name. */
export function defineTask<Argument, Result>(
  name: string,
  run: (context: TaskContext, argument: Argument) => Result,
): Task<Argument, Result> {
  return { name, run };
}

/** A place for a value in the context of a worker thread, as a network that one task opens and later ones use. */
export class Slot<Value> {
  readonly #name: string;

  /** @param name unique among slots */
  constructor(name: string) {
    this.#name = name;
  }

  /** Undefined if nothing was set or it was cleared. */
  get(context: TaskContext): Value | undefined {
    return context.slots.get(this.#name) as Value | undefined;
  }

  set(context: TaskContext, value: Value): void {
    context.slots.set(this.#name, value);
  }

  clear(context: TaskContext): void {
    context.slots.delete(this.#name);
  }
}
