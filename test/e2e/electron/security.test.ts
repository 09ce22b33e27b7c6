/**
 * Electron's security checklist (https://www.electronjs.org/docs/latest/tutorial/security), one test an item, and what a page could try to break out of
 * its sandbox. In a real Electron; the fuses (item 19) are read back from the packaged application in package.test.ts.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { contentSecurityPolicy } from '../../../src/main/web/headers.ts';
import { tiny, until } from '../../main/queue/support.ts';
import { describeWhere } from '../../support/skips.ts';
import { Fixture } from './fixture.ts';
import { desktopAvailable, root } from './place.ts';

const own = 'app://covature/index.html';

describeWhere(desktopAvailable(), "the desktop and Electron's security checklist", () => {
  const fixture = new Fixture();
  const shared = fixture.shared();
  /** A server of elsewhere, which counts who comes. */
  let visits = 0;
  let elsewhere: string;
  const server = createServer((_, response) => {
    visits++;
    response.setHeader('access-control-allow-origin', '*').end('<script>globalThis.foreign = true</script>');
  });
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    elsewhere = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });

  /** Runs in the page, as a script of an attacker would. */
  const inPage = <T>(text: string): Promise<T> => shared.desktop.page.evaluate<T>(text);
  const preferences = (): Promise<Record<string, unknown>> =>
    shared.desktop.app.evaluate(({ BrowserWindow }) => ({
      ...(
        BrowserWindow.getAllWindows()[0].webContents as unknown as { getLastWebPreferences(): object }
      ).getLastWebPreferences(),
    }));
  const isAtHome = (): boolean => shared.desktop.page.url().startsWith(own);

  it('1: only loads secure content: all of it comes from the program itself', async () => {
    expect(isAtHome()).toBe(true);
    expect(await inPage('isSecureContext')).toBe(true);
    const sources = await inPage<string[]>(
      "[...document.querySelectorAll('script, link, img')].map((each) => each.src ?? each.href)",
    );
    expect(sources.length).toBeGreaterThan(1);
    expect(sources.filter((source) => !source.startsWith('app://covature/'))).toEqual([]);
    expect(await inPage(`fetch(${JSON.stringify(elsewhere)}).then(() => 'reached', () => 'refused')`)).toBe('refused');
    expect(visits).toBe(0);
  });

  it('2: no Node in the page', async () => {
    const set = await preferences();
    const all = ['nodeIntegration', 'nodeIntegrationInWorker', 'nodeIntegrationInSubFrames'];
    expect(all.map((name) => set[name] ?? false)).toEqual([false, false, false]);
    expect(
      await inPage(
        "['process', 'require', 'module', 'Buffer', 'global', '__dirname'].filter((name) => name in globalThis)",
      ),
    ).toEqual([]);
  });

  it('3: context isolation is on: the page cannot reach what the preload script has', async () => {
    expect(await preferences()).toMatchObject({ contextIsolation: true });
    expect(
      await inPage(`(async () => {
        const before = covature.request;
        // What a debugger runs may evaluate; what comes later is the page's own.
        await new Promise((resolve) => setTimeout(resolve));
        try { covature.request = () => 'replaced'; } catch {}
        try { Object.defineProperty(covature, 'request', { value: () => 'replaced' }); } catch {}
        try { delete covature.listen; } catch {}
        let escaped;
        try { escaped = covature.request.constructor('return process')(); } catch { escaped = 'refused'; }
        return { same: covature.request === before, keys: Object.keys(covature).sort(), escaped };
      })()`),
    ).toEqual({ same: true, keys: ['listen', 'onCommand', 'openDropped', 'request'], escaped: 'refused' });
  });

  it('4: the sandbox is on, for every process of a page', async () => {
    expect(await preferences()).toMatchObject({ sandbox: true });
    const [tab] = await shared.desktop.processes('Tab');
    if (process.platform === 'linux') {
      const status = readFileSync(`/proc/${tab}/status`, 'utf8');
      // Filtered system calls, no new privileges.
      expect(/^Seccomp:\s*2$/m.test(status)).toBe(true);
      expect(/^NoNewPrivs:\s*1$/m.test(status)).toBe(true);
    }
    expect(await shared.desktop.app.evaluate(({ app }) => app.commandLine.hasSwitch('no-sandbox'))).toBe(false);
  });

  it('5: no permission is granted, but to write to the clipboard', async () => {
    expect(
      await inPage(
        "new Promise((resolve) => navigator.geolocation.getCurrentPosition(() => resolve('granted'), () => resolve('refused')))",
      ),
    ).toBe('refused');
    expect(await inPage('Notification.requestPermission()')).toBe('denied');
    expect(
      await inPage(
        "navigator.mediaDevices?.getUserMedia({ audio: true }).then(() => 'granted', () => 'refused') ?? 'refused'",
      ),
    ).toBe('refused');
    for (const name of ['camera', 'microphone', 'midi', 'notifications', 'geolocation', 'clipboard-read'])
      expect(
        await inPage(`navigator.permissions.query({ name: '${name}' }).then(({ state }) => state, () => 'denied')`),
        name,
      ).toBe('denied');
    expect(await inPage("navigator.clipboard.readText().then(() => 'read', () => 'refused')")).toBe('refused');
    expect(
      await inPage("navigator.usb?.requestDevice({ filters: [] }).then(() => 'granted', () => 'refused') ?? 'refused'"),
    ).toBe('refused');
  });

  it('6: web security is on: other origins are not read', async () => {
    expect(await preferences()).toMatchObject({ webSecurity: true });
    for (const url of [elsewhere, 'file:///etc/passwd', 'app://other/index.html', 'chrome://version'])
      expect(await inPage(`fetch(${JSON.stringify(url)}).then(() => 'read', () => 'refused')`), url).toBe('refused');
    expect(visits).toBe(0);
  });

  it('7: a content security policy: nothing inline, nothing evaluated, nothing from elsewhere', async () => {
    const policy = await inPage<string>(
      "fetch('/index.html').then((answer) => answer.headers.get('content-security-policy'))",
    );
    expect(policy).toBe(contentSecurityPolicy);
    expect(policy).not.toMatch(/unsafe-|\*|http:/);
    expect(
      await inPage(`(async () => {
        const script = document.createElement('script');
        script.textContent = 'globalThis.ran = true';
        document.head.append(script);
        // What a debugger runs may evaluate; what comes later is the page's own.
        await new Promise((resolve) => setTimeout(resolve));
        let evaluated;
        try { evaluated = (0, eval)('1'); } catch { evaluated = 'refused'; }
        const image = new Image();
        const loaded = await new Promise((resolve) => {
          image.onload = () => resolve('loaded');
          image.onerror = () => resolve('refused');
          image.src = ${JSON.stringify(elsewhere)};
        });
        const frame = document.createElement('iframe');
        frame.src = ${JSON.stringify(elsewhere)};
        document.body.append(frame);
        await new Promise((resolve) => setTimeout(resolve, 200));
        frame.remove();
        return { inline: 'ran' in globalThis, evaluated, loaded };
      })()`),
    ).toEqual({ inline: false, evaluated: 'refused', loaded: 'refused' });
    expect(visits).toBe(0);
  });

  it('8: no insecure content is allowed to run', async () => {
    expect((await preferences())['allowRunningInsecureContent'] ?? false).toBe(false);
  });

  it('9: no experimental features', async () => {
    const set = await preferences();
    expect([set['experimentalFeatures'] ?? false, set['plugins'] ?? false]).toEqual([false, false]);
  });

  it('10: no features of Blink are switched on', async () => {
    expect((await preferences())['enableBlinkFeatures'] ?? '').toBe('');
    expect(await shared.desktop.app.evaluate(({ app }) => app.commandLine.hasSwitch('enable-blink-features'))).toBe(
      false,
    );
  });

  it('11: no webview, and none that opens windows', async () => {
    expect(await preferences()).toMatchObject({ webviewTag: false });
    expect(
      await inPage(`(() => {
        const view = document.createElement('webview');
        view.setAttribute('allowpopups', '');
        view.src = ${JSON.stringify(elsewhere)};
        document.body.append(view);
        const methods = typeof view.loadURL;
        view.remove();
        return methods;
      })()`),
    ).toBe('undefined');
    expect(visits).toBe(0);
  });

  it('12: a webview that is attached all the same is stopped', async () => {
    const stopped = await shared.desktop.app.evaluate(({ BrowserWindow }) => {
      let prevented = false;
      BrowserWindow.getAllWindows()[0].webContents.emit(
        'will-attach-webview',
        { preventDefault: () => (prevented = true) },
        {},
        {},
      );
      return prevented;
    });
    expect(stopped).toBe(true);
  });

  it('13: it goes nowhere else', async () => {
    for (const target of [
      '/elsewhere.html',
      elsewhere,
      'file:///etc/passwd',
      'data:text/html,hello',
      'app://covature/assets/',
    ])
      await inPage(`location.href = ${JSON.stringify(target)}`);
    await inPage(`(() => {
      const link = document.createElement('a');
      link.href = ${JSON.stringify(elsewhere)};
      document.body.append(link);
      link.click();
      const form = document.createElement('form');
      form.action = ${JSON.stringify(elsewhere)};
      form.method = 'post';
      document.body.append(form);
      form.submit();
      link.remove();
      form.remove();
    })()`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(isAtHome()).toBe(true);
    expect(await inPage('document.querySelector("main") !== null')).toBe(true);
    expect(visits).toBe(0);
    // Nothing asks before an empty page; the window comes back from it.
    await inPage("location.href = 'about:blank'").catch(() => undefined);
    await until(isAtHome, 'the window to be back');
    await shared.desktop.page.locator('main').waitFor();
  });

  it('14: it opens no windows', async () => {
    for (const target of [elsewhere, own, 'about:blank', 'javascript:1'])
      expect(await inPage(`window.open(${JSON.stringify(target)}) === null`), target).toBe(true);
    await inPage(`(() => {
      const link = document.createElement('a');
      link.href = ${JSON.stringify(elsewhere)};
      link.target = '_blank';
      document.body.append(link);
      link.click();
      link.remove();
    })()`);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await shared.desktop.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1);
    expect(visits).toBe(0);
  });

  it('15: nothing is opened in other programs', async () => {
    const opened = await shared.desktop.app.evaluate(({ shell }) => {
      const list: string[] = [];
      (globalThis as unknown as { opened: string[] }).opened = list;
      for (const name of ['openExternal', 'openPath'] as const)
        shell[name] = ((target: string) => {
          list.push(target);
          return Promise.resolve('');
        }) as never;
      return list;
    });
    expect(opened).toEqual([]);
    for (const target of ['mailto:a@example.org', 'vscode://x', elsewhere])
      await inPage(`location.href = ${JSON.stringify(target)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await shared.desktop.app.evaluate(() => (globalThis as unknown as { opened: string[] }).opened)).toEqual([]);
    const sources = readdirSync(join(root, 'src/main/electron')).map((name) =>
      readFileSync(join(root, 'src/main/electron', name), 'utf8'),
    );
    expect(sources.filter((text) => /\bshell\.|from 'electron\/shell'/.test(text))).toEqual([]);
  });

  it('16: a current Electron: pinned to one version, the bundles run on it and on the oldest that they are built for', async () => {
    const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      devDependencies: Record<string, string>;
    };
    expect(devDependencies['electron']).toMatch(/^\d+\.\d+\.\d+$/);
    const running = await shared.desktop.app.evaluate(() => process.versions.electron);
    expect(Number(running.split('.')[0])).toBeGreaterThanOrEqual(33);
    expect(Number(devDependencies['electron'].split('.')[0])).toBeGreaterThanOrEqual(Number(running.split('.')[0]));
  });

  it('17: the sender of every message is looked at: a frame, and a page of another window, are refused', async () => {
    // The program's own page and preload script, in a window that is not the program's.
    const answer = await shared.desktop.app.evaluate(async ({ app, BrowserWindow }, url) => {
      const preload = `${app.getAppPath()}/out/preload/index.cjs`;
      const foreign = new BrowserWindow({ show: false, webPreferences: { preload, sandbox: true } });
      await foreign.loadURL(url);
      const outcome: unknown = await foreign.webContents.executeJavaScript("covature.request('app.info', {})");
      foreign.destroy();
      return outcome;
    }, own);
    expect(answer).toEqual({
      ok: false,
      fault: { code: 'bad-input', message: 'only the program’s own page is answered' },
    });
    const frame = await inPage(`(async () => {
      const frame = document.createElement('iframe');
      frame.src = '/index.html';
      document.body.append(frame);
      await new Promise((resolve) => setTimeout(resolve, 300));
      let found;
      try { found = 'covature' in frame.contentWindow; } catch { found = false; }
      frame.remove();
      return found;
    })()`);
    expect(frame).toBe(false);
  });

  it('18: no file: pages, a scheme of its own instead, which answers with the window alone', async () => {
    expect(isAtHome()).toBe(true);
    const status = (path: string): Promise<number | string> =>
      inPage(`fetch(${JSON.stringify(path)}).then(({ status }) => status, () => 'refused')`);
    expect(await status('/index.html')).toBe(200);
    for (const path of [
      '/../package.json',
      '/..%2f..%2fpackage.json',
      '/%2e%2e/main/index.js',
      '/assets/../../main/index.js',
      '/etc/passwd',
      '/C:/Windows/win.ini',
    ])
      expect(await status(path), path).not.toBe(200);
    expect(await inPage("fetch('/index.html', { method: 'POST' }).then(({ status }) => status)")).toBe(403);
  });

  it('20: the page has the contract, and nothing of Electron', async () => {
    const seen = await inPage<string[]>(`(() => {
      const found = [];
      const walk = (value, path) => {
        if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return;
        found.push(path + ':' + typeof value);
        for (const key of Object.getOwnPropertyNames(value)) {
          if (typeof value === 'function') continue;
          walk(value[key], path + '.' + key);
        }
      };
      walk(covature, 'covature');
      return found.sort();
    })()`);
    expect(seen).toEqual([
      'covature.listen:function',
      'covature.onCommand:function',
      'covature.openDropped:function',
      'covature.request:function',
      'covature:object',
    ]);
    // An event of Electron holds its sender; none comes through.
    const passed = await inPage<number[]>(`(async () => {
      const lengths = [];
      const stop = covature.listen((...given) => { lengths.push(given.length); });
      await covature.request('settings.set', { notifyAfterSeconds: 60 });
      await new Promise((resolve) => setTimeout(resolve, 300));
      stop();
      return lengths;
    })()`);
    expect(passed.length).toBeGreaterThan(0);
    expect(passed.every((length) => length === 2)).toBe(true);
  });

  it('polluted prototypes of the page stay in the page', async () => {
    const outcome = await inPage<{ ok: boolean; fault?: { code: string } }[]>(`(async () => {
      Object.prototype.polluted = 'yes';
      Array.prototype.map = () => 'hijacked';
      Promise.prototype.then = new Proxy(Promise.prototype.then, {});
      const answers = [
        await covature.request('app.info', {}),
        await covature.request('settings.set', JSON.parse('{"__proto__": {"theme": "dark"}, "constructor": {"prototype": {"x": 1}}}')),
        await covature.request('__proto__', {}),
        await covature.request('constructor', {}),
        await covature.request('toString', {}),
      ];
      delete Object.prototype.polluted;
      return answers;
    })()`);
    expect(outcome.map(({ ok }) => ok)).toEqual([true, false, false, false, false]);
    expect(outcome.slice(2).map(({ fault }) => fault?.code)).toEqual([
      'unknown-method',
      'unknown-method',
      'unknown-method',
    ]);
    expect(await shared.desktop.app.evaluate(() => 'polluted' in {} || 'theme' in {} || 'x' in {})).toBe(false);
    await shared.desktop.page.reload();
    await shared.desktop.page.locator('main').waitFor();
  });

  it('requests that are too large, too deep, or no data are refused, and the program goes on', async () => {
    const large = await inPage<{ ok: boolean; fault: { code: string } }>(
      "covature.request('state.set', { name: 'x', value: 'x'.repeat(17 * 1024 * 1024) })",
    );
    expect(large).toMatchObject({ ok: false, fault: { code: 'too-large' } });
    const many = await inPage<{ ok: boolean; fault: { code: string } }>(
      "covature.request('state.set', { name: 'x', value: new Array(3_000_000).fill(1.5) })",
    );
    expect(many).toMatchObject({ ok: false, fault: { code: 'too-large' } });
    const deep = await inPage<string>(`(async () => {
      let value = 1;
      for (let i = 0; i < 100_000; i++) value = [value];
      return covature.request('state.set', { name: 'x', value }).then(({ ok }) => ok ? 'taken' : 'refused');
    })().catch(() => 'refused')`);
    expect(deep).toBe('refused');
    expect(
      await inPage(
        "(async () => covature.request('app.info', { f: () => 1 }))().then(({ ok }) => ok ? 'taken' : 'refused', () => 'refused')",
      ),
    ).toBe('refused');
    expect(
      await inPage(
        "covature.request({ toString() { return 'app.info'; } }, {}).then(({ ok }) => typeof ok, () => 'refused')",
      ),
    ).toMatch(/boolean|refused/);
    // Past the bridge, as a page that broke its sandbox could send it.
    const past = await shared.desktop.app.evaluate(async ({ BrowserWindow, ipcMain }) => {
      const { webContents } = BrowserWindow.getAllWindows()[0];
      const handlers = (
        ipcMain as unknown as {
          _invokeHandlers: Map<string, (event: unknown, ...given: unknown[]) => Promise<unknown>>;
        }
      )._invokeHandlers;
      const event = { sender: webContents, senderFrame: webContents.mainFrame };
      return handlers.get('covature:request')!(event, 'state.set', { name: 'x', value: 'x'.repeat(17 * 1024 * 1024) });
    });
    expect(past).toMatchObject({ ok: false, fault: { code: 'too-large' } });
    expect(await shared.desktop.request('app.info')).toMatchObject({ shell: 'desktop' });
  });

  it('names files by tokens: a path of the page’s own is no way to read or leave the store', async () => {
    const { desktop } = shared;
    const home = fixture.place.home();
    writeFileSync(`${home}/experiment.json`, JSON.stringify(tiny));
    await desktop.answerDialogs(`${home}/experiment.json`);
    const chosen = await desktop.request('files.choose', { kind: 'experiment' });
    expect(JSON.stringify(chosen)).not.toContain(home);
    expect(await desktop.request('files.readJson', { token: chosen!.token })).toMatchObject({ name: 'tiny' });
    expect(await desktop.ask('files.readJson', { token: 'A'.repeat(24) })).toMatchObject({
      ok: false,
      fault: { code: 'not-found' },
    });
    await desktop.answerDialogs(null);
    expect(await desktop.request('files.choose', { kind: 'dataset' })).toBeNull();
    const dropped = (paths: unknown): Promise<unknown> =>
      desktop.app.evaluate(async ({ BrowserWindow, ipcMain }, given) => {
        const { webContents } = BrowserWindow.getAllWindows()[0];
        const handlers = (
          ipcMain as unknown as {
            _invokeHandlers: Map<string, (event: unknown, ...given: unknown[]) => Promise<unknown>>;
          }
        )._invokeHandlers;
        return handlers.get('covature:dropped')!({ sender: webContents, senderFrame: webContents.mainFrame }, given);
      }, paths as never);
    expect(await dropped([`${home}/experiment.json`])).toMatchObject({
      ok: true,
      value: [{ name: 'experiment.json' }],
    });
    for (const paths of [['../../etc/passwd'], 'x', [7], new Array(101).fill('/x')])
      expect(await dropped(paths)).toMatchObject({ ok: false, fault: { code: 'bad-input' } });
  });

  it('keeps no page, no cookie and no history on the disk', async () => {
    const folder = await shared.desktop.app.evaluate(({ app }) => app.getPath('userData'));
    await until(() => existsSync(folder), 'the profile');
    const cookies = await shared.desktop.app.evaluate(({ session }) => session.defaultSession.cookies.get({}));
    expect(cookies).toEqual([]);
    expect(existsSync(join(folder, 'History'))).toBe(false);
  });
});
