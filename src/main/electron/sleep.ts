/**
 * The machine's sleep. Before it runs take a checkpoint and pause, so that a battery that runs empty costs nothing, and no device is lost in the middle
 * of a step; when the machine wakes they go on. Measurements wait in memory, as everything does.
 */
import { powerMonitor } from 'electron';
import type { Workbench } from '../contract/workbench.ts';

export function setupSleep(workbench: Workbench): void {
  let paused: string[] | null = null;
  let wasHeld = false;
  powerMonitor.on('suspend', () => {
    if (paused !== null) return;
    const { jobs, held } = workbench.queue.snapshot();
    wasHeld = held;
    workbench.queue.hold(true);
    paused = jobs
      .filter(({ kind, state, stopping }) => kind === 'train' && state === 'running' && !stopping)
      .map(({ id }) => id);
    for (const id of paused) workbench.queue.pauseRun(workbench.run(id));
  });
  powerMonitor.on('resume', () => {
    if (paused === null) return;
    const ids = paused;
    paused = null;
    void goOn(workbench, ids).finally(() => {
      workbench.queue.hold(wasHeld);
    });
  });
}

/** Runs that are still on their way to their checkpoint are waited for. */
async function goOn(workbench: Workbench, ids: readonly string[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const isSettled = (): boolean => !ids.some((id) => workbench.queue.isRunning(id));
  const stop = workbench.bus.listen((event) => {
    if (event === 'queue.changed' && isSettled()) resolve(undefined);
  });
  if (!isSettled()) await promise;
  stop();
  for (const id of ids) {
    const run = workbench.run(id);
    // It may have come to its end, or been cancelled.
    if (run.status === 'paused') workbench.queue.resumeRun(run);
  }
}
