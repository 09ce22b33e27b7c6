/** What Ctrl+C and other signals do to a command's work. */
import type { JobEnd } from '../jobs/host.ts';
import { onPauseSignal } from '../jobs/signals.ts';
import type { StartedRun } from '../services/runs.ts';

/** Milliseconds from a signal to the end at the latest. */
const pauseGrace = 60_000;

/** Waits for the end of a run. Ctrl+C cancels it, other signals pause it: `paused` says that one came. */
export async function untilEnded({
  job,
  done,
}: StartedRun): Promise<{ readonly end: JobEnd; readonly paused: boolean }> {
  let paused = false;
  const stop = onInterrupt(() => {
    job.cancel();
  });
  const stopPausing = onPauseSignal(() => {
    paused = true;
    job.pause(pauseGrace);
  });
  const end = await done.finally(() => {
    stop();
    stopPausing();
  });
  return { end, paused };
}

/** Calls back at Ctrl+C; returns a function that stops listening. */
export function onInterrupt(callback: () => void): () => void {
  process.on('SIGINT', callback);
  return () => {
    process.off('SIGINT', callback);
  };
}

/** Calls back at Ctrl+C or a termination, for work that cannot be paused; returns a function that stops listening. */
export function onTermination(callback: () => void): () => void {
  const stop = onInterrupt(callback);
  process.on('SIGTERM', callback);
  return () => {
    stop();
    process.off('SIGTERM', callback);
  };
}
