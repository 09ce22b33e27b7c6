/** The contract over Electron's channels. This file alone uses ipcMain. */
import { ipcMain } from 'electron';
import type { IpcMainInvokeEvent } from 'electron';
import { channels } from '../../shared/contract/bridge.ts';
import type { Outcome } from '../../shared/contract/index.ts';
import type { Workbench } from '../contract/workbench.ts';
import { isOwnPage } from './pages.ts';
import type { MainWindow } from './window.ts';

export function setupIpc(workbench: Workbench, window: MainWindow): void {
  ipcMain.handle(channels.request, async (event, method: unknown, params: unknown): Promise<Outcome<unknown>> => {
    if (!isFromOwnPage(event)) {
      return { ok: false, fault: { code: 'bad-input', message: 'only the program’s own page is answered' } };
    }
    return workbench.request(method, params);
  });
  workbench.bus.listen((event, payload) => {
    window.send(channels.event, event, payload);
  });
}

/** The page itself, not a frame in it, and not a page of elsewhere. */
function isFromOwnPage({ senderFrame, sender }: IpcMainInvokeEvent): boolean {
  return senderFrame !== null && senderFrame === sender.mainFrame && isOwnPage(senderFrame.url);
}
