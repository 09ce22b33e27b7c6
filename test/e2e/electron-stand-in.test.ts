/** The built main and preload bundles, end to end, on a stand-in for Electron; and one test on Electron itself where its binary is. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeWhere } from '../support/skips.ts';
import { endless, temporaryFolder, tiny, until } from '../main/queue/support.ts';
import { journey } from './journey.ts';
import type { Shell } from './journey.ts';
import { Desktop, standInAvailable } from './electron-stand-in/desktop.ts';

let folder: ReturnType<typeof temporaryFolder>;
let desktop: Desktop | null = null;

beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(async () => {
  if (desktop !== null && desktop.process.exitCode === null) await desktop.quit();
  desktop = null;
  folder.remove();
});

async function value<T>(method: string, params: unknown = {}): Promise<T> {
  const outcome = await desktop!.request(method, params);
  if (!outcome.ok) throw new Error(`${method}: ${outcome.fault?.message}`);
  return outcome.value as T;
}

describeWhere(standInAvailable(), 'the desktop on a stand-in for Electron', () => {
  it('opens its window under its own scheme, sandboxed, with nothing but the contract', async () => {
    desktop = await Desktop.start(folder.path);
    expect(await desktop.act('preferences')).toMatchObject({
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webSecurity: true,
      webviewTag: false,
    });
    expect(await value('app.info')).toMatchObject({ shell: 'desktop', dialogs: true });
    const bridge = await desktop.page.evaluate(() => {
      const { covature } = globalThis as unknown as { covature: Record<string, unknown> };
      return { keys: Object.keys(covature).sort(), node: 'process' in globalThis || 'require' in globalThis };
    });
    expect(bridge).toEqual({ keys: ['listen', 'onCommand', 'request'], node: false });
    expect(await desktop.request('runs.fly')).toMatchObject({ ok: false, fault: { code: 'unknown-method' } });
    expect(await desktop.request('runs.list', { limit: 'all' })).toMatchObject({
      ok: false,
      fault: { code: 'bad-input' },
    });
  });

  it('grants no permission, goes nowhere else, opens no windows, reaches no network', async () => {
    desktop = await Desktop.start(folder.path);
    for (const permission of ['geolocation', 'media', 'notifications', 'openExternal', 'fileSystem']) {
      expect(await desktop.act('permission', { permission }), permission).toEqual({ granted: false, checked: false });
    }
    const { page } = desktop;
    const before = page.url();
    // Texts, not functions: these tests are typed without the DOM.
    await page.evaluate("location.href = '/elsewhere.html'");
    await page.evaluate("location.href = 'http://example.org/'");
    await page.evaluate("void window.open('http://example.org/')");
    await until(() => page.context().pages().length === 1, 'the new window to be closed');
    expect(page.url()).toBe(before);
    // 'script-src self': nothing inline runs.
    const ran = await page.evaluate(`(async () => {
      const script = document.createElement('script');
      script.textContent = 'globalThis.ran = true';
      document.head.append(script);
      const fetched = await fetch('http://127.0.0.1:1/').then(() => true, () => false);
      return { inline: 'ran' in globalThis, fetched };
    })()`);
    expect(ran).toEqual({ inline: false, fetched: false });
  });

  it('trains in a utility process, streams typed arrays, survives SIGKILL of the worker, and resumes', async () => {
    desktop = await Desktop.start(folder.path);
    await desktop.page.evaluate(() => {
      const seen: { event: string; isArray: boolean }[] = [];
      const scope = globalThis as unknown as {
        seen: typeof seen;
        covature: { listen(listener: (event: string, payload: unknown) => void): void };
      };
      scope.seen = seen;
      scope.covature.listen((event, payload) => {
        const series = (payload as { series?: Record<string, { values: unknown }> }).series;
        seen.push({
          event,
          isArray: Object.values(series ?? {}).every(({ values }) => values instanceof Float64Array),
        });
      });
    });
    const { runs } = await value<{ runs: string[] }>('runs.start', { experiment: tiny });
    const status = async (): Promise<string> => (await value<{ status: string }>('runs.get', { id: runs[0] })).status;
    await until(async () => (await status()) === 'done', 'the run to be done');
    const seen = await desktop.page.evaluate(
      () => (globalThis as unknown as { seen: { event: string; isArray: boolean }[] }).seen,
    );
    expect(seen.map(({ event }) => event)).toEqual(
      expect.arrayContaining(['series.appended', 'run.progress', 'runs.changed']),
    );
    expect(seen.every(({ isArray }) => isArray)).toBe(true);
    const isTyped = await desktop.page.evaluate(async (id) => {
      const { covature } = globalThis as unknown as {
        covature: {
          request(m: string, p: unknown): Promise<{ value: Record<string, Record<string, { steps: unknown }>> }>;
        };
      };
      return (await covature.request('series.get', { runs: [id] })).value[id]['loss'].steps instanceof Float64Array;
    }, runs[0]);
    expect(isTyped).toBe(true);

    const started = await value<{ runs: string[] }>('runs.start', { experiment: endless });
    const [id] = started.runs;
    const job = async (): Promise<{ pid: number | null; progress: unknown } | undefined> =>
      (await value<{ jobs: { id: string; pid: number | null; progress: unknown }[] }>('queue.get')).jobs.find(
        (each) => each.id === id,
      );
    const pid = await until(async () => {
      const found = await job();
      return found?.progress === null ? undefined : (found?.pid ?? undefined);
    }, 'the worker');
    process.kill(pid, 'SIGKILL');
    await until(
      async () => (await value<{ status: string }>('runs.get', { id })).status === 'interrupted',
      'the run to be interrupted',
    );
    expect(await value('runs.resume', { ids: [id] })).toMatchObject({ done: [id] });
    await until(async () => (await job())?.pid ?? undefined, 'a new worker');
    await value('runs.cancel', { ids: [id] });
    await until(async () => (await value<{ status: string }>('runs.get', { id })).status === 'cancelled', 'the end');
  });

  it('sends menu commands, opened files by token, dialogs by token, and themes to where they belong', async () => {
    desktop = await Desktop.start(folder.path);
    await desktop.page.evaluate(() => {
      const scope = globalThis as unknown as {
        heard: unknown[];
        covature: {
          onCommand(listener: (command: string) => void): void;
          listen(listener: (event: string, payload: unknown) => void): void;
        };
      };
      scope.heard = [];
      scope.covature.onCommand((command) => scope.heard.push(command));
      scope.covature.listen((event, payload) => {
        if (event === 'file.opened') scope.heard.push(payload);
      });
    });
    expect(await desktop.act('menu', { label: 'New Experiment' })).toBe(true);
    expect(await desktop.act('menu', { label: 'Settings' })).toBe(true);
    await desktop.act('second-instance', { argv: ['covature', 'a.covature', '--flag', 'b.txt'] });
    const heard = await until(async () => {
      const list = await desktop!.page.evaluate(() => (globalThis as unknown as { heard: unknown[] }).heard);
      return list.length >= 3 && list;
    }, 'what was sent');
    expect(heard).toEqual(['new-experiment', 'settings', { token: expect.any(String) as string, name: 'a.covature' }]);

    writeFileSync(`${folder.path}/experiment.json`, JSON.stringify(tiny));
    await desktop.act('dialog', { file: `${folder.path}/experiment.json` });
    const chosen = await value<{ token: string; name: string }>('files.choose', { kind: 'experiment' });
    expect(chosen.name).toBe('experiment.json');
    expect(JSON.stringify(chosen)).not.toContain(folder.path);
    expect(await value('files.readJson', { token: chosen.token })).toMatchObject({ name: 'tiny' });
    await desktop.act('dialog', { file: null });
    expect(await value('files.choose', { kind: 'dataset' })).toBeNull();

    await value('settings.set', { theme: 'dark' });
    expect(await desktop.act('theme')).toBe('dark');
    // Menu, window and setting have one zoom.
    expect(await desktop.act('menu', { label: 'Zoom In' })).toBe(true);
    await until(async () => (await value<{ zoom: number }>('settings.get')).zoom === 1.1, 'the setting');
    expect(await desktop.act('zoom')).toBe(1.1);
    await value('settings.set', { zoom: 1.5 });
    expect(await desktop.act('zoom')).toBe(1.5);
  });

  it('pauses what runs when it is quit in the middle, and resumes it after the next start; notifies of long jobs', async () => {
    desktop = await Desktop.start(folder.path);
    await value('settings.set', { notifyAfterSeconds: 1 });
    const long = { ...tiny, epochs: 12_500 };
    const { runs } = await value<{ runs: string[] }>('runs.start', { experiment: long });
    const run = (): Promise<{ status: string; step: number }> => value('runs.get', { id: runs[0] });
    await until(async () => (await run()).step > 300, 'some steps');
    expect(await desktop.quit()).toBe(0);

    desktop = await Desktop.start(folder.path);
    const paused = await run();
    expect(paused.status).toBe('paused');
    expect(paused.step).toBeGreaterThan(300);
    await value('runs.resume', { ids: runs });
    await until(async () => (await run()).status === 'done', 'the run to be done', 200_000);
    expect((await run()).step).toBe(250_000);
    const notified = await until(async () => {
      const list = (await desktop!.act('notifications')) as unknown[];
      return list.length > 0 && list;
    }, 'the notification');
    expect(notified).toEqual([{ title: 'Finished', body: 'tiny' }]);
  }, 300_000);

  it('takes a project from an empty store to a comparison, through a killed worker and a restart', async () => {
    const open = async (): Promise<Shell> => {
      desktop = await Desktop.start(folder.path);
      const { page } = desktop;
      return { page, request: (method, ...[params]) => value(method, params ?? {}) };
    };
    await journey(await open(), async () => {
      await desktop!.quit();
      return open();
    });
  }, 300_000);

  it('imports a .covature file that is opened from outside, and shows the run', async () => {
    desktop = await Desktop.start(folder.path);
    const { runs } = await value<{ runs: string[] }>('runs.start', { experiment: { ...tiny, epochs: 1 } });
    await until(
      async () => (await value<{ status: string }>('runs.get', { id: runs[0] })).status === 'done',
      'the run to be done',
    );
    await value('runs.export', { id: runs[0], to: { path: `${folder.path}/tiny.covature` } });
    expect(await desktop.quit()).toBe(0);
    desktop = await Desktop.start(folder.path, { COVATURE_HOME: `${folder.path}/other` });
    await desktop.act('second-instance', { argv: ['covature', `${folder.path}/tiny.covature`] });
    await desktop.page.getByRole('heading', { name: 'tiny' }).waitFor();
    await desktop.page.getByText('tiny was imported.').waitFor();
    // The native menu drives the window.
    await desktop.act('menu', { label: 'Settings' });
    await desktop.page.getByRole('heading', { name: 'Doctor' }).waitFor();
    await desktop.act('menu', { label: 'Keyboard Shortcuts' });
    await desktop.page.getByRole('dialog').waitFor();
    await desktop.page.keyboard.press('Escape');
    await desktop.act('menu', { label: 'Find' });
    await until(
      () => desktop!.page.evaluate("document.activeElement?.getAttribute('aria-label') === 'Filter'"),
      'the filter to have the focus',
    );
    await desktop.act('dialog', { file: `${folder.path}/tiny.covature` });
    await desktop.act('menu', { label: 'Open File' });
    await desktop.page.getByText('tiny is here already.').waitFor();
  });

  it('exports figures into a folder of the dialog, and reopens one from there', async () => {
    desktop = await Desktop.start(folder.path);
    const { runs } = await value<{ runs: string[] }>('runs.start', { experiment: tiny });
    await until(
      async () => (await value<{ status: string }>('runs.get', { id: runs[0] })).status === 'done',
      'the run to be done',
    );
    const { page } = desktop;
    page.setDefaultTimeout(60_000);
    await page.evaluate(`location.hash = '#/figures/new/C_H/${runs[0]}/fc2.kernel'`);
    await page.getByRole('img', { name: /^C_ii against H_ii/ }).waitFor();
    await page.getByRole('button', { name: 'Export …' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('checkbox', { name: /^SVG/ }).check();
    const choose = dialog.getByRole('button', { name: 'Choose a folder …' });
    // Closed without a choice: nothing is written, and the choices stay.
    await desktop.act('dialog', { file: null });
    await choose.click();
    await until(() => choose.isEnabled(), 'the dialog to be ready again');
    expect(await dialog.getByRole('checkbox', { name: /^SVG/ }).isChecked()).toBe(true);
    writeFileSync(`${folder.path}/no-folder`, '');
    await desktop.act('dialog', { file: `${folder.path}/no-folder` });
    await choose.click();
    await page
      .getByText(/cannot be written into .*no-folder.*choose another folder/)
      // The closed list of jobs has it too.
      .filter({ visible: true })
      .first()
      .waitFor();
    await desktop.act('dialog', { file: folder.path });
    await choose.click();
    await page.getByText('C-against-H.svg, C-against-H.pdf are written.').waitFor();
    for (const name of ['C-against-H.svg', 'C-against-H.pdf']) expect(existsSync(`${folder.path}/${name}`)).toBe(true);
    const name = page.getByLabel('Name of the figure');
    await name.fill('another');
    await desktop.act('dialog', { file: `${folder.path}/C-against-H.pdf` });
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Reopen a file …' }).click();
    await until(async () => (await name.inputValue()) === 'C against H', 'the figure of the file');
  });

  it('says that another program has the store', async () => {
    desktop = await Desktop.start(folder.path);
    await expect(Desktop.start(`${folder.path}/second`, { COVATURE_HOME: `${folder.path}/store` })).rejects.toThrow(
      /has this store open/,
    );
  });
});

const electronBinary = ((): string | null => {
  const package_ = createRequire(import.meta.url).resolve('electron/package.json');
  const file = new URL('path.txt', `file://${package_}`);
  if (!existsSync(file)) return null;
  const binary = fileURLToPath(new URL(`dist/${readFileSync(file, 'utf8').trim()}`, `file://${package_}`));
  return existsSync(binary) ? binary : null;
})();
const electronAvailable =
  electronBinary === null
    ? "Electron's binary is not on this machine (npm run setup:electron)"
    : process.platform === 'linux' && !process.env['DISPLAY'] && !process.env['WAYLAND_DISPLAY']
      ? 'there is no display for Electron'
      : process.platform === 'linux' && process.getuid?.() === 0
        ? "Chromium's sandbox refuses to run as root"
        : true;

describeWhere(electronAvailable, 'the desktop on Electron itself', () => {
  it('opens its window, answers the contract, and ends', async () => {
    const { _electron } = await import('playwright-core');
    const application = await _electron.launch({
      executablePath: electronBinary!,
      args: [fileURLToPath(new URL('../../', import.meta.url))],
      env: { ...(process.env as Record<string, string>), COVATURE_HOME: `${folder.path}/store`, COVATURE_BLAS: 'wasm' },
    });
    const page = await application.firstWindow();
    expect(page.url()).toBe('app://covature/index.html');
    const info = await page.evaluate(() =>
      (globalThis as unknown as { covature: { request(m: string, p: unknown): Promise<unknown> } }).covature.request(
        'app.info',
        {},
      ),
    );
    expect(info).toMatchObject({ ok: true, value: { shell: 'desktop' } });
    await application.close();
  });
});

describe('a worker file started by hand', () => {
  it('says that the program starts it', async () => {
    const file = fileURLToPath(new URL('../../src/main/contract/helper/worker.ts', import.meta.url));
    const child = spawn(process.execPath, [file], { stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const code = await new Promise((resolve) => child.on('exit', resolve));
    expect(code).toBe(1);
    expect(stderr).toContain('the helper process of the workbench');
  });
});
