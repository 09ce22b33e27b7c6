/** The contract over Electron's channels. This file alone uses ipcMain. */
import { ipcMain } from 'electron';
import type { IpcMainInvokeEvent } from 'electron';
import * as path from 'node:path';
import { channels, isShortEnough, longestMessage } from '../../shared/contract/bridge.ts';
import type { ChosenFile, Outcome } from '../../shared/contract/index.ts';
import type { Workbench } from '../contract/workbench.ts';
import { isOwnPage } from './pages.ts';
import type { MainWindow } from './window.ts';

/** Files dropped at once, at most. */
const mostDropped = 100;

export function setupIpc(workbench: Workbench, window: MainWindow): void {
  ipcMain.handle(channels.request, async (event, method: unknown, params: unknown): Promise<Outcome<unknown>> => {
    if (!isFromOwnPage(event, window)) return refused;
    // The bridge has looked already; a page that got past its sandbox would not have asked the bridge.
    if (!isShortEnough([method, params])) {
      return {
        ok: false,
        fault: { code: 'too-large', message: `expected a request of at most ${longestMessage} characters` },
      };
    }
    return workbench.request(method, params);
  });
  ipcMain.handle(channels.dropped, (event, paths: unknown): Outcome<readonly ChosenFile[]> => {
    if (!isFromOwnPage(event, window)) return refused;
    if (!isPaths(paths)) {
      return { ok: false, fault: { code: 'bad-input', message: `expected at most ${mostDropped} paths of files` } };
    }
    return { ok: true, value: paths.map((file) => workbench.keepFile(file)) };
  });
  workbench.bus.listen((event, payload) => {
    window.send(channels.event, event, payload);
  });
}

const refused: Outcome<never> = {
  ok: false,
  fault: { code: 'bad-input', message: 'only the program’s own page is answered' },
};

/** The page of the window itself, not a frame in it, and not a page of elsewhere. */
function isFromOwnPage({ senderFrame, sender }: IpcMainInvokeEvent, window: MainWindow): boolean {
  return (
    sender === window.browserWindow?.webContents &&
    senderFrame !== null &&
    senderFrame === sender.mainFrame &&
    isOwnPage(senderFrame.url)
  );
}

function isPaths(value: unknown): value is string[] {
  return (
    Array.isArray(value) &&
    value.length <= mostDropped &&
    value.every((each) => typeof each === 'string' && each.length <= 4096 && path.isAbsolute(each))
  );
}
