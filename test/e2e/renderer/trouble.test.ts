/** What goes wrong around a window: another window, a wrong token, a lock, a full disk. Real pages, processes and disks. */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startServer } from '../../../src/main/web/server.ts';
import { unpackRunFile } from '../../../src/main/services/run-file.ts';
import { TestWorkbench } from '../../main/contract/support.ts';
import { temporaryFolder, tiny, until } from '../../main/queue/support.ts';
import { mountable, withMount } from '../../main/store/support/mounts.ts';
import { describeWhere } from '../../support/skips.ts';
import { OpenWindow, windowAvailable } from './support.ts';

describeWhere(windowAvailable(), 'trouble', () => {
  let window: OpenWindow;
  let run: string;

  beforeAll(async () => {
    window = await OpenWindow.open();
    [run] = (await window.bench.request('runs.start', { experiment: { ...tiny, epochs: 1 } })).runs;
    await until(
      async () => (await window.bench.request('runs.counts', { status: ['done'] })).total === 1,
      'the run to be done',
      120_000,
    );
  }, 180_000);
  afterAll(async () => {
    await window.close();
  });

  it('says before any work that a store is on a network disk, until it is put away, and in the settings', async () => {
    const bench = new TestWorkbench({ fileSystem: 0x6969 });
    const server = await startServer(bench.workbench);
    const page = await (await window.browser.newContext()).newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(error.message));
    try {
      await page.goto(server.url);
      const warning = page.getByRole('alert').filter({ hasText: 'is on a network disk (NFS): one process at a time' });
      await warning.waitFor();
      await page.getByRole('button', { name: 'Dismiss the warning' }).click();
      expect(await warning.count()).toBe(0);
      await page.evaluate("location.hash = '#/settings'");
      await page.getByText(/network disk \(NFS\)/).waitFor();
      expect(errors).toEqual([]);
    } finally {
      await page.context().close();
      await server.close();
      await bench.remove();
    }
  });

  it('shows in one tab what another has done', async () => {
    const { page: one, server } = window;
    const two = await one.context().newPage();
    // The cookie is the browser's: the address alone is enough.
    await two.goto(server.url.replace(/#.*$/, ''));
    await two.locator('tr[data-index="0"]').waitFor();
    await window.go(`#/run/${run}/overview`);
    await window.bench.request('runs.update', { ids: [run], name: 'of the other tab' });
    await one.getByRole('heading', { name: 'of the other tab' }).waitFor();
    await two.getByText('of the other tab').first().waitFor();
    await two.getByRole('grid', { name: 'Runs' }).focus();
    await two.keyboard.press('Home');
    await two.keyboard.press('Delete');
    await one
      .getByText(/in the bin/)
      .first()
      .waitFor();
    await two.keyboard.press('Control+z');
    await two.locator('tr[data-index="0"]').waitFor();
    await until(async () => (await one.getByText(/, in the bin/).count()) === 0, 'the first tab to follow');
    await one.keyboard.press('Control+=');
    await until(async () => (await two.evaluate('document.documentElement.style.zoom')) === '1.1', 'the zoom');
    await one.keyboard.press('Control+0');
    await until(async () => (await two.evaluate('document.documentElement.style.zoom')) === '1', 'the zoom');
    await two.close();
  });

  it('writes a report of a run as PDF, and of selected runs as HTML', async () => {
    const { page } = window;
    await window.go(`#/run/${run}/overview`);
    const pdf = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export', exact: true }).click();
    await page.getByRole('menuitem', { name: 'Report as PDF' }).click();
    expect(readFileSync(await (await pdf).path(), 'latin1').slice(0, 5)).toBe('%PDF-');
    await page.getByText(/\.pdf is written\./).waitFor();
    await window.go('#/runs');
    await page.locator('tr[data-index="0"]').click({ modifiers: ['Control'] });
    const html = page.waitForEvent('download');
    await page
      .getByRole('group', { name: 'Selected runs' })
      .getByRole('button', { name: 'Export', exact: true })
      .click();
    await page.getByRole('menuitem', { name: 'Report as HTML' }).click();
    expect(readFileSync(await (await html).path(), 'utf8')).toContain('Definitions');
  });

  it('downloads a run: the same file as an export to a path, fetched once, and nothing left behind', async () => {
    const { page, bench, server } = window;
    await window.go(`#/run/${run}/overview`);
    const coming = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export', exact: true }).click();
    await page.getByRole('menuitem', { name: 'Run as a .covature file' }).click();
    const download = await coming;
    expect(download.suggestedFilename()).toMatch(/\.covature$/);
    const folder = temporaryFolder();
    const { document } = await unpackRunFile(await download.path(), folder.path);
    expect(document).toMatchObject({ name: 'of the other tab' });
    folder.remove();
    const again = await fetch(download.url());
    expect(again.status).toBe(403);
    const { token } = await bench.request('runs.export', { id: run });
    // With the cookie, but from a page of another server; and without the cookie.
    const base = `http://127.0.0.1:${server.port}`;
    const cookie = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
    const ask = (path: string, headers: Record<string, string>): Promise<Response> => fetch(base + path, { headers });
    expect((await ask(`/files/${token}`, { cookie, 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await ask(`/files/${token}`, {})).status).toBe(403);
    expect((await ask(`/files/..%2f${token}`, { cookie })).status).toBe(404);
    expect((await ask(`/files/${token}`, { cookie })).status).toBe(200);
    expect((await ask(`/files/${token}`, { cookie })).status).toBe(404);
  });

  it('tells a page whose token is wrong what to do', async () => {
    const other = await window.browser.newContext();
    const page = await other.newPage();
    await page.goto(`http://127.0.0.1:${window.server.port}/#token=wrong-token-0000000000`);
    await page.getByText(/token is no longer valid/).waitFor();
    await other.close();
  });

  it('says that another program keeps the database locked, and goes on once it does not', async () => {
    const { page, bench } = window;
    await window.go('#/runs');
    await page.locator('tr[data-index="0"]').click();
    const driver = createRequire(import.meta.url).resolve('better-sqlite3');
    const script = `const db = new (require(${JSON.stringify(driver)}))(process.argv[1]); db.exec('BEGIN IMMEDIATE'); console.log('locked'); process.stdin.resume();`;
    const holder = spawn(process.execPath, ['-e', script, `${bench.folder.path}/store/covature.db`], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    for await (const line of createInterface({ input: holder.stdout })) if (line === 'locked') break;
    await page.getByRole('grid', { name: 'Runs' }).focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('a');
    await page
      .getByText(/another program|locked/i)
      .first()
      .waitFor();
    holder.kill('SIGKILL');
    await new Promise((resolve) => holder.on('exit', resolve));
    await page.getByRole('grid', { name: 'Runs' }).focus();
    await page.keyboard.press('a');
    await page.getByText('1 run archived.').waitFor();
    await page.keyboard.press('Control+z');
    await page.locator('tr[data-index="0"]').waitFor();
  });
});

describeWhere(windowAvailable() === true ? mountable : windowAvailable(), 'a full disk', () => {
  it('is told in the window, loses nothing, and is over once there is room', async () => {
    await withMount(async (mount) => {
      const bench = new TestWorkbench({ storeFolder: `${mount.path}/store` });
      const server = await startServer(bench.workbench);
      const { chromium } = await import('playwright-core');
      const browser = await chromium.launch({
        executablePath: '/usr/bin/chromium',
        args: ['--no-sandbox', '--disable-gpu'],
      });
      try {
        const { runs } = await bench.request('runs.start', { experiment: { ...tiny, epochs: 1 } });
        await until(
          async () => (await bench.request('runs.get', { id: runs[0] })).status === 'done',
          'the run to be done',
          120_000,
        );
        const before = await bench.request('runs.get', { id: runs[0] });
        // What is left is filled by somebody else.
        spawnSync('bash', ['-c', `cat /dev/zero > ${mount.path}/filler`]);
        const page = await (await browser.newContext()).newPage();
        await page.goto(server.url);
        await page.locator('tr[data-index="0"]').waitFor();
        await page.getByRole('button', { name: 'Inspector' }).click();
        await page.getByLabel('Notes').fill('x'.repeat(60_000));
        await page.getByLabel('Notes').press('Tab');
        await page
          .getByText(/disk|space/i)
          .first()
          .waitFor();
        expect(await bench.request('runs.get', { id: runs[0] })).toMatchObject({ notes: '', values: before.values });
        spawnSync('rm', [`${mount.path}/filler`]);
        await page.getByLabel('Notes').fill('there is room again');
        await page.getByLabel('Notes').press('Tab');
        await until(
          async () => (await bench.request('runs.get', { id: runs[0] })).notes === 'there is room again',
          'the notes to be stored',
        );
      } finally {
        await browser.close();
        await server.close();
        await bench.close();
      }
      bench.folder.remove();
    }, '8m');
  }, 240_000);
});
