/** The process of one job. A fault here ends this job and nothing else. Speaks protocol.ts over the channel to its parent. */
import { InputError, messageOf } from '../../shared/errors.ts';
import { runMeasurement } from './measure-job.ts';
import { JobControl } from './job-control.ts';
import { connectToParent } from './port.ts';
import { onPauseSignal } from './signals.ts';
import { runTraining } from './train-job.ts';
import type { JobEvent, JobRequest } from './protocol.ts';

// Ctrl+C in a terminal reaches every process of the group; the main side, which has it too, asks this one to cancel at a checkpoint.
process.on('SIGINT', () => undefined);

const port = connectToParent();
const control = new JobControl();
let isOver = false;
// A scheduler's or a shutdown's signal reaches the whole group: the run takes its checkpoint and pauses; the main side says how long a measurement has.
onPauseSignal(() => {
  if (isOver) process.exit(0);
  control.pause(null);
});

function emit(event: JobEvent): void {
  if (event.kind === 'ended' || event.kind === 'failed') isOver = true;
  port.emit(event);
}

port.onCommand((command) => {
  switch (command.kind) {
    case 'start':
      void run(command.request);
      return;
    case 'cancel':
      control.cancel();
      return;
    case 'pause':
      control.pause(command.patience);
      return;
    case 'checkpoint':
      control.checkpointRequested = true;
      return;
    default:
      command satisfies never;
  }
});

async function run(request: JobRequest): Promise<void> {
  try {
    if (request.kind === 'train') await runTraining(request, control, emit);
    else await runMeasurement(request, control, emit);
  } catch (error) {
    if (control.signal.aborted) {
      emit({ kind: 'ended', outcome: 'cancelled', reason: null, step: 0, results: {}, seconds: {} });
    } else {
      const stack = error instanceof Error ? (error.stack ?? null) : null;
      emit({ kind: 'failed', message: messageOf(error), isInput: error instanceof InputError, stack });
    }
  }
  await port.close();
}
