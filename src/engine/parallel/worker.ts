/** A worker thread of `Pool`: opens the shared BLAS and runs the tasks of tasks.ts, one at a time. */
import { parentPort, workerData } from 'node:worker_threads';
import { openSharedBlas } from '../blas/open.ts';
import { tellLoaded } from './loading.ts';
import { taskContext } from './task.ts';
import { runTask } from './tasks.ts';
import type { TaskAnswer, TaskMessage, WorkerSetup } from './pool.ts';

const setup = workerData as WorkerSetup;
const context = taskContext(openSharedBlas(setup.share));
tellLoaded(parentPort);

parentPort?.on('message', (message: TaskMessage) => {
  let answer: TaskAnswer;
  try {
    answer = { id: message.id, ok: true, result: runTask(context, message.task, message.argument) };
  } catch (error) {
    answer = { id: message.id, ok: false, message: error instanceof Error ? error.message : String(error) };
  }
  parentPort?.postMessage(answer);
});
