/** What the desktop has from the system: menu, window, files, notifications, power. In a real Electron; keys are pressed on the display itself. */
import { existsSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { menuCommands } from '../../../src/shared/contract/bridge.ts';
import { endless, tiny, until } from '../../main/queue/support.ts';
import { describeWhere } from '../../support/skips.ts';
import { environment } from './desktop.ts';
import type { Desktop } from './desktop.ts';
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

  it('is driven by the keys of the display', async (context) => {
    const { desktop } = shared;
    if (fixture.display.windows('Covature') === null || !fixture.display.hasWindowManager)
      return context.skip('no xdotool, or no window manager');
    for (const [keys, place] of [
      ['ctrl+comma', '#/settings'],
      ['alt+2', '#/compare'],
      ['ctrl+n', '#/new'],
      ['alt+1', '#/runs'],
    ]) {
      fixture.display.press(keys);
      await until(async () => (await hash(desktop)) === place, `${keys} to go to ${place}`);
    }
    fixture.display.press('F11');
    const isFull = (): Promise<boolean> =>
      desktop.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0].isFullScreen());
    await until(isFull, 'the full screen');
    fixture.display.press('F11');
    await until(async () => !(await isFull()), 'the window');
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

  it('comes back where it was, maximised where it was, and on a display where its own is gone', async (context) => {
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
    desktop = await fixture.start(home);
    const { x, y } = await bounds(desktop);
    expect(x).toBeLessThan(1920);
    expect(y).toBeLessThan(1080);
    if (!fixture.display.hasWindowManager) context.skip('no window manager: maximising was not tried');
  });

  it('is one: a second start shows the first, and hands it its file', async () => {
    const { place, display } = fixture;
    const home = place.home();
    let desktop = await fixture.start(home);
    const { runs } = await desktop.request('runs.start', { experiment: { ...tiny, epochs: 1 } });
    await until(async () => (await desktop.request('runs.get', { id: runs[0] })).status === 'done', 'the run');
    await desktop.request('runs.export', { id: runs[0], to: { path: `${home}/tiny.covature` } });
    await desktop.quit();

    desktop = await fixture.start(home, { env: { COVATURE_HOME: `${home}/other` } });
    const isMinimised = (): Promise<boolean> =>
      desktop.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0].isMinimized());
    await desktop.app.evaluate(({ BrowserWindow }) => {
      BrowserWindow.getAllWindows()[0].minimize();
    });
    if (display.hasWindowManager) await until(isMinimised, 'the window to be minimised');
    const second = spawn(place.binary, [place.application, 'tiny.covature'], {
      cwd: home,
      env: environment(display, home, { COVATURE_HOME: `${home}/other` }),
      stdio: 'ignore',
    });
    expect(await new Promise((resolve) => second.once('exit', resolve))).toBe(0);
    await desktop.page.getByText('tiny was imported.').waitFor();
    expect(await isMinimised()).toBe(false);
    expect(await desktop.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1);
  });

  it('takes files that are dropped onto it', async () => {
    const home = fixture.place.home();
    const desktop = await fixture.start(home);
    const { page } = desktop;
    const client = await page.context().newCDPSession(page);
    const drop = async (...files: string[]): Promise<void> => {
      const data = { items: [], files, dragOperationsMask: 1 };
      for (const type of ['dragEnter', 'dragOver'] as const)
        await client.send('Input.dispatchDragEvent', { type, x: 600, y: 400, data });
      await page.getByText('Drop to open').waitFor();
      await client.send('Input.dispatchDragEvent', { type: 'drop', x: 600, y: 400, data });
      await page.getByText('Drop to open').waitFor({ state: 'detached' });
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
    // A file that a script made has no path, and gets no token.
    expect(await page.evaluate("covature.openDropped([new File(['x'], '/etc/passwd')])")).toEqual({
      ok: true,
      value: [],
    });
  });

  it('follows the system from light to dark', async () => {
    const desktop = await fixture.start(fixture.place.home(), { env: { GTK_THEME: 'Adwaita:dark' } });
    expect(await desktop.app.evaluate(({ nativeTheme }) => nativeTheme.shouldUseDarkColors)).toBe(true);
    await until(
      () => desktop.page.evaluate<boolean>("document.documentElement.dataset.theme === 'dark'"),
      'the dark window',
    );
    expect(
      await desktop.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0].getBackgroundColor()),
    ).toBe('#17191D');
  });
});

describeWhere(desktopAvailable(), 'the desktop while jobs run', () => {
  const fixture = new Fixture();

  /** A run under way. */
  async function start(desktop: Desktop, experiment: object = endless): Promise<string> {
    const { runs } = await desktop.request('runs.start', { experiment });
    await until(async () => (await desktop.request('runs.get', { id: runs[0] })).step > 0, 'the first steps');
    return runs[0];
  }
  const statusOf = async (desktop: Desktop, id: string): Promise<string> =>
    (await desktop.request('runs.get', { id })).status;

  it('asks once before it quits: kept running, or paused and resumed after the next start from the same step', async () => {
    const home = fixture.place.home();
    let desktop = await fixture.start(home);
    const id = await start(desktop);
    await desktop.answerQuestions('never');
    // Twice while the question stands, by the menu and by the window's cross.
    await desktop.app.evaluate(({ app, BrowserWindow }) => {
      app.quit();
      BrowserWindow.getAllWindows()[0].close();
    });
    await until(async () => (await desktop.questions()).length > 0, 'the question');
    expect(await desktop.questions()).toEqual([
      {
        message: 'endless is running',
        detail: 'The run takes a checkpoint and can be resumed later, from the same step.',
        buttons: ['Pause and Quit', 'Keep Running'],
      },
    ]);
    await desktop.kill();

    desktop = await fixture.start(home);
    await desktop.request('runs.resume', { ids: [id] });
    await until(async () => (await statusOf(desktop, id)) === 'running', 'the run');
    await desktop.answerQuestions(1);
    await desktop.app.evaluate(({ BrowserWindow }) => {
      BrowserWindow.getAllWindows()[0].close();
    });
    await until(async () => (await desktop.questions()).length === 1, 'the question');
    expect(await statusOf(desktop, id)).toBe('running');
    expect(await desktop.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1);
    const { step } = await desktop.request('runs.get', { id });
    await desktop.answerQuestions(0);
    expect(await desktop.quit()).toBe(0);

    desktop = await fixture.start(home);
    const paused = await desktop.request('runs.get', { id });
    expect(paused.status).toBe('paused');
    expect(paused.step).toBeGreaterThanOrEqual(step);
    expect(paused.checkpoints.some((each) => each.step === paused.step)).toBe(true);
  });

  it('obeys a signal without a question, with a checkpoint', async () => {
    const home = fixture.place.home();
    let desktop = await fixture.start(home);
    const id = await start(desktop);
    await desktop.answerQuestions('never');
    process.kill(desktop.pid, 'SIGTERM');
    expect(await desktop.ended()).toBe(0);
    desktop = await fixture.start(home);
    expect(await statusOf(desktop, id)).toBe('paused');
  });

  it('shows progress on the icon, keeps the machine awake, and tells of a long job that ended while nobody looked', async () => {
    const desktop = await fixture.start();
    await desktop.app.evaluate(({ BrowserWindow, Notification, powerSaveBlocker }) => {
      const seen = { progress: [] as number[], notified: [] as string[], blocked: [] as boolean[] };
      (globalThis as unknown as { seen: typeof seen }).seen = seen;
      const [window] = BrowserWindow.getAllWindows();
      const original = window.setProgressBar.bind(window);
      window.setProgressBar = (share: number) => {
        seen.progress.push(share);
        original(share);
      };
      const begin = powerSaveBlocker.start.bind(powerSaveBlocker);
      powerSaveBlocker.start = (type) => {
        const id = begin(type);
        seen.blocked.push(powerSaveBlocker.isStarted(id));
        return id;
      };
      const stop = powerSaveBlocker.stop.bind(powerSaveBlocker);
      powerSaveBlocker.stop = (id) => {
        const done = stop(id);
        seen.blocked.push(powerSaveBlocker.isStarted(id));
        return done;
      };
      Notification.isSupported = () => true;
      Notification.prototype.show = function (this: Electron.Notification) {
        seen.notified.push(`${this.title}: ${this.body}`);
      };
      window.minimize();
      window.blur();
    });
    await desktop.request('settings.set', { notifyAfterSeconds: 1 });
    const id = await start(desktop, { ...tiny, epochs: 600 });
    await until(async () => (await statusOf(desktop, id)) === 'done', 'the run', 200_000);
    const seen = await until(async () => {
      const found = await desktop.app.evaluate(
        () => (globalThis as unknown as { seen: { progress: number[]; notified: string[]; blocked: boolean[] } }).seen,
      );
      return found.notified.length > 0 && found.progress.at(-1) === -1 && found;
    }, 'the notification');
    expect(seen.notified).toEqual(['Finished: tiny']);
    expect(seen.blocked).toEqual([true, false]);
    const shares = seen.progress.slice(0, -1);
    expect(shares.length).toBeGreaterThan(2);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.every((share) => share >= 0 && share <= 1)).toBe(true);
  }, 300_000);

  it('pauses at a checkpoint before the machine sleeps, and goes on when it wakes', async () => {
    const desktop = await fixture.start();
    const id = await start(desktop);
    const pid = (await desktop.request('queue.get')).jobs.find((job) => job.id === id)!.pid;
    await desktop.app.evaluate(({ powerMonitor }) => powerMonitor.emit('suspend'));
    await until(async () => (await statusOf(desktop, id)) === 'paused', 'the pause');
    const { step, checkpoints } = await desktop.request('runs.get', { id });
    expect(checkpoints.some((each) => each.step === step)).toBe(true);
    await desktop.app.evaluate(({ powerMonitor }) => powerMonitor.emit('resume'));
    await until(async () => (await desktop.request('runs.get', { id })).step > step, 'the run to go on');
    expect((await desktop.request('queue.get')).jobs.find((job) => job.id === id)!.pid).not.toBe(pid);
    // A sleep so short that the checkpoint was not taken yet.
    await desktop.app.evaluate(({ powerMonitor }) => {
      powerMonitor.emit('suspend');
      powerMonitor.emit('resume');
    });
    await until(async () => !(await desktop.request('queue.get')).held, 'the queue to go on');
    await until(async () => (await statusOf(desktop, id)) === 'running', 'the run to go on');
    const again = (await desktop.request('runs.get', { id })).step;
    await until(async () => (await desktop.request('runs.get', { id })).step > again, 'its next steps');
  });
});
