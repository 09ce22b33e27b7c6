import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { menuCommands } from '../../../src/shared/contract/bridge.ts';
import { filesIn } from '../../../src/main/electron/files.ts';
import { menuTemplate } from '../../../src/main/electron/menu.ts';
import { compareVersions } from '../../../src/main/electron/updates.ts';
import { readWindowState, writeWindowState } from '../../../src/main/electron/window-state.ts';
import type { MainWindow } from '../../../src/main/electron/window.ts';
import { temporaryFolder } from '../queue/support.ts';

// These modules name Electron's, whose package answers a path where there is no Electron.
vi.mock('electron', () => ({
  app: {},
  Menu: {},
  BrowserWindow: class {},
  nativeTheme: {},
  net: {},
  screen: {},
  session: {},
}));

const display = { x: 0, y: 0, width: 1920, height: 1080 };

describe('the state of the window', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(() => {
    folder.remove();
  });

  it('comes back as it was', () => {
    const file = `${folder.path}/deep/window.json`;
    const state = { bounds: { x: 100, y: 50, width: 1000, height: 700 }, maximised: true };
    writeWindowState(state, file);
    expect(readWindowState([display], file)).toEqual(state);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(state);
  });

  const gone: [string, object, object][] = [
    ['a display that is gone', { x: 3000, y: 0, width: 900, height: 700 }, { width: 900, height: 700 }],
    ['a larger display that is gone', { x: -3840, y: 0, width: 3000, height: 2000 }, { width: 1920, height: 1080 }],
    ['a title bar above the display', { x: 0, y: -500, width: 900, height: 700 }, { width: 900, height: 700 }],
  ];
  it.each(gone)('keeps its size as far as it fits after %s', (_, bounds, expected) => {
    const file = `${folder.path}/window.json`;
    for (const maximised of [false, true]) {
      writeFileSync(file, JSON.stringify({ bounds, maximised }));
      expect(readWindowState([display], file)).toEqual({ bounds: expected, maximised });
    }
  });

  it('stays on the second of two displays', () => {
    const file = `${folder.path}/window.json`;
    const state = { bounds: { x: 2000, y: 10, width: 900, height: 700 }, maximised: false };
    writeWindowState(state, file);
    expect(readWindowState([display, { x: 1920, y: 0, width: 1280, height: 1024 }], file)).toEqual(state);
  });

  const rows: [string, string][] = [
    ['no size', JSON.stringify({ bounds: { x: 0, y: 0, width: 0, height: 0 }, maximised: false })],
    ['no JSON', '{'],
    ['something else', '{"bounds": 7}'],
    ['numbers out of range', JSON.stringify({ bounds: { x: 1e300, y: 0, width: 900, height: 700 }, maximised: false })],
  ];
  it.each(rows)('begins anew after %s', (_, text) => {
    const file = `${folder.path}/window.json`;
    writeFileSync(file, text);
    expect(readWindowState([display], file)).toEqual({ bounds: { width: 1400, height: 900 }, maximised: false });
  });

  it('begins with the initial one', () => {
    expect(readWindowState([display], `${folder.path}/none.json`).maximised).toBe(false);
  });
});

describe('opened files', () => {
  it('are the arguments that end in .covature, from the folder they were named in', () => {
    const argv = ['/usr/bin/covature', '--flag', 'a.covature', '/b/C.COVATURE', 'notes.txt'];
    expect(filesIn(argv, '/home')).toEqual(['/home/a.covature', '/b/C.COVATURE']);
  });

  it('are addresses of files too, as Linux desktops hand them over', () => {
    const argv = [
      'covature',
      'file:///b/Gr%C3%B6%C3%9Fe%20%282%29.covature',
      'file:///b/notes.txt',
      'file:///%zz',
      'file://host/x.covature',
    ];
    expect(filesIn(argv, '/home')).toEqual(['/b/Größe (2).covature']);
  });
});

describe('versions', () => {
  it.each([
    ['v1.10.0', '1.9.9', 1],
    ['1.2.3', 'v1.2.3', 0],
    ['0.1.0', '0.1.1', -1],
    ['2.0', '1.99.99', 1],
    ['1.0.0-beta.2', '1.0.0', 0],
    ['nonsense', '0.1.0', -1],
  ])('%s against %s: %i', (first, second, sign) => {
    expect(Math.sign(compareVersions(first, second))).toBe(sign);
  });
});

describe('the native menu', () => {
  it.each(['linux', 'darwin', 'win32'] as const)('on %s sends the commands that the window knows', (platform) => {
    const sent: unknown[] = [];
    const window = { open: () => undefined, send: (_: string, command: unknown) => sent.push(command) };
    const click = (items: readonly unknown[]): void => {
      for (const item of items as { click?: () => void; submenu?: unknown[] }[]) {
        item.click?.();
        click(item.submenu ?? []);
      }
    };
    click(menuTemplate(window as unknown as MainWindow, platform, { theme: 'system', held: false }));
    expect([...sent].sort()).toEqual([...menuCommands].sort());
  });
});
