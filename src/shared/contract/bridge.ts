/** What the preload script gives the window in the desktop shell: the contract and nothing else. */
import type { Outcome } from './faults.ts';

export const bridgeName = 'covature';

/** Channels between preload and main. */
export const channels = {
  request: 'covature:request',
  event: 'covature:event',
  /** Commands of the native menu, by name. */
  command: 'covature:command',
} as const;

/** Commands of the native menu: what the window does with its own keys in the browser. */
export const menuCommands = [
  'new-experiment',
  'open-file',
  'find',
  'command-palette',
  'settings',
  'shortcuts',
  'zoom-in',
  'zoom-out',
  'zoom-reset',
  'about',
] as const;
export type MenuCommand = (typeof menuCommands)[number];

export interface Bridge {
  /** Any method; an unknown one is answered by the fault `unknown-method`. */
  readonly request: (method: string, params: unknown) => Promise<Outcome<unknown>>;
  /** All events. Answers how to stop listening. */
  readonly listen: (listener: (event: string, payload: unknown) => void) => () => void;
  readonly onCommand: (listener: (command: MenuCommand) => void) => () => void;
}
