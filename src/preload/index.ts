/** The bridge between the sandboxed window and the main side: the contract and nothing else. No Electron object reaches the window. */
import { contextBridge, ipcRenderer } from 'electron';
import { bridgeName, channels } from '../shared/contract/bridge.ts';
import type { Bridge, MenuCommand } from '../shared/contract/bridge.ts';
import type { Outcome } from '../shared/contract/faults.ts';

const bridge: Bridge = {
  request: (method, params) =>
    ipcRenderer.invoke(channels.request, String(method), params) as Promise<Outcome<unknown>>,
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
};

contextBridge.exposeInMainWorld(bridgeName, bridge);
