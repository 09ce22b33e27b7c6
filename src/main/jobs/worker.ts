/** The process of one job. A fault here ends this job and nothing else. Speaks protocol.ts over the channel to its parent. */
import { InputError, messageOf } from '../../shared/errors.ts';
import { runMeasurement } from './measure-job.ts';
import { connectToParent } from './port.ts';
import { runTraining } from './train-job.ts';
import type { JobControl } from './train-job.ts';
import type { JobRequest } from './protocol.ts';

// Ctrl+C in a terminal reaches every process of the group; the main side, which has it too, asks this one to cancel at a checkpoint.
process.on('SIGINT', () => undefined);

const port = connectToParent();
const abort = new AbortController();
const control: JobControl = { signal: abort.signal, pauseRequested: false };

port.onCommand((command) => {
  switch (command.kind) {
    case 'start':
      void run(command.request);
      return;
    case 'cancel':
      abort.abort(new Error('cancelled'));
      return;
    case 'pause':
      control.pauseRequested = true;
      return;
    default:
      command satisfies never;
  }
});

async function run(request: JobRequest): Promise<void> {
  try {
    if (request.kind === 'train') await runTraining(request, control, port.emit);
    else await runMeasurement(request, control, port.emit);
  } catch (error) {
    if (abort.signal.aborted) {
      port.emit({ kind: 'ended', outcome: 'cancelled', reason: null, step: 0, results: {}, seconds: {} });
    } else {
      const stack = error instanceof Error ? (error.stack ?? null) : null;
      port.emit({ kind: 'failed', message: messageOf(error), isInput: error instanceof InputError, stack });
    }
  }
  await port.close();
}
