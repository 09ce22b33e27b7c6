/** The bridge between the sandboxed window and the main side: the contract and nothing else. No Electron object reaches the window. */
import { contextBridge, ipcRenderer, webUtils } from 'electron';
import { bridgeName, channels, isShortEnough, longestMessage } from '../shared/contract/bridge.ts';
import type { Bridge, MenuCommand } from '../shared/contract/bridge.ts';
import type { ChosenFile } from '../shared/contract/index.ts';
import type { Outcome } from '../shared/contract/faults.ts';

const bridge: Bridge = {
  request: (method, params) => {
    if (!isShortEnough(params)) {
      return Promise.resolve({
        ok: false,
        fault: { code: 'too-large', message: `expected a request of at most ${longestMessage} characters` },
      });
    }
    return ipcRenderer.invoke(channels.request, String(method), params) as Promise<Outcome<unknown>>;
  },
  listen: (listener) => {
    // The event object of Electron stays here.
    const pass = (_: unknown, event: string, payload: unknown): void => {
      listener(event, payload);
    };
    ipcRenderer.on(channels.event, pass);
    return () => {
      ipcRenderer.removeListener(channels.event, pass);
    };
  },
  onCommand: (listener) => {
    const pass = (_: unknown, command: MenuCommand): void => {
      listener(command);
    };
    ipcRenderer.on(channels.command, pass);
    return () => {
      ipcRenderer.removeListener(channels.command, pass);
    };
  },
  openDropped: (files) => {
    const paths = Array.from(files, (file) => webUtils.getPathForFile(file)).filter((path) => path !== '');
    return ipcRenderer.invoke(channels.dropped, paths) as Promise<Outcome<readonly ChosenFile[]>>;
  },
};

contextBridge.exposeInMainWorld(bridgeName, bridge);
