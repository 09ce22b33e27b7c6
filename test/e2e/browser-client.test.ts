/** The window's client (src/renderer/client.ts) in a real browser, against the real server: token, cookie, arrays, loss and return of the connection. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startServer } from '../../src/main/web/server.ts';
import type { RunningServer } from '../../src/main/web/server.ts';
import { describeWhere } from '../support/skips.ts';
import { TestWorkbench } from '../main/contract/support.ts';
import { temporaryFolder, tiny, until } from '../main/queue/support.ts';
import { findChromium } from '../support/chromium.ts';

const executable = findChromium();

describeWhere(executable === undefined ? 'no Chromium on this machine' : true, 'the client in a browser', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let bench: TestWorkbench;
  let server: RunningServer;
  let browser: Browser;
  let pages: string;

  beforeAll(async () => {
    folder = temporaryFolder();
    pages = `${folder.path}/pages`;
    const source = `${folder.path}/source`;
    mkdirSync(source);
    const client = fileURLToPath(new URL('../../src/renderer/client.ts', import.meta.url));
    writeFileSync(
      `${source}/index.html`,
      '<!doctype html><title>t</title><script type="module" src="./main.ts"></script>',
    );
    writeFileSync(
      `${source}/main.ts`,
      `import { connectClient } from ${JSON.stringify(client)};
       const client = connectClient();
       const states = [client.state.kind];
       const events = [];
       client.onState((state) => states.push(state.kind + (state.again ? ' again' : '')));
       client.on('series.appended', ({ series }) => events.push(Object.values(series)[0].values instanceof Float64Array));
       Object.assign(globalThis, { client, states, events });`,
    );
    await build({ root: source, logLevel: 'error', build: { outDir: pages, modulePreload: { polyfill: false } } });
    bench = new TestWorkbench();
    server = await startServer(bench.workbench, { rendererFolder: pages });
    browser = await chromium.launch({ executablePath: executable!, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser.close();
    await server.close();
    await bench.remove();
    folder.remove();
  });

  const states = (page: Page): Promise<string[]> => page.evaluate('globalThis.states');
  const connected = (page: Page, state = 'connected'): Promise<unknown> =>
    until(async () => (await states(page)).includes(state), state, 20_000);

  it('exchanges the token for a cookie that scripts cannot see, and takes it out of the address', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    await page.goto(server.url);
    await connected(page);
    expect(page.url()).not.toContain('token');
    expect(await page.evaluate('document.cookie')).toBe('');
    expect(await context.cookies()).toMatchObject([{ httpOnly: true, sameSite: 'Strict' }]);
    expect(await page.evaluate("client.request('app.info')")).toMatchObject({ shell: 'browser' });
    expect(await page.evaluate("client.request('runs.get', { id: 'no' }).catch((e) => [e.name, e.code])")).toEqual([
      'FaultError',
      'not-found',
    ]);
    // Loaded again, without the token: the cookie does.
    await page.reload();
    await connected(page);
    // The server has no icon here.
    expect(complaints.filter((text) => !text.includes('404'))).toEqual([]);
    await context.close();
  });

  it('gets typed arrays in answers and events', async () => {
    const page = await browser.newPage();
    await page.goto(server.url);
    await connected(page);
    const { runs } = await page.evaluate<{ runs: string[] }>(
      `client.request('runs.start', ${JSON.stringify({ experiment: tiny })})`,
    );
    await until(async () => (await bench.request('runs.get', { id: runs[0] })).status === 'done', 'the run to be done');
    const events = await until(async () => {
      const list: boolean[] = await page.evaluate('events');
      return list.length > 0 && list;
    }, 'events');
    expect(events.every(Boolean)).toBe(true);
    const isTyped = `client.request('series.get', { runs: ['${runs[0]}'] }).then((all) => all['${runs[0]}'].loss.steps instanceof Float64Array)`;
    expect(await page.evaluate(isTyped)).toBe(true);
    await page.close();
  });

  it('is refused without a token and with a wrong one, and says so', async () => {
    for (const fragment of ['', '#token=wrong']) {
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.goto(`http://127.0.0.1:${server.port}/${fragment}`);
      await connected(page, 'refused');
      expect(await page.evaluate("client.request('app.info').catch((e) => e.code)")).toBe('disconnected');
      await context.close();
    }
  });

  it('comes back by itself after the connection was lost; what was under way is said to be unknown', async () => {
    const page = await browser.newPage();
    await page.goto(server.url);
    await connected(page);
    await page.evaluate("void (globalThis.pending = client.request('doctor.speed').catch((e) => e.code))");
    const before = server;
    await before.close();
    await until(async () => (await states(page)).includes('lost'), 'the loss');
    expect(await page.evaluate('pending')).toBe('disconnected');
    // The same store listens at the same port with the same secret, and knows the cookie.
    server = await startServer(bench.workbench, { rendererFolder: pages });
    expect(server).toMatchObject({ port: before.port, token: before.token });
    await connected(page, 'connected again');
    expect(await states(page)).not.toContain('refused');
    await page.close();
  });
});
