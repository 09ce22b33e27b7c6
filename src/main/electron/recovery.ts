/** Processes of Chromium that end: the window is loaded again and says what happened. Workers of jobs are the queue's own affair. */
import { app, dialog } from 'electron';
import type { BrowserWindow } from 'electron';
import type { Workbench } from '../contract/workbench.ts';
import type { MainWindow } from './window.ts';

/** Ends of the page's process within `period` milliseconds, after which it is not loaded again by itself. */
const most = 3;
const period = 60_000;

export function setupRecovery(workbench: Workbench, window: MainWindow): void {
  /** What is said once the page listens. */
  let waiting: string | null = null;
  let ends: number[] = [];
  app.on('web-contents-created', (_event, contents) => {
    contents.on('render-process-gone', (_gone, { reason }) => {
      const opened = window.browserWindow;
      if (reason === 'clean-exit' || opened?.webContents !== contents) return;
      const now = Date.now();
      ends = [...ends.filter((time) => now - time < period), now];
      if (ends.length > most) {
        void askToReload(opened, reason);
        return;
      }
      waiting = `The window’s own process ended (${reason}) and was started again. Jobs went on meanwhile, and nothing stored is lost.`;
      contents.reload();
    });
    contents.on('did-finish-load', () => {
      if (waiting === null) return;
      workbench.bus.emit('notice', { level: 'warning', text: waiting, run: null });
      waiting = null;
    });
  });
  app.on('child-process-gone', (_event, { type, reason }) => {
    if (type !== 'GPU' || reason === 'clean-exit') return;
    workbench.bus.emit('notice', {
      level: 'warning',
      text: `The process that draws the window ended (${reason}) and was started again. Jobs are not touched.`,
      run: null,
    });
  });
}

async function askToReload(opened: BrowserWindow, reason: string): Promise<void> {
  const { response } = await dialog.showMessageBox(opened, {
    type: 'error',
    message: 'The window ends again and again',
    detail: `Its process ended ${most + 1} times within a minute (${reason}). Jobs go on, and nothing stored is lost. The command line has the same runs: covature list.`,
    buttons: ['Load It Again', 'Quit'],
    defaultId: 0,
    cancelId: 0,
    noLink: true,
  });
  if (response === 0) opened.webContents.reload();
  else app.quit();
}
