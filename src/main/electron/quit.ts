/**
 * Ending: runs pause at a checkpoint and the store is closed before the process goes. While jobs run the user is asked first, once; a system that
 * shuts down, or a signal, is obeyed at once.
 */
import { app, dialog, powerMonitor } from 'electron';
import type { MessageBoxOptions } from 'electron';
import type { JobInfo } from '../../shared/contract/index.ts';
import type { Workbench } from '../contract/workbench.ts';
import type { MainWindow } from './window.ts';

export function setupQuit(workbench: Workbench, window: MainWindow): void {
  let state: 'open' | 'asking' | 'ending' | 'closed' = 'open';
  const end = (): void => {
    if (state === 'ending' || state === 'closed') return;
    state = 'ending';
    void workbench.close().finally(() => {
      state = 'closed';
      app.quit();
    });
  };
  const ask = async (jobs: readonly JobInfo[]): Promise<void> => {
    state = 'asking';
    window.show();
    const options = question(jobs);
    const parent = window.browserWindow;
    const { response } = await (parent === null
      ? dialog.showMessageBox(options)
      : dialog.showMessageBox(parent, options));
    // A signal may have come meanwhile.
    if (state !== 'asking') return;
    state = 'open';
    if (response === 0) end();
  };
  app.on('before-quit', (event) => {
    if (state === 'closed') return;
    event.preventDefault();
    if (state !== 'open') return;
    const running = workbench.queue.snapshot().jobs.filter((job) => job.state === 'running');
    if (running.length === 0) end();
    else void ask(running);
  });
  window.closeIf(() => {
    // On macOS programs stay until they are told to quit; a run goes on meanwhile.
    if (process.platform === 'darwin' || state === 'closed') return true;
    app.quit();
    return false;
  });
  app.on('window-all-closed', () => {
    if (process.platform !== 'darwin') app.quit();
  });
  app.on('activate', () => {
    window.open();
  });
  app.on('second-instance', () => {
    window.open();
  });
  powerMonitor.on('shutdown', end);
  window.onOpen((opened) => {
    // Windows alone.
    opened.on('session-end', end);
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
}

/** What is asked before jobs are ended; the answer 0 is to quit. */
export function question(jobs: readonly JobInfo[]): MessageBoxOptions {
  const runs = jobs.filter(({ kind }) => kind === 'train').length;
  const others = jobs.length - runs;
  return {
    type: 'question',
    message: jobs.length === 1 ? `${jobs[0].title} is running` : `${jobs.length} jobs are running`,
    detail: [
      ...(runs > 0
        ? [`${runs === 1 ? 'The run takes' : 'Runs take'} a checkpoint and can be resumed later, from the same step.`]
        : []),
      ...(others > 0 ? ['Measurements by hand, backups and checks are given up.'] : []),
    ].join(' '),
    buttons: [runs > 0 ? 'Pause and Quit' : 'Quit', 'Keep Running'],
    defaultId: 1,
    cancelId: 1,
    noLink: true,
  };
}
