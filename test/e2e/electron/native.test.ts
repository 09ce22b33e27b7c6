/** What the desktop has from the system: menu, window, files, colours. In a real Electron; keys are pressed on the display itself. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { menuCommands } from '../../../src/shared/contract/bridge.ts';
import { tiny, until } from '../../main/queue/support.ts';
import { describeWhere } from '../../support/skips.ts';
import { Desktop, environment } from './desktop.ts';
import { Display } from './display.ts';
import { Fixture } from './fixture.ts';
import { desktopAvailable } from './place.ts';

const hash = (desktop: Desktop): Promise<string> => desktop.page.evaluate('location.hash');

describeWhere(desktopAvailable(), 'the native menu', () => {
  const fixture = new Fixture();
  const shared = fixture.shared();

  interface Item {
    readonly label: string;
    readonly accelerator: string | null;
    readonly role: string | null;
  }
  const items = (desktop: Desktop): Promise<Item[]> =>
    desktop.app.evaluate(({ Menu }) => {
      const found: { label: string; accelerator: string | null; role: string | null }[] = [];
      const walk = (list: Electron.MenuItem[]): void => {
        for (const each of list) {
          if (each.submenu) walk(each.submenu.items);
          else if (each.type !== 'separator')
            found.push({ label: each.label, accelerator: each.accelerator ?? null, role: each.role ?? null });
        }
      };
      walk(Menu.getApplicationMenu()!.items);
      return found;
    });

  it('has every command of the window, each key once', async () => {
    const found = await items(shared.desktop);
    expect(found.filter(({ role }) => role === null)).toHaveLength(menuCommands.length);
    const keys = found.flatMap(({ accelerator }) => (accelerator === null ? [] : [accelerator]));
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys).toEqual(
      expect.arrayContaining([
        'CmdOrCtrl+N',
        'CmdOrCtrl+O',
        'CmdOrCtrl+,',
        'CmdOrCtrl+K',
        'CmdOrCtrl+F',
        'Alt+1',
        'CmdOrCtrl+0',
      ]),
    );
  });

  const places: [string[], string][] = [
    [['File', 'New Experiment'], '#/new'],
    [['File', 'Import…'], '#/import'],
    [['File', 'Settings'], '#/settings'],
    [['Go', 'Runs'], '#/runs'],
    [['Go', 'Compare'], '#/compare'],
    [['Go', 'Figures'], '#/figures'],
    [['Go', 'Data'], '#/data'],
    [['Go', 'Bin'], '#/runs/bin'],
  ];
  it.each(places)('%j goes to %s', async (labels, place) => {
    await shared.desktop.choose(...labels);
    await until(async () => (await hash(shared.desktop)) === place, place);
  });

  it('does what else it offers', async () => {
    const { desktop } = shared;
    const { page } = desktop;
    await desktop.choose('Help', 'Keyboard Shortcuts');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await desktop.choose('Edit', 'Command Palette');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await desktop.choose('Jobs', 'Hold the Queue');
    await until(async () => (await desktop.request('queue.get')).held, 'the queue to be held');
    const isChecked = (): Promise<boolean> =>
      desktop.app.evaluate(({ Menu }) =>
        Menu.getApplicationMenu()!
          .items.flatMap(({ submenu }) => submenu?.items ?? [])
          .some((each) => each.label === 'Hold the Queue' && each.checked),
      );
    await until(isChecked, 'the mark');
    await desktop.choose('Jobs', 'Hold the Queue');
    await until(async () => !(await desktop.request('queue.get')).held && !(await isChecked()), 'the queue to go on');
    await desktop.choose('File', 'Back Up the Store');
    await until(async () => (await desktop.request('store.backups')).length === 1, 'the backup');
    await desktop.choose('Help', 'About Covature');
    await until(async () => (await hash(desktop)) === '#/settings', 'the settings');
    await desktop.choose('Edit', 'Find');
    await until(async () => (await hash(desktop)) === '#/runs', 'the runs');
    expect(desktop.errors).toEqual([]);
  });

  it('sets theme and zoom, in the window and in the settings alike', async () => {
    const { desktop } = shared;
    const theme = (): Promise<string> => desktop.app.evaluate(({ nativeTheme }) => nativeTheme.themeSource);
    const zoom = (): Promise<number> =>
      desktop.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0].webContents.getZoomFactor());
    await desktop.choose('View', 'Theme', 'Dark');
    await until(async () => (await theme()) === 'dark', 'the dark theme');
    await until(
      () => desktop.page.evaluate<boolean>("matchMedia('(prefers-color-scheme: dark)').matches"),
      'the page to be asked for dark colours',
    );
    await until(
      () => desktop.page.evaluate<boolean>("document.documentElement.dataset.theme === 'dark'"),
      'the dark window',
    );
    await desktop.choose('View', 'Theme', 'As the System');
    await until(async () => (await theme()) === 'system', 'the theme of the system');
    await desktop.choose('View', 'Zoom In');
    await until(async () => Math.abs((await zoom()) - 1.1) < 1e-6, 'the zoom');
    expect((await desktop.request('settings.get')).zoom).toBe(1.1);
    await desktop.choose('View', 'Actual Size');
    await until(async () => (await zoom()) === 1, 'the zoom');
  });

  it('draws charts in as many pixels as the screen has, at every zoom', async () => {
    const { desktop } = shared;
    const { runs } = await desktop.request('runs.start', { experiment: { ...tiny, name: 'drawn', epochs: 1 } });
    await desktop.go(`#/run/${runs[0]}/training`);
    await desktop.page.getByRole('img', { name: 'Loss of drawn by step' }).waitFor();
    for (const zoom of [2, 0.75, 1]) {
      await desktop.request('settings.set', { zoom });
      const pixels = `(() => {
        const canvas = document.querySelector('[role="img"] canvas');
        return canvas !== null && devicePixelRatio === ${zoom} && canvas.width / canvas.parentElement.clientWidth;
      })()`;
      await until(
        async () => Math.abs(Number(await desktop.page.evaluate(pixels)) - zoom) < 0.02,
        `the chart at a zoom of ${zoom}`,
      );
    }
    await desktop.go('#/runs');
  });

  describe('by the keys of the display', () => {
    /** Whether the place is on show. */
    const at =
      (place: string) =>
      async (desktop: Desktop): Promise<boolean> =>
        (await hash(desktop)) === place;
    const zoomed =
      (factor: number) =>
      async (desktop: Desktop): Promise<boolean> =>
        (await desktop.request('settings.get')).zoom === factor;
    const opensDialog =
      (name: string) =>
      async ({ page }: Desktop): Promise<boolean> => {
        await page.getByRole('dialog', { name }).waitFor();
        await page.keyboard.press('Escape');
        return true;
      };
    const isHeld = async (desktop: Desktop): Promise<boolean> => (await desktop.request('queue.get')).held;
    const told =
      (name: string) =>
      (desktop: Desktop): Promise<boolean> =>
        desktop.app.evaluate((_, text) => (globalThis as unknown as { told: string[] }).told.includes(text), name);
    /** An accelerator, the same for xdotool, what happens then. */
    const rows: [string, string, (desktop: Desktop) => Promise<boolean>][] = [
      ['CmdOrCtrl+,', 'ctrl+comma', at('#/settings')],
      ['CmdOrCtrl+N', 'ctrl+n', at('#/new')],
      ['CmdOrCtrl+I', 'ctrl+i', at('#/import')],
      ['Alt+2', 'alt+2', at('#/compare')],
      ['Alt+3', 'alt+3', at('#/figures')],
      ['Alt+4', 'alt+4', at('#/data')],
      ['Alt+6', 'alt+6', at('#/cluster')],
      ['Alt+7', 'alt+7', at('#/runs/bin')],
      ['Alt+1', 'alt+1', at('#/runs')],
      ['CmdOrCtrl+O', 'ctrl+o', told('showOpenDialog')],
      ['CmdOrCtrl+Shift+B', 'ctrl+shift+b', async (desktop) => (await desktop.request('store.backups')).length === 2],
      ['CmdOrCtrl+Alt+Z', 'ctrl+alt+z', told('undo')],
      ['CmdOrCtrl+F', 'ctrl+f', ({ page }) => page.evaluate("document.activeElement.ariaLabel === 'Filter'")],
      ['CmdOrCtrl+K', 'ctrl+k', opensDialog('Command palette')],
      ['CmdOrCtrl+Shift+H', 'ctrl+shift+h', isHeld],
      ['CmdOrCtrl+Plus', 'ctrl+plus', zoomed(1.1)],
      ['CmdOrCtrl+-', 'ctrl+minus', zoomed(1)],
      ['CmdOrCtrl+0', 'ctrl+0', zoomed(1)],
      ['F1', 'F1', opensDialog('Keyboard map')],
    ];
    const canPress = (): boolean => fixture.display.windows('Covature') !== null && fixture.display.hasWindowManager;

    it('knows the effect of every key of its commands', async () => {
      const found = (await items(shared.desktop)).filter(({ role }) => role === null);
      const keys = found.flatMap(({ accelerator }) => (accelerator === null ? [] : [accelerator]));
      expect(keys.sort()).toEqual(rows.map(([key]) => key).sort());
      // What else there is has no key.
      const others = found.filter(({ accelerator }) => accelerator === null).map(({ label }) => label);
      expect(others).toEqual(['As the System', 'Light', 'Dark', 'About Covature']);
      // The table of runs has its filter once there is a run.
      const { runs } = await shared.desktop.request('runs.start', { experiment: { ...tiny, epochs: 1 } });
      await until(
        async () => (await shared.desktop.request('runs.get', { id: runs[0] })).status === 'done',
        'the first run',
      );
      await shared.desktop.app.evaluate(({ BrowserWindow, dialog }) => {
        const seen: string[] = [];
        (globalThis as unknown as { told: string[] }).told = seen;
        dialog.showOpenDialog = () => {
          seen.push('showOpenDialog');
          return Promise.resolve({ canceled: true, filePaths: [] });
        };
        const { webContents } = BrowserWindow.getAllWindows()[0];
        const send = webContents.send.bind(webContents);
        webContents.send = (channel, ...values: unknown[]) => {
          if (channel === 'covature:command') seen.push(String(values[0]));
          send(channel, ...values);
        };
      });
    });

    it.for(rows)('%s', async ([, keys, happens], context) => {
      if (!canPress()) return context.skip('no xdotool, or no window manager');
      fixture.display.press(keys);
      await until(() => happens(shared.desktop), `${keys} to do what it does`);
    });

    it('edits text', async (context) => {
      if (!canPress()) return context.skip('no xdotool, or no window manager');
      const { page } = shared.desktop;
      await shared.desktop.go('#/runs');
      const field = page.getByLabel('Filter', { exact: true });
      await field.fill('');
      await field.focus();
      await page.keyboard.type('seed');
      for (const [keys, text] of [
        ['ctrl+a ctrl+c', 'seed'],
        ['Right ctrl+v', 'seedseed'],
        ['ctrl+z', 'seed'],
        ['ctrl+shift+z', 'seedseed'],
        ['ctrl+a ctrl+x', ''],
      ]) {
        for (const key of keys.split(' ')) fixture.display.press(key);
        await until(async () => (await field.inputValue()) === text, `${keys} to leave ${text}`);
      }
    });

    it('is full-screen by F11, small by Ctrl+M, and ends by Ctrl+Q', async (context) => {
      if (!canPress()) return context.skip('no xdotool, or no window manager');
      const { desktop } = shared;
      const state = (name: 'isFullScreen' | 'isMinimized' | 'isFocused') => (): Promise<boolean> =>
        desktop.app.evaluate(({ BrowserWindow }, asked) => BrowserWindow.getAllWindows()[0][asked](), name);
      fixture.display.press('F11');
      await until(state('isFullScreen'), 'the full screen');
      fixture.display.press('F11');
      await until(async () => !(await state('isFullScreen')()), 'the window');
      fixture.display.press('ctrl+m');
      await until(state('isMinimized'), 'the icon');
      await desktop.app.evaluate(({ BrowserWindow }) => {
        BrowserWindow.getAllWindows()[0].restore();
        BrowserWindow.getAllWindows()[0].focus();
      });
      await until(() => fixture.display.activeWindow() === fixture.display.windows('Covature')![0], 'the window');
      // The window manager has given it the keyboard before the window itself knows.
      await until(state('isFocused'), 'the keyboard');
      const ended = desktop.ended();
      fixture.display.press('ctrl+q');
      expect(await ended).toBe(0);
    });
  });
});

describeWhere(desktopAvailable(), 'the window of the desktop', () => {
  const fixture = new Fixture();
  const bounds = (
    desktop: Desktop,
  ): Promise<{ x: number; y: number; width: number; height: number; maximised: boolean }> =>
    desktop.app.evaluate(({ BrowserWindow }) => {
      const [window] = BrowserWindow.getAllWindows();
      return { ...window.getBounds(), maximised: window.isMaximized() };
    });

  it('comes back where it was, maximised where it was, on a display where its own is gone, and dark where the system is', async (context) => {
    const home = fixture.place.home();
    let desktop = await fixture.start(home);
    await desktop.app.evaluate(({ BrowserWindow }) => {
      BrowserWindow.getAllWindows()[0].setBounds({ x: 200, y: 120, width: 1000, height: 700 });
    });
    await until(async () => (await bounds(desktop)).width === 1000, 'the new size');
    const before = await bounds(desktop);
    await desktop.quit();
    desktop = await fixture.start(home);
    expect(await bounds(desktop)).toMatchObject({ width: before.width, height: before.height, maximised: false });

    if (fixture.display.hasWindowManager) {
      await desktop.app.evaluate(({ BrowserWindow }) => {
        BrowserWindow.getAllWindows()[0].maximize();
      });
      await until(async () => (await bounds(desktop)).maximised, 'the window to be maximised');
      await desktop.quit();
      desktop = await fixture.start(home);
      await until(async () => (await bounds(desktop)).maximised, 'the window to come back maximised');
      expect((await bounds(desktop)).width).toBeGreaterThan(1800);
      // Back from there it has the size that it had.
      await desktop.app.evaluate(({ BrowserWindow }) => {
        BrowserWindow.getAllWindows()[0].unmaximize();
      });
      await until(async () => (await bounds(desktop)).width === before.width, 'the size from before');
    }
    await desktop.quit();

    const file = join(home, '.config/Covature/window.json');
    expect(existsSync(file)).toBe(true);
    writeFileSync(file, JSON.stringify({ bounds: { x: 5000, y: 3000, width: 1000, height: 700 }, maximised: false }));
    desktop = await fixture.start(home, { env: { GTK_THEME: 'Adwaita:dark' } });
    const after = await bounds(desktop);
    expect(after).toMatchObject({ width: 1000, height: 700 });
    expect(after.x).toBeLessThan(1920);
    expect(after.y).toBeLessThan(1080);
    // The system is dark now.
    expect(await desktop.app.evaluate(({ nativeTheme }) => nativeTheme.shouldUseDarkColors)).toBe(true);
    await until(
      () => desktop.page.evaluate<boolean>("document.documentElement.dataset.theme === 'dark'"),
      'the dark window',
    );
    expect(
      await desktop.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0].getBackgroundColor()),
    ).toBe('#17191D');
    if (!fixture.display.hasWindowManager) context.skip('no window manager: maximising was not tried');
  });

  it('stays with the second of two displays, and comes to the one that is left', async (context) => {
    const available = Display.twoAvailable();
    if (available !== true) return context.skip(available);
    const { place } = fixture;
    const display = await Display.openTwo(place.folder);
    const home = place.home();
    const open = (): Promise<Desktop> => Desktop.start(place, display, home);
    const displays = (desktop: Desktop): Promise<number> =>
      desktop.app.evaluate(({ screen }) => screen.getAllDisplays().length);
    let desktop: Desktop | undefined;
    try {
      display.plug(true);
      desktop = await open();
      await until(async () => (await displays(desktop!)) === 2, 'two displays');
      const there = { x: 2000, y: 100, width: 1000, height: 700 };
      const move = (): Promise<void> =>
        desktop!.app.evaluate(({ BrowserWindow }, given) => BrowserWindow.getAllWindows()[0].setBounds(given), there);
      const isOnSecond = async (): Promise<boolean> => (await bounds(desktop!)).x >= 1920;
      await move();
      await until(isOnSecond, 'the window on the second display');
      // Unplugged while it is there.
      display.plug(false);
      await until(async () => !(await isOnSecond()), 'the window on the first display');
      expect(await bounds(desktop)).toMatchObject({ width: 1000, height: 700 });
      // Plugged in again: it comes back there after a restart ...
      display.plug(true);
      await until(async () => (await displays(desktop!)) === 2, 'two displays');
      await move();
      await until(isOnSecond, 'the window on the second display');
      await desktop.quit();
      desktop = await open();
      await until(isOnSecond, 'the window on the second display');
      await desktop.quit();
      // ... unless the display is gone meanwhile.
      display.plug(false);
      desktop = await open();
      expect(await displays(desktop)).toBe(1);
      const { x, y, width, height } = await bounds(desktop);
      expect([x >= 0 && x + width <= 1920, y >= 0 && y + height <= 1080, width, height]).toEqual([
        true,
        true,
        1000,
        700,
      ]);
    } finally {
      await desktop?.kill();
      display.close();
    }
  });

  describe('with files', () => {
    let home: string;
    const shared = fixture.shared({ home: () => (home = fixture.place.home()) });

    it('takes files that are dropped onto it', async () => {
      const { desktop } = shared;
      const { page } = desktop;
      const client = await page.context().newCDPSession(page);
      const drop = async (...files: string[]): Promise<void> => {
        const data = { items: [], files, dragOperationsMask: 1 };
        for (const type of ['dragEnter', 'dragOver'] as const)
          await client.send('Input.dispatchDragEvent', { type, x: 600, y: 400, data });
        await page.getByText('Drop to open').waitFor();
        // What lies under the pointer may be drawn again since the last move: the drop comes to another element.
        await page.evaluate(
          "document.body.append(Object.assign(document.createElement('div'), { id: 'new', style: 'position: fixed; inset: 0; z-index: 9' }))",
        );
        await client.send('Input.dispatchDragEvent', { type: 'drop', x: 600, y: 400, data });
        await page.getByText('Drop to open').waitFor({ state: 'detached' });
        await page.evaluate("document.getElementById('new').remove()");
      };
      writeFileSync(`${home}/experiment.json`, JSON.stringify({ ...tiny, name: 'dropped' }));
      await drop(`${home}/experiment.json`);
      await page.getByRole('button', { name: 'JSON' }).click();
      const json = page.getByLabel('As JSON');
      await until(async () => (await json.inputValue()).includes('"dropped"'), 'the experiment');
      const { runs } = await desktop.request('runs.start', { experiment: { ...tiny, epochs: 1 } });
      await until(async () => (await desktop.request('runs.get', { id: runs[0] })).status === 'done', 'the run');
      await desktop.request('runs.export', { id: runs[0], to: { path: `${home}/tiny.covature` } });
      await drop(`${home}/tiny.covature`);
      await page.getByText('tiny is here already.').waitFor();
      const recipe = {
        format: 'covature-figure-recipe',
        version: 1,
        name: 'a dropped figure',
        figure: 'C_H',
        sources: [{ run: runs[0] }],
        options: {},
      };
      const { files } = await desktop.request('figures.export', {
        figures: [{ name: 'a dropped figure', recipe }],
        formats: ['svg'],
        archive: false,
      });
      writeFileSync(`${home}/figure.svg`, files[0].content!);
      await drop(`${home}/figure.svg`);
      await until(
        async () => (await page.getByLabel('Name of the figure').inputValue()) === 'a dropped figure',
        'the figure in the studio',
      );
      // Over the studio too: what is no file of the workbench is refused in words.
      writeFileSync(`${home}/notes.txt`, 'notes');
      await drop(`${home}/notes.txt`);
      await page.getByText(/notes.txt cannot be opened by dropping it here/).waitFor();
      // Folders, whatever their names end in.
      const folder = `${home}/CIFAR v1.0`;
      mkdirSync(folder);
      await drop(folder);
      await page.getByText(/CIFAR v1\.0: contains no dataset/).waitFor();
      const sample = Buffer.alloc(3073, 7);
      writeFileSync(`${folder}/data_batch_1.bin`, Buffer.concat(Array.from({ length: 40 }, () => sample)));
      writeFileSync(`${folder}/test_batch.bin`, Buffer.concat(Array.from({ length: 20 }, () => sample)));
      await drop(folder);
      await page
        .getByText(/CIFAR-10 is read from .*CIFAR v1\.0/)
        .first()
        .waitFor();
      await until(async () => (await hash(desktop)) === '#/data/CIFAR-10', 'the dataset on show');
      // Several at once: each for itself.
      await drop(`${home}/tiny.covature`, `${home}/notes.txt`);
      await page
        .locator('.message')
        .last()
        .getByText(/notes.txt cannot be opened/)
        .waitFor();
      expect(desktop.errors).toEqual([]);
      // A file that a script made has no path, and gets no token.
      expect(await page.evaluate("covature.openDropped([new File(['x'], '/etc/passwd')])")).toEqual({
        ok: true,
        value: [],
      });
    });

    it('is one: a second start shows the first, and hands it its file', async () => {
      const { place, display } = fixture;
      const { desktop } = shared;
      const { runs } = await desktop.request('runs.start', { experiment: { ...tiny, name: 'handed over', epochs: 1 } });
      await until(async () => (await desktop.request('runs.get', { id: runs[0] })).status === 'done', 'the run');
      await desktop.request('runs.export', { id: runs[0], to: { path: `${home}/handed.covature` } });
      await desktop.request('runs.delete', { ids: runs });
      await desktop.request('bin.empty');

      const isMinimised = (): Promise<boolean> =>
        desktop.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0].isMinimized());
      await desktop.app.evaluate(({ BrowserWindow }) => {
        BrowserWindow.getAllWindows()[0].minimize();
      });
      if (display.hasWindowManager) await until(isMinimised, 'the window to be minimised');
      const second = spawn(place.binary, [place.application, 'handed.covature'], {
        cwd: home,
        env: environment(display, home),
        stdio: 'ignore',
      });
      expect(await new Promise((resolve) => second.once('exit', resolve))).toBe(0);
      await desktop.page.getByText('handed over was imported.').waitFor();
      expect(await isMinimised()).toBe(false);
      expect(await desktop.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1);
    });
  });
});
