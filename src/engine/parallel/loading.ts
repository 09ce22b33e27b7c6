/**
 * Threads that load a native library. A thread that is ended at that very moment crashes the whole process: the library's initialisation cannot report the error that Node
 * raises then. So a thread reports when it has loaded, and is not ended before.
 */
import type { MessagePort, Worker } from 'node:worker_threads';

const loaded = 'loaded';

/** In the thread, once its libraries are open. */
export function tellLoaded(port: MessagePort | null): void {
  port?.postMessage(loaded);
}

export const isLoaded = (message: unknown): boolean => message === loaded;

/** Call when a thread starts; returns a function that ends the thread as soon as it has loaded, unless it has ended by itself. */
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
