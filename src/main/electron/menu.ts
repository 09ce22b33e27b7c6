/** The native menu. What the window does itself is sent to it as a command. */
import { Menu } from 'electron';
import type { MenuItemConstructorOptions } from 'electron';
import { channels } from '../../shared/contract/bridge.ts';
import type { MenuCommand } from '../../shared/contract/bridge.ts';
import type { MainWindow } from './window.ts';

export function setupMenu(window: MainWindow, platform = process.platform): void {
  Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(window, platform)));
}

export function menuTemplate(window: MainWindow, platform: NodeJS.Platform): MenuItemConstructorOptions[] {
  const isMac = platform === 'darwin';
  const command = (label: string, name: MenuCommand, accelerator?: string): MenuItemConstructorOptions => ({
    label,
    ...(accelerator !== undefined && { accelerator }),
    click: () => {
      window.open();
      window.send(channels.command, name);
    },
  });
  const separator: MenuItemConstructorOptions = { type: 'separator' };
  const settings = command('Settings', 'settings', 'CmdOrCtrl+,');
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
      label: 'File',
      submenu: [
        command('New Experiment', 'new-experiment', 'CmdOrCtrl+N'),
        command('Open File', 'open-file', 'CmdOrCtrl+O'),
        separator,
        ...(isMac ? [{ role: 'close' as const }] : [settings, separator, { role: 'quit' as const }]),
      ],
    },
    {
      label: 'Edit',
      submenu: [
        { role: 'undo' },
        { role: 'redo' },
        separator,
        { role: 'cut' },
        { role: 'copy' },
        { role: 'paste' },
        { role: 'selectAll' },
        separator,
        command('Find', 'find', 'CmdOrCtrl+F'),
        command('Command Palette', 'command-palette', 'CmdOrCtrl+K'),
      ],
    },
    {
      label: 'View',
      submenu: [
        command('Actual Size', 'zoom-reset', 'CmdOrCtrl+0'),
        command('Zoom In', 'zoom-in', 'CmdOrCtrl+Plus'),
        command('Zoom Out', 'zoom-out', 'CmdOrCtrl+-'),
        separator,
        { role: 'togglefullscreen' },
        { role: 'toggleDevTools' },
      ],
    },
    { role: 'windowMenu' },
    {
      role: 'help',
      submenu: [command('Keyboard Shortcuts', 'shortcuts'), ...(isMac ? [] : [command('About Covature', 'about')])],
    },
  ];
}
