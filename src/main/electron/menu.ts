/** The native menu: everything that the window can do anywhere, with its keys. What the window does itself is sent to it as a command. */
import { Menu } from 'electron';
import type { MenuItemConstructorOptions } from 'electron';
import { channels } from '../../shared/contract/bridge.ts';
import type { MenuCommand } from '../../shared/contract/bridge.ts';
import type { QueueSnapshot, Settings } from '../../shared/contract/index.ts';
import type { Workbench } from '../contract/workbench.ts';
import type { MainWindow } from './window.ts';

/** What the menu shows of the present state. */
export interface MenuState {
  readonly theme: Settings['theme'];
  /** Whether the queue starts nothing new. */
  readonly held: boolean;
}

export function setupMenu(workbench: Workbench, window: MainWindow, platform = process.platform): void {
  let shown: MenuState | null = null;
  const show = (changes: Partial<MenuState>): void => {
    const state = { theme: workbench.settings().theme, held: shown?.held ?? false, ...changes };
    if (shown !== null && state.theme === shown.theme && state.held === shown.held) return;
    shown = state;
    Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(window, platform, state)));
  };
  show({});
  workbench.bus.listen((event, payload) => {
    if (event === 'settings.changed') show({ theme: (payload as Settings).theme });
    if (event === 'queue.changed') show({ held: (payload as QueueSnapshot).held });
  });
}

export function menuTemplate(
  window: MainWindow,
  platform: NodeJS.Platform,
  { theme, held }: MenuState,
): MenuItemConstructorOptions[] {
  const isMac = platform === 'darwin';
  const command = (
    label: string,
    name: MenuCommand,
    more: Pick<MenuItemConstructorOptions, 'accelerator' | 'type' | 'checked'> = {},
  ): MenuItemConstructorOptions => ({
    label,
    ...more,
    click: () => {
      window.open();
      window.send(channels.command, name);
    },
  });
  const separator: MenuItemConstructorOptions = { type: 'separator' };
  const settings = command('Settings', 'settings', { accelerator: 'CmdOrCtrl+,' });
  const themeItem = (label: string, name: Settings['theme']): MenuItemConstructorOptions =>
    command(label, name, { type: 'radio', checked: theme === name });
  return [
    ...(isMac
      ? [
          {
            role: 'appMenu' as const,
            submenu: [
              command('About Covature', 'about'),
              separator,
              settings,
              separator,
              { role: 'hide' as const },
              { role: 'hideOthers' as const },
              { role: 'unhide' as const },
              separator,
              { role: 'quit' as const },
            ],
          },
        ]
      : []),
    {
      label: '&File',
      submenu: [
        command('New Experiment', 'new-experiment', { accelerator: 'CmdOrCtrl+N' }),
        command('Open File…', 'open-file', { accelerator: 'CmdOrCtrl+O' }),
        command('Import…', 'import', { accelerator: 'CmdOrCtrl+I' }),
        separator,
        command('Back Up the Store', 'backup', { accelerator: 'CmdOrCtrl+Shift+B' }),
        separator,
        ...(isMac ? [{ role: 'close' as const }] : [settings, separator, { role: 'quit' as const }]),
      ],
    },
    {
      label: '&Edit',
      submenu: [
        { role: 'undo' },
        { role: 'redo' },
        separator,
        { role: 'cut' },
        { role: 'copy' },
        { role: 'paste' },
        { role: 'selectAll' },
        separator,
        command('Undo the Last Change of Runs', 'undo', { accelerator: 'CmdOrCtrl+Alt+Z' }),
        separator,
        command('Find', 'find', { accelerator: 'CmdOrCtrl+F' }),
        command('Command Palette', 'command-palette', { accelerator: 'CmdOrCtrl+K' }),
      ],
    },
    {
      label: '&Go',
      submenu: [
        command('Runs', 'runs', { accelerator: 'Alt+1' }),
        command('Compare', 'compare', { accelerator: 'Alt+2' }),
        command('Figures', 'figures', { accelerator: 'Alt+3' }),
        command('Data', 'data', { accelerator: 'Alt+4' }),
        command('Clusters', 'cluster', { accelerator: 'Alt+6' }),
        separator,
        command('Bin', 'bin', { accelerator: 'Alt+7' }),
      ],
    },
    {
      label: '&Jobs',
      submenu: [
        command('Hold the Queue', 'hold', { type: 'checkbox', checked: held, accelerator: 'CmdOrCtrl+Shift+H' }),
      ],
    },
    {
      label: '&View',
      submenu: [
        {
          label: 'Theme',
          submenu: [themeItem('As the System', 'system'), themeItem('Light', 'light'), themeItem('Dark', 'dark')],
        },
        separator,
        command('Actual Size', 'zoom-reset', { accelerator: 'CmdOrCtrl+0' }),
        command('Zoom In', 'zoom-in', { accelerator: 'CmdOrCtrl+Plus' }),
        command('Zoom Out', 'zoom-out', { accelerator: 'CmdOrCtrl+-' }),
        separator,
        { role: 'togglefullscreen' },
        { role: 'toggleDevTools' },
      ],
    },
    { role: 'windowMenu' },
    {
      role: 'help',
      submenu: [
        command('Keyboard Shortcuts', 'shortcuts', { accelerator: 'F1' }),
        ...(isMac ? [] : [command('About Covature', 'about')]),
      ],
    },
  ];
}
