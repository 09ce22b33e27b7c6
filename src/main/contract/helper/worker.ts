/** The helper process: answers requests one after the other, and ends when its parent does. */
import type { TaskControl } from './task-control.ts';
import { InputError, messageOf } from '../../../shared/errors.ts';
import { helperTasks } from './tasks.ts';
import type { HelperAnswer, HelperCancel, HelperProgress, HelperRequest } from './tasks.ts';

interface Parent {
  readonly send: (answer: HelperAnswer | HelperProgress) => void;
  readonly onMessage: (listener: (message: HelperRequest | HelperCancel) => void) => void;
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
      onMessage: (listener) => {
        utility.on('message', ({ data }) => {
          listener(data as HelperRequest | HelperCancel);
        });
      },
    };
  }
  if (process.send === undefined)
    throw new Error('this file is the helper process of the workbench; the program starts it');
  process.on('disconnect', () => process.exit(0));
  return {
    send: (answer) => void process.send?.(answer),
    onMessage: (listener) => {
      process.on('message', (message) => {
        listener(message as HelperRequest | HelperCancel);
      });
    },
  };
}

// The main side handles Ctrl+C in a terminal; this process ends with it.
process.on('SIGINT', () => undefined);

const { send, onMessage } = parent();
const tasks = helperTasks();
/** Of the requests that are not answered yet. */
const aborts = new Map<number, AbortController>();
let last: Promise<void> = Promise.resolve();

onMessage((message) => {
  if ('cancel' in message) {
    aborts.get(message.number)?.abort(new Error('cancelled'));
    return;
  }
  const { number, task, argument } = message;
  const abort = new AbortController();
  aborts.set(number, abort);
  const progress = (at: string, share: number): void => {
    send({ number, at, share });
  };
  last = last.then(async () => {
    try {
      abort.signal.throwIfAborted();
      const run = tasks[task] as (argument: unknown, control: TaskControl) => Promise<unknown>;
      send({ number, ok: true, result: await run(argument, { signal: abort.signal, progress }) });
    } catch (error) {
      send({ number, ok: false, message: messageOf(error), isInput: error instanceof InputError });
    } finally {
      aborts.delete(number);
    }
  });
});
