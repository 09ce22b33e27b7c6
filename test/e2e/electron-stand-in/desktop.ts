/** Starting the built application on the stand-in, and being its user. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';

const bundles = ['out/main/index.js', 'out/preload/index.cjs', 'out/renderer/index.html'];
const root = new URL('../../../', import.meta.url);

/** Where Chromium is (COVATURE_CHROMIUM, else on the PATH); undefined where there is none. */
export function findChromium(): string | undefined {
  const chosen = process.env['COVATURE_CHROMIUM'];
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  return [...(chosen ? [chosen] : []), ...names.flatMap((name) => folders.map((folder) => join(folder, name)))].find(
    existsSync,
  );
}

/** true, or why the application cannot be run here. */
export function standInAvailable(): true | string {
  const missing = bundles.filter((path) => !existsSync(new URL(path, root)));
  if (missing.length > 0) return `${missing.join(', ')} not built (npm run build)`;
  return findChromium() === undefined ? 'no Chromium on this machine' : true;
}

export class Desktop {
  readonly process: ChildProcess;
  readonly page: Page;
  readonly #browser: Browser;
  readonly #answers = new Map<number, (value: unknown) => void>();
  #next = 0;

  /** @param home a folder for everything it keeps: the store, the window's state, Chromium's profile */
  static async start(home: string, env: Readonly<Record<string, string>> = {}): Promise<Desktop> {
    const child = fork(fileURLToPath(new URL('out/main/index.js', root)), [], {
      execArgv: [
        '--import',
        fileURLToPath(new URL('./register.ts', import.meta.url)),
        '--disable-warning=ExperimentalWarning',
      ],
      env: {
        ...process.env,
        STAND_IN_HOME: home,
        STAND_IN_CHROMIUM: findChromium() ?? 'chromium',
        COVATURE_HOME: `${home}/store`,
        COVATURE_BLAS: 'wasm',
        ...env,
      },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const endpoint = Promise.withResolvers<string>();
    const failure = new Promise<never>((_, reject) => {
      child.on('message', (message: { kind: string; endpoint?: string; text?: string }) => {
        if (message.kind === 'endpoint') endpoint.resolve(message.endpoint ?? '');
        if (message.kind === 'error-box') reject(new Error(message.text));
      });
      child.once('exit', (code) => {
        reject(new Error(`the application ended with ${code}`));
      });
    });
    failure.catch(() => undefined);
    const connected = (async () => {
      const browser = await chromium.connectOverCDP(await endpoint.promise);
      const context = browser.contexts()[0];
      const page = context.pages()[0] ?? (await context.waitForEvent('page'));
      await page.waitForFunction("'covature' in globalThis", undefined, { timeout: 30_000 });
      return new Desktop(child, browser, page);
    })();
    return Promise.race([failure, connected.catch((error: unknown) => endedOr(child, failure, error))]);
  }

  private constructor(child: ChildProcess, browser: Browser, page: Page) {
    this.process = child;
    this.#browser = browser;
    this.page = page;
    child.on('message', (message: { kind: string; number: number; value: unknown }) => {
      if (message.kind === 'answer') this.#answers.get(message.number)?.(message.value);
    });
  }

  /** What a person or the system does; see the end of electron.ts. */
  act(kind: string, more: object = {}): Promise<unknown> {
    const number = this.#next++;
    return new Promise((resolve) => {
      this.#answers.set(number, resolve);
      this.process.send({ kind, number, ...more });
    });
  }

  /** A request by the bridge, as the window's own client makes it. */
  request(
    method: string,
    params: unknown = {},
  ): Promise<{ ok: boolean; value?: unknown; fault?: { code: string; message: string } }> {
    return this.page.evaluate(
      ([name, given]) =>
        (
          globalThis as unknown as {
            covature: { request(method: string, params: unknown): Promise<{ ok: boolean }> };
          }
        ).covature.request(name, given),
      [method, params] as [string, unknown],
    );
  }

  /** Quits as a person does; answers the exit status. */
  async quit(): Promise<number | null> {
    const exit = new Promise<number | null>((resolve) => this.process.once('exit', resolve));
    this.process.send({ kind: 'quit', number: -1 });
    const code = await exit;
    await this.#browser.close().catch(() => undefined);
    return code;
  }
}

/** Why the application ended, where it did; else the error itself. */
async function endedOr(child: ChildProcess, failure: Promise<never>, error: unknown): Promise<never> {
  const isEnding = await Promise.race([
    failure.catch(() => true),
    new Promise<boolean>((resolve) => setTimeout(resolve, 2000, false)),
  ]);
  if (isEnding) return failure;
  child.kill();
  throw error;
}
