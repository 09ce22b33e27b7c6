/** The main side of the helper process: started when first needed, ended when idle, restarted if it died. */
import { FaultError } from '../../../shared/contract/index.ts';
import { InputError, messageOf } from '../../../shared/errors.ts';
import { blasThreadVariables } from '../../jobs/environment.ts';
import { moduleBeside } from '../../jobs/launcher.ts';
import type { ProcessLauncher, WorkerProcess } from '../../jobs/launcher.ts';
import type { HelperAnswer, HelperProgress, HelperRequest, HelperTask, HelperTasks } from './tasks.ts';

interface Pending {
  readonly request: HelperRequest;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly options: AskOptions;
  /** The process that has it. */
  process: WorkerProcess;
  /** Processes that ended while it waited behind another request. */
  lost: number;
}

export interface AskOptions {
  /** Rejects at once with a `cancelled` fault; the task ends at its next check, or with its process. */
  readonly signal?: AbortSignal;
  /** The task's current stage and the share done, for tasks that report them. */
  readonly onProgress?: (at: string, share: number) => void;
}

/** How many processes may die while a request waits before it too is answered with an error. */
const mostLost = 2;

/** Time for a cancelled task to notice. */
const graceMilliseconds = 1000;

/** How long a process without requests is kept, with the matrices of the measurement last viewed. */
const idleMilliseconds = 5 * 60_000;

export class Helper {
  readonly #launcher: ProcessLauncher;
  readonly #idleMilliseconds: number;
  readonly #pending = new Map<number, Pending>();
  #process: WorkerProcess | null = null;
  #idle: NodeJS.Timeout | null = null;
  #next = 0;
  #closed = false;

  /** @param idle milliseconds that a process without requests is kept for; 0: it ends with its last answer */
  constructor(launcher: ProcessLauncher, idle = idleMilliseconds) {
    this.#launcher = launcher;
    this.#idleMilliseconds = idle;
  }

  /** For tests and the doctor; undefined while it does not run. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /**
   * Raises what the task raises; a `failed` fault if the process dies. Requests that waited behind it go to a new process: every
   * request is answered, whatever happens to a process.
   */
  ask<N extends HelperTask>(
    task: N,
    argument: HelperTasks[N]['argument'],
    options: AskOptions = {},
  ): Promise<HelperTasks[N]['result']> {
    const { signal } = options;
    if (this.#closed) return Promise.reject(new FaultError('cancelled', 'the program is ending'));
    if (signal?.aborted === true) return Promise.reject(cancelled());
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const process = (this.#process ??= this.#start());
    const number = this.#next++;
    const pending: Pending = { request: { number, task, argument }, resolve, reject, options, process, lost: 0 };
    this.#send(pending);
    const cancel = (): void => {
      // The answer will still arrive, but nobody waits for it.
      if (this.#process === pending.process) pending.process.send({ number, cancel: true });
      reject(cancelled());
      setTimeout(() => {
        this.#endDeaf(pending);
      }, graceMilliseconds).unref();
    };
    signal?.addEventListener('abort', cancel, { once: true });
    return promise.finally(() => signal?.removeEventListener('abort', cancel)) as Promise<HelperTasks[N]['result']>;
  }

  /** A cancelled task that did not notice ends with its process; requests behind it go to another. */
  #endDeaf(cancelled: Pending): void {
    const { request, process } = cancelled;
    const first = [...this.#pending.values()].find((pending) => pending.process === process);
    if (first?.request.number !== request.number) return;
    if (this.#process === process) this.#process = null;
    process.kill();
  }

  close(): void {
    this.#closed = true;
    this.end();
  }

  /** Ends the process, and with it the requests that it has; the next one starts another. */
  end(): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
    const ended = this.#process;
    // New requests must not go to a process that is about to end.
    this.#process = null;
    ended?.kill();
  }

  #send(pending: Pending): void {
    this.#pending.set(pending.request.number, pending);
    try {
      pending.process.send(pending.request);
    } catch (error) {
      // It cannot be cloned, which is this request's own fault.
      this.#pending.delete(pending.request.number);
      pending.reject(error instanceof Error ? error : new Error(messageOf(error)));
    }
  }

  #start(): WorkerProcess {
    const started = this.#launcher.launch(moduleBeside('./worker', import.meta.url), blasThreadVariables(), {
      onMessage: (message) => {
        this.#receive(message as HelperAnswer | HelperProgress);
      },
      onError: () => undefined,
      onClose: (code, signal, stderr) => {
        if (this.#process === started) this.#process = null;
        const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
        const detail = stderr.trim() === '' ? '' : `: ${stderr.trim().split('\n').slice(-3).join(' ')}`;
        const error = new FaultError(
          'failed',
          `the helper process ended ${how}${detail}; none of your data is lost. Try again; if that fails too, there may be too little memory`,
        );
        this.#takeOver(started, error);
      },
    });
    return started;
  }

  /** Handles the end of a process: its first unanswered request is the one it was working on; those behind it go to another. */
  #takeOver(ended: WorkerProcess, error: Error): void {
    const [at, ...waiting] = [...this.#pending.values()].filter(({ process }) => process === ended);
    if (at === undefined) return;
    for (const { request } of [at, ...waiting]) this.#pending.delete(request.number);
    at.reject(error);
    for (const pending of waiting) {
      // Nobody waits for it any more.
      if (pending.options.signal?.aborted === true) continue;
      if (this.#closed || pending.lost >= mostLost) {
        pending.reject(error);
        continue;
      }
      try {
        pending.process = this.#process ??= this.#start();
      } catch (reason) {
        pending.reject(reason instanceof Error ? reason : error);
        continue;
      }
      pending.lost++;
      this.#send(pending);
    }
  }

  #receive(answer: HelperAnswer | HelperProgress): void {
    const pending = this.#pending.get(answer.number);
    if (pending === undefined) return;
    if ('share' in answer) {
      pending.options.onProgress?.(answer.at, answer.share);
      return;
    }
    this.#pending.delete(answer.number);
    if (answer.ok) pending.resolve(answer.result);
    else pending.reject(answer.isInput ? new InputError(answer.message) : new Error(answer.message));
    if (this.#pending.size === 0 && !this.#closed) {
      this.#idle = setTimeout(() => {
        this.end();
      }, this.#idleMilliseconds);
      this.#idle.unref();
    }
  }
}

function cancelled(): FaultError {
  return new FaultError('cancelled', 'cancelled');
}
