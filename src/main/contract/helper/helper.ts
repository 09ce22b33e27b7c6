/** The main side of the helper process: started when first asked, ended when idle, started anew when it died. */
import { FaultError } from '../../../shared/contract/index.ts';
import { InputError } from '../../../shared/errors.ts';
import { blasThreadVariables } from '../../jobs/environment.ts';
import { moduleBeside } from '../../jobs/launcher.ts';
import type { ProcessLauncher, WorkerProcess } from '../../jobs/launcher.ts';
import type { HelperAnswer, HelperProgress, HelperTask, HelperTasks } from './tasks.ts';

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress: AskOptions['onProgress'];
}

export interface AskOptions {
  /** Rejects at once with a `cancelled` fault; the task ends at its next look. */
  readonly signal?: AbortSignal;
  /** What the task has under way, and the share done; for tasks that say so. */
  readonly onProgress?: (at: string, share: number) => void;
}

/** It holds matrices of the measurement last looked at. */
const idleMilliseconds = 5 * 60_000;

export class Helper {
  readonly #launcher: ProcessLauncher;
  readonly #pending = new Map<number, Pending>();
  #process: WorkerProcess | null = null;
  #idle: NodeJS.Timeout | null = null;
  #next = 0;
  #closed = false;

  constructor(launcher: ProcessLauncher) {
    this.#launcher = launcher;
  }

  /** For tests and the doctor; undefined while it does not run. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Raises what the task raises; a `failed` fault where the process dies over it. */
  ask<N extends HelperTask>(
    task: N,
    argument: HelperTasks[N]['argument'],
    { signal, onProgress }: AskOptions = {},
  ): Promise<HelperTasks[N]['result']> {
    if (this.#closed) return Promise.reject(new FaultError('cancelled', 'the program is ending'));
    if (signal?.aborted === true) return Promise.reject(cancelled());
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
    this.#process ??= this.#start();
    const number = this.#next++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#pending.set(number, { resolve, reject, onProgress });
    const asked = this.#process;
    asked.send({ number, task, argument });
    const cancel = (): void => {
      // The answer is still to come; nobody waits for it.
      if (this.#process === asked) asked.send({ number, cancel: true });
      reject(cancelled());
    };
    signal?.addEventListener('abort', cancel, { once: true });
    return promise.finally(() => signal?.removeEventListener('abort', cancel)) as Promise<HelperTasks[N]['result']>;
  }

  close(): void {
    this.#closed = true;
    this.#end();
  }

  #end(): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
    this.#process?.kill();
  }

  #start(): WorkerProcess {
    const started = this.#launcher.launch(moduleBeside('./worker', import.meta.url), blasThreadVariables(process.env), {
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
          `the helper process ended ${how}${detail}; nothing of yours is lost. Try again; if that fails too, there may be too little memory`,
        );
        for (const { reject } of this.#pending.values()) reject(error);
        this.#pending.clear();
      },
    });
    return started;
  }

  #receive(answer: HelperAnswer | HelperProgress): void {
    const pending = this.#pending.get(answer.number);
    if (pending === undefined) return;
    if ('share' in answer) {
      pending.onProgress?.(answer.at, answer.share);
      return;
    }
    this.#pending.delete(answer.number);
    if (answer.ok) pending.resolve(answer.result);
    else pending.reject(answer.isInput ? new InputError(answer.message) : new Error(answer.message));
    if (this.#pending.size === 0 && !this.#closed) {
      this.#idle = setTimeout(() => {
        this.#end();
      }, idleMilliseconds);
      this.#idle.unref();
    }
  }
}

function cancelled(): FaultError {
  return new FaultError('cancelled', 'cancelled');
}
