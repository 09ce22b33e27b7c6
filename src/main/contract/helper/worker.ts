/** The helper process: answers requests one after the other, and ends when its parent does. */
import { InputError, messageOf } from '../../../shared/errors.ts';
import { helperTasks } from './tasks.ts';
import type { HelperAnswer, HelperRequest } from './tasks.ts';

interface Parent {
  readonly send: (answer: HelperAnswer) => void;
  readonly onRequest: (listener: (request: HelperRequest) => void) => void;
}

function parent(): Parent {
  const utility = (
    process as NodeJS.Process & {
      parentPort?: {
        postMessage(message: unknown): void;
        on(event: 'message', listener: (message: { data: unknown }) => void): void;
      };
    }
  ).parentPort;
  if (utility !== undefined) {
    return {
      send: (answer) => {
        utility.postMessage(answer);
      },
      onRequest: (listener) => {
        utility.on('message', ({ data }) => {
          listener(data as HelperRequest);
        });
      },
    };
  }
  if (process.send === undefined)
    throw new Error('this file is the helper process of the workbench; the program starts it');
  process.on('disconnect', () => process.exit(0));
  return {
    send: (answer) => void process.send?.(answer),
    onRequest: (listener) => {
      process.on('message', (message) => {
        listener(message as HelperRequest);
      });
    },
  };
}

// Ctrl+C in a terminal is the main side's to answer; this process ends with it.
process.on('SIGINT', () => undefined);

const { send, onRequest } = parent();
const tasks = helperTasks();
let last: Promise<void> = Promise.resolve();

onRequest(({ number, task, argument }) => {
  last = last.then(async () => {
    try {
      const run = tasks[task] as (argument: unknown) => Promise<unknown>;
      send({ number, ok: true, result: await run(argument) });
    } catch (error) {
      send({ number, ok: false, message: messageOf(error), isInput: error instanceof InputError });
    }
  });
});
