/** What the preload script gives the window in the desktop shell: the contract and nothing else. */
import type { Outcome } from './faults.ts';
import type { ChosenFile } from './methods/system.ts';

export const bridgeName = 'covature';

/** Channels between preload and main. */
export const channels = {
  request: 'covature:request',
  event: 'covature:event',
  /** Commands of the native menu, by name. */
  command: 'covature:command',
  /** Paths of files that were dropped onto the window. */
  dropped: 'covature:dropped',
} as const;

/** Characters and bytes of one request, at most; files go by their paths. */
export const longestMessage = 16 * 1024 * 1024;

/**
 * Whether a request stays within `longestMessage`: characters of texts, bytes of arrays, and eight of anything else. Anything that is not a plain value ends the
 * count: it does not cross anyway.
 */
export function isShortEnough(value: unknown): boolean {
  let left = longestMessage;
  const waiting: unknown[] = [value];
  const seen = new Set<object>();
  while (waiting.length > 0 && left >= 0) {
    const next = waiting.pop();
    if (typeof next === 'string') left -= next.length;
    else if (ArrayBuffer.isView(next) || next instanceof ArrayBuffer) left -= next.byteLength;
    else if (typeof next === 'object' && next !== null && !seen.has(next)) {
      seen.add(next);
      for (const [key, item] of Object.entries(next)) {
        left -= key.length;
        waiting.push(item);
      }
    } else left -= 8;
  }
  return left >= 0;
}

/** Commands of the native menu: all that the window can do anywhere (src/renderer/state/commands.ts). */
export const menuCommands = [
  'new-experiment',
  'open-file',
  'import',
  'backup',
  'undo',
  'find',
  'command-palette',
  'runs',
  'compare',
  'figures',
  'data',
  'cluster',
  'settings',
  'bin',
  'hold',
  'light',
  'dark',
  'system',
  'zoom-in',
  'zoom-out',
  'zoom-reset',
  'shortcuts',
  'about',
] as const;
export type MenuCommand = (typeof menuCommands)[number];

export interface Bridge {
  /** Any method; an unknown one is answered by the fault `unknown-method`. */
  readonly request: (method: string, params: unknown) => Promise<Outcome<unknown>>;
  /** All events. Returns a function that stops listening. */
  readonly listen: (listener: (event: string, payload: unknown) => void) => () => void;
  readonly onCommand: (listener: (command: MenuCommand) => void) => () => void;
  /** Returns tokens for files that the user dropped onto the window. Files made by a script have no path and get no token. */
  readonly openDropped: (files: readonly File[]) => Promise<Outcome<readonly ChosenFile[]>>;
}
