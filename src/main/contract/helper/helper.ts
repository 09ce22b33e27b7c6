/** The main side of the helper process: started when first asked, ended when idle, started anew when it died. */
import { FaultError } from '../../../shared/contract/index.ts';
import { InputError } from '../../../shared/errors.ts';
import { blasThreadVariables } from '../../jobs/environment.ts';
import { moduleBeside } from '../../jobs/launcher.ts';
import type { ProcessLauncher, WorkerProcess } from '../../jobs/launcher.ts';
import type { HelperAnswer, HelperTask, HelperTasks } from './tasks.ts';

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
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
  ask<N extends HelperTask>(task: N, argument: HelperTasks[N]['argument']): Promise<HelperTasks[N]['result']> {
    if (this.#closed) return Promise.reject(new FaultError('cancelled', 'the program is ending'));
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
    this.#process ??= this.#start();
    const number = this.#next++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#pending.set(number, { resolve, reject });
    this.#process.send({ number, task, argument });
    return promise as Promise<HelperTasks[N]['result']>;
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
        this.#receive(message as HelperAnswer);
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

  #receive(answer: HelperAnswer): void {
    const pending = this.#pending.get(answer.number);
    if (pending === undefined) return;
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
