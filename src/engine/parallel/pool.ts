/**
 * Worker threads that share the BLAS library's memory. Work is cut into fixed pieces (never by the number of threads), each piece writes its
 * own part of the output, and nothing is reduced across threads: a result is the same bit for bit with one thread or with sixteen.
 */
import { Worker } from 'node:worker_threads';
import type { ArrayReference, Blas, BlasShare, Precision, Real } from '../blas/types.ts';
import { endWhenLoaded, isLoaded } from './loading.ts';
import type { Task } from './task.ts';

/** The data that a worker is started with. */
export interface WorkerSetup {
  readonly share: BlasShare;
}

/** Main thread to worker. */
export interface TaskMessage {
  readonly id: number;
  /** The task's name. */
  readonly task: string;
  readonly argument: unknown;
}

/** Worker to main thread. */
export type TaskAnswer =
  | { readonly id: number; readonly ok: true; readonly result: unknown }
  | { readonly id: number; readonly ok: false; readonly message: string };

interface Pending {
  readonly message: TaskMessage;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly ended: Promise<unknown>;
}

export interface PoolOptions {
  /** Worker threads, >= 1. */
  readonly threads: number;
}

export class Pool {
  readonly threads: number;
  /** The library; what is allocated with it in this thread is the pool's to release if a measurement fails. */
  readonly blas: Blas;
  readonly #live = new Set<Real>();
  readonly #workers: Worker[] = [];
  readonly #ends: (() => Promise<unknown>)[] = [];
  readonly #idle: Worker[] = [];
  readonly #queue: Pending[] = [];
  readonly #running = new Map<Worker, Pending>();
  #nextId = 0;
  #failure: Error | null = null;

  constructor(blas: Blas, options: PoolOptions) {
    if (!(options.threads >= 1)) throw new Error(`threads: expected at least 1, received ${options.threads}`);
    this.blas = {
      ...blas,
      allocate: (precision, length) => {
        const array = blas.allocate(precision, length);
        this.#live.add(array);
        return array;
      },
      release: (array) => {
        this.#live.delete(array);
        blas.release(array);
      },
    };
    this.threads = options.threads;
    for (let i = 0; i < options.threads; i++) this.#start({ share: blas.share() });
  }

  /** Queues a task; the first idle worker takes it. Rejects when the task throws or its worker dies. */
  run<Argument, Result>(task: Task<Argument, Result>, argument: Argument): Promise<Result> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#queue.push({ message: { id, task: task.name, argument }, resolve, reject, ended: promise });
    this.#dispatch();
    return promise as Promise<Result>;
  }

  /** Runs a task once in every worker (to set up what later tasks need), when nothing else runs or is queued. */
  async runEverywhere<Argument>(task: Task<Argument, unknown>, argument: Argument): Promise<void> {
    await this.#quiet();
    // Every worker is idle and each takes one.
    await Promise.all(this.#workers.map(() => this.run(task, argument)));
  }

  /**
   * Runs `body`. If it fails, the tasks that it left queued are dropped, those that run are waited for, and every array that it allocated in this thread is
   * released: the next measurement finds idle workers and all of the memory.
   */
  async releasingOnFailure<T>(body: () => Promise<T>): Promise<T> {
    const before = new Set(this.#live);
    try {
      return await body();
    } catch (error) {
      for (const pending of this.#queue.splice(0)) pending.reject(new Error('what the task belongs to has failed'));
      await this.#quiet();
      for (const array of this.#live) if (!before.has(array)) this.blas.release(array);
      throw error;
    }
  }

  reference(array: Real): ArrayReference {
    return this.blas.reference(array);
  }

  allocate(precision: Precision, length: number): Real {
    return this.blas.allocate(precision, length);
  }

  async close(): Promise<void> {
    this.#failure ??= new Error('the worker threads were stopped');
    for (const pending of [...this.#queue.splice(0), ...this.#running.values()]) pending.reject(this.#failure);
    await Promise.all(this.#ends.map((end) => end()));
  }

  /** Waits until no task runs or is queued; a pool that has failed is quiet. */
  async #quiet(): Promise<void> {
    while (this.#failure === null && this.#queue.length + this.#running.size > 0) {
      await Promise.allSettled([...this.#queue, ...this.#running.values()].map(({ ended }) => ended));
      // What waited for these may run more.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #start(setup: WorkerSetup): void {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const worker = new Worker(new URL(`./worker.${extension}`, import.meta.url), { workerData: setup });
    this.#ends.push(endWhenLoaded(worker));
    worker.on('message', (answer: TaskAnswer) => {
      if (isLoaded(answer)) return;
      const pending = this.#running.get(worker);
      if (pending?.message.id !== answer.id) return;
      this.#running.delete(worker);
      this.#idle.push(worker);
      if (answer.ok) pending.resolve(answer.result);
      else pending.reject(new Error(answer.message));
      this.#dispatch();
    });
    worker.on('error', (error) => {
      this.#fail(new Error(`a worker thread failed: ${error instanceof Error ? error.message : String(error)}`));
    });
    worker.on('exit', (code) => {
      if (this.#failure === null) this.#fail(new Error(`a worker thread ended unexpectedly (exit code ${code})`));
    });
    this.#workers.push(worker);
    this.#idle.push(worker);
  }

  /** A worker that died may have left the shared arrays incomplete: everything waiting is rejected. */
  #fail(error: Error): void {
    this.#failure ??= error;
    for (const pending of [...this.#queue.splice(0), ...this.#running.values()]) pending.reject(this.#failure);
    this.#running.clear();
  }

  #dispatch(): void {
    while (this.#queue.length > 0 && this.#idle.length > 0) {
      const worker = this.#idle.pop();
      const pending = this.#queue.shift();
      if (worker === undefined || pending === undefined) return;
      this.#running.set(worker, pending);
      worker.postMessage(pending.message);
    }
  }
}
