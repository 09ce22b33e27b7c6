/**
 * Threads that load a native library. One that is ended in that very moment takes the whole process with it: the library's start cannot report the error that Node
 * gives it then. So it says when it has loaded, and is not ended before.
 */
import type { MessagePort, Worker } from 'node:worker_threads';

const loaded = 'loaded';

/** In the thread, once its libraries are open. */
export function tellLoaded(port: MessagePort | null): void {
  port?.postMessage(loaded);
}

export const isLoaded = (message: unknown): boolean => message === loaded;

/** Ends a thread once it has loaded, or has ended by itself. Call when it starts; the answer ends it. */
export function endWhenLoaded(worker: Worker): () => Promise<unknown> {
  const ready = new Promise<void>((resolve) => {
    worker.on('message', (message) => {
      if (isLoaded(message)) resolve();
    });
    worker.once('exit', () => {
      resolve();
    });
  });
  return async () => {
    await ready;
    return worker.terminate();
  };
}
