/** Ending: runs pause at a checkpoint and the store is closed before the process goes. */
import { app } from 'electron';
import type { Workbench } from '../contract/workbench.ts';
import type { MainWindow } from './window.ts';

export function setupQuit(workbench: Workbench, window: MainWindow): void {
  let closed = false;
  app.on('before-quit', (event) => {
    if (closed) return;
    event.preventDefault();
    void workbench.close().finally(() => {
      closed = true;
      app.quit();
    });
  });
  app.on('window-all-closed', () => {
    // On macOS programs stay until they are told to quit; a run goes on meanwhile.
    if (process.platform !== 'darwin') app.quit();
  });
  app.on('activate', () => {
    window.open();
  });
  app.on('second-instance', () => {
    window.open();
  });
}
