/** The main side of a job: starts its process, passes events on in order, cancels it, and notices when it dies. */
import { blasThreadVariables } from './environment.ts';
import { forkLauncher, moduleBeside } from './launcher.ts';
import type { ProcessLauncher } from './launcher.ts';
import type { JobCommand, JobEvent, JobRequest } from './protocol.ts';

export interface JobHandle {
  /** Undefined until the process runs: set at once under child_process, a moment later under Electron. */
  readonly pid: number | undefined;
  /** Settles when the process is gone. 'lost': it ended without reporting its end (a crash, a kill). */
  readonly done: Promise<JobEnd>;
  /** Asks it to end; after `graceMilliseconds` it is killed. */
  cancel(graceMilliseconds?: number): void;
  /**
   * Asks it to take a checkpoint and end; a measurement under way is finished first. With `grace` milliseconds: after a third of them a measurement is given
   * up, and after all of them the process is killed (the run then goes on from its last checkpoint).
   */
  pause(grace?: number): void;
  /** Asks it to take a checkpoint and continue. */
  checkpoint(): void;
  kill(): void;
}

export type JobEnd =
  | { readonly kind: 'ended'; readonly event: Extract<JobEvent, { kind: 'ended' }> }
  | { readonly kind: 'failed'; readonly event: Extract<JobEvent, { kind: 'failed' }> }
  | {
      readonly kind: 'lost';
      readonly message: string;
      readonly cancelled: boolean;
      /** It had been asked to pause. */
      readonly pausing: boolean;
    };

/** Default grace: a step or a stage of a measurement comes to its end, or not. */
const defaultGrace = 700;

export function startJob(
  request: JobRequest,
  onEvent: (event: JobEvent) => void,
  launcher: ProcessLauncher = forkLauncher,
): JobHandle {
  let last: Extract<JobEvent, { kind: 'ended' | 'failed' }> | null = null;
  let failure: Error | null = null;
  let cancelled = false;
  let pausing = false;
  const { promise: done, resolve, reject } = Promise.withResolvers<JobEnd>();
  const child = launcher.launch(moduleBeside('./worker', import.meta.url), blasThreadVariables(), {
    onMessage: (message) => {
      const event = message as JobEvent;
      if (event.kind === 'ended' || event.kind === 'failed') last = event;
      try {
        onEvent(event);
      } catch (error) {
        // A result that cannot be stored ends the job, because continuing would lose results.
        failure ??= error instanceof Error ? error : new Error(String(error));
        child.kill();
      }
      if (last !== null) child.finished();
    },
    onError: (error) => {
      failure ??= error;
    },
    onClose: (code, signal, stderr) => {
      if (failure !== null) reject(failure);
      else if (last?.kind === 'ended') resolve({ kind: 'ended', event: last });
      else if (last?.kind === 'failed') resolve({ kind: 'failed', event: last });
      else resolve({ kind: 'lost', cancelled, pausing, message: lostMessage(code, signal, stderr) });
    },
  });
  const send = (command: JobCommand): void => {
    child.send(command);
  };
  send({ kind: 'start', request });
  return {
    get pid() {
      return child.pid;
    },
    done,
    cancel: (grace = defaultGrace) => {
      cancelled = true;
      send({ kind: 'cancel' });
      setTimeout(() => {
        child.kill();
      }, grace).unref();
    },
    pause: (grace) => {
      pausing = true;
      send({ kind: 'pause', patience: grace === undefined ? null : grace / 3 });
      if (grace === undefined) return;
      setTimeout(() => {
        child.kill();
      }, grace).unref();
    },
    checkpoint: () => {
      send({ kind: 'checkpoint' });
    },
    kill: () => {
      child.kill();
    },
  };
}

function lostMessage(code: number | null, signal: string | null, stderr: string): string {
  const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
  const hint =
    signal === 'SIGKILL' || /out of memory|allocation failed/i.test(stderr)
      ? ' (often: the machine ran out of memory)'
      : '';
  const detail = stderr.trim() === '' ? '' : `: ${stderr.trim().split('\n').slice(-3).join(' ')}`;
  return `the worker process ended ${how}${hint}${detail}`;
}
