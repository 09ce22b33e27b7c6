/** The worker's side of its channel: child_process here; Electron's utilityProcess offers the same under another name. */
import type { JobCommand, JobEvent } from './protocol.ts';

export interface WorkerPort {
  readonly emit: (event: JobEvent) => void;
  readonly onCommand: (listener: (command: JobCommand) => void) => void;
  /** Waits until all events are handed over, then lets the process end. */
  readonly close: () => Promise<void>;
}

interface ParentPort {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (message: { data: unknown }) => void): void;
}

/** Raises an Error if the process was not started as a job. */
export function connectToParent(): WorkerPort {
  const utility = (process as NodeJS.Process & { parentPort?: ParentPort }).parentPort;
  if (utility !== undefined) {
    return {
      emit: (event) => {
        utility.postMessage(event);
      },
      onCommand: (listener) => {
        utility.on('message', (message) => {
          listener(message.data as JobCommand);
        });
      },
      close: () => {
        // The main side ends a utility process when it has read the last event.
        return Promise.resolve();
      },
    };
  }
  if (process.send === undefined)
    throw new Error('this file is the worker process of a job; it is started by the program itself');
  // Without a parent nobody can store results, so the process ends.
  process.on('disconnect', () => process.exit(1));
  let last: Promise<void> = Promise.resolve();
  return {
    emit: (event) => {
      last = new Promise((resolve) => {
        process.send?.(event, undefined, undefined, () => {
          resolve();
        });
      });
    },
    onCommand: (listener) => {
      process.on('message', (message) => {
        listener(message as JobCommand);
      });
    },
    close: async () => {
      await last;
      process.exit(0);
    },
  };
}
