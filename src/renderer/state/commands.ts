/** What the keyboard and the command palette can do anywhere. */
import type { WindowCommand } from './command.ts';
import type { App } from './app.svelte.ts';
import { zoomStep } from './zoom.ts';

export function commandsOf(app: App): WindowCommand[] {
  return [
    { id: 'runs', title: 'Go to runs', keys: 'Alt+1', run: () => app.go({ screen: 'runs' }) },
    { id: 'compare', title: 'Go to compare', keys: 'Alt+2', run: () => app.go({ screen: 'compare', runs: [] }) },
    { id: 'figures', title: 'Go to figures', keys: 'Alt+3', run: () => app.go({ screen: 'figures' }) },
    { id: 'data', title: 'Go to data', keys: 'Alt+4', run: () => app.go({ screen: 'data' }) },
    { id: 'cluster', title: 'Go to clusters', keys: 'Alt+6', run: () => app.go({ screen: 'cluster' }) },
    { id: 'settings', title: 'Go to settings', keys: 'Alt+5', run: () => app.go({ screen: 'settings' }) },
    { id: 'new-experiment', title: 'New experiment', keys: 'Alt+N', run: () => app.go({ screen: 'new' }) },
    { id: 'bin', title: 'Show the bin', keys: 'Alt+7', run: () => app.go({ screen: 'runs', bin: true }) },
    { id: 'undo', title: 'Undo', keys: 'Ctrl+Z', changes: true, run: () => app.undo() },
    {
      id: 'hold',
      changes: true,
      title: app.queue?.held === true ? 'Start waiting jobs again' : 'Hold the queue: start nothing new',
      run: () => void holdOrStart(app),
    },
    { id: 'light', title: 'Theme: light', run: () => void app.saveSettings({ theme: 'light' }) },
    { id: 'dark', title: 'Theme: dark', run: () => void app.saveSettings({ theme: 'dark' }) },
    { id: 'system', title: 'Theme: as the system', run: () => void app.saveSettings({ theme: 'system' }) },
    {
      id: 'zoom-in',
      title: 'Zoom: larger',
      keys: 'Ctrl++',
      otherKeys: ['Ctrl+='],
      run: () => void app.saveSettings({ zoom: zoomStep(app.settings?.zoom ?? 1, 1) }),
    },
    {
      id: 'zoom-out',
      title: 'Zoom: smaller',
      keys: 'Ctrl+-',
      run: () => void app.saveSettings({ zoom: zoomStep(app.settings?.zoom ?? 1, -1) }),
    },
    { id: 'zoom-reset', title: 'Zoom: 100 %', keys: 'Ctrl+0', run: () => void app.saveSettings({ zoom: 1 }) },
    {
      id: 'backup',
      changes: true,
      title: 'Back up the store',
      run: () => void backUp(app),
    },
    { id: 'open-file', title: 'Open a .covature file', keys: 'Ctrl+O', run: () => void app.openFile() },
    { id: 'import', title: 'Import a model or a run', keys: 'Ctrl+I', run: () => app.go({ screen: 'import' }) },
    { id: 'find', title: 'Find runs', run: () => findRuns(app) },
    { id: 'about', title: 'About Covature', run: () => app.go({ screen: 'settings' }) },
    { id: 'command-palette', title: 'Command palette', keys: 'Ctrl+K', run: () => (app.paletteOpen = true) },
    { id: 'shortcuts', title: 'Keyboard map', keys: '?', run: () => (app.keysOpen = true) },
  ];
}

/** Lets no job start any more, or those that wait start again. */
export async function holdOrStart(app: App): Promise<void> {
  await app.attempt(async () => {
    app.queue = await app.client.request('queue.hold', { held: app.queue?.held !== true });
  });
}

export async function backUp(app: App): Promise<void> {
  await app.attempt(async () => {
    await app.client.request('store.backup');
    app.tell('info', 'The backup is being made; the status bar shows its progress.');
  });
}

/** The filter of the table of runs, from wherever the window is. */
function findRuns(app: App): void {
  app.go({ screen: 'runs' });
  const until = performance.now() + 2000;
  // The screen shows its filter once it has heard from the main side.
  const look = (): void => {
    const field = document.querySelector<HTMLElement>('input[aria-label="Filter"]');
    if (field !== null) field.focus();
    else if (performance.now() < until) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

/** Keys that belong to one place; shown in the keyboard map. */
export const placeKeys: readonly { readonly place: string; readonly keys: readonly (readonly [string, string])[] }[] = [
  {
    place: 'Table of runs',
    keys: [
      ['↑ ↓', 'move'],
      ['Home, End', 'first, last run'],
      ['Page Up, Page Down', 'a page'],
      ['Enter', 'open the run'],
      ['X', 'select or unselect'],
      ['Shift+↑ ↓', 'extend the selection'],
      ['Ctrl+A', 'select all that match'],
      ['← →', 'close or open a group; else scroll sideways'],
      ['Space', 'show or hide the inspector'],
      ['D', 'show or hide in charts'],
      ['T', 'tags'],
      ['M', 'move to a project'],
      ['A', 'archive'],
      ['Shift+F10', 'all that can be done'],
      ['Delete', 'put into the bin'],
      ['C', 'compare the selected runs'],
      ['/', 'filter'],
    ],
  },
  {
    place: 'Names of columns',
    keys: [
      ['← →', 'the next column'],
      ['Enter', 'sort by it'],
      ['Alt+← →', 'move it'],
      ['Shift+← →', 'make it narrower or wider'],
    ],
  },
  {
    place: 'Projects',
    keys: [
      ['↑ ↓', 'move'],
      ['F2', 'rename and describe'],
      ['Delete', 'move it and its runs to the bin'],
    ],
  },
  {
    place: 'Cutoff',
    keys: [
      ['← →, Page Up, Page Down', 'move by a decade'],
      ['Shift+← →', 'move by a twentieth of a decade; the interval is then that of the nearest decade'],
      ['Home, End', 'all directions, the widest cutoff'],
    ],
  },
];

/** The command of a key press, if it has one; keys with Alt or Ctrl work in text fields too. */
export function commandOfKey(event: KeyboardEvent, commands: readonly WindowCommand[]): WindowCommand | undefined {
  const target = event.target as HTMLElement | null;
  const writing = target?.closest('input, textarea, select, [contenteditable]') !== null && target !== null;
  const named = (event.ctrlKey || event.metaKey ? 'Ctrl+' : '') + (event.altKey ? 'Alt+' : '');
  // Shift changes the character of a digit key differently on every keyboard.
  const digit = event.altKey && event.shiftKey ? /^Digit(\d)$/.exec(event.code)?.[1] : undefined;
  const key = digit !== undefined ? `Shift+${digit}` : event.key.length === 1 ? event.key.toUpperCase() : event.key;
  // In a text field the browser's own undo applies.
  if (writing && (named === '' || named + key === 'Ctrl+Z')) return undefined;
  return commands.find(({ keys, otherKeys }) => keys === named + key || otherKeys?.includes(named + key) === true);
}
