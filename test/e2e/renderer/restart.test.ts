/** A tab that stays open while the program ends and starts again. */
import { chmodSync, readFileSync, statSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWhere } from '../../support/skips.ts';
import { endless, until } from '../../main/queue/support.ts';
import { OpenWindow, windowAvailable } from './support.ts';

describeWhere(windowAvailable(), 'a restart of the program', () => {
  let window: OpenWindow;
  beforeAll(async () => {
    window = await OpenWindow.open();
  });
  afterAll(async () => {
    await window.close();
  });

  it('finds the open tab again by itself, with the curves of the run that it cut short', async () => {
    const { page } = window;
    const [run] = (await window.bench.request('runs.start', { experiment: endless })).runs;
    await window.go(`#/run/${run}/training`);
    await page.getByRole('img', { name: 'Loss of endless by step' }).waitFor();
    const pid = await until(
      async () => (await window.bench.request('queue.get')).jobs.find(({ id }) => id === run)?.pid,
      'its process',
    );
    process.kill(pid!, 'SIGKILL');
    await page.locator('header').getByText('interrupted').waitFor();
    const { port, token } = window.server;
    await window.restartAlone();
    expect(window.server).toMatchObject({ port, token });
    await until(() => window.server.windows() === 1, 'the tab to come back', 30_000);
    await page.locator('header').getByText('interrupted').waitFor();
    await page.getByRole('img', { name: 'Loss of endless by step' }).waitFor();
    expect(await page.getByText('This run cannot be shown').count()).toBe(0);
    expect(await page.getByText(/token is no longer valid/).count()).toBe(0);
    // It works, not only shows.
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.locator('header').getByText('cancelled').waitFor();
  }, 120_000);

  it('keeps the token for this user alone', async () => {
    const file = `${window.bench.folder.path}/store/access.json`;
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { token } = window.server;
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ token, port: window.server.port });
    // Others could have read it: it is no longer good.
    chmodSync(file, 0o644);
    await window.restartAlone();
    expect(window.server.token).not.toBe(token);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  }, 60_000);
});
