/** The built application in a real Electron, and its user. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { _electron } from 'playwright-core';
import type { ElectronApplication, Page } from 'playwright-core';
import type { Arguments, Method, Outcome, Result } from '../../../src/shared/contract/index.ts';
import type { Display } from './display.ts';
import type { Place } from './place.ts';

export interface StartOptions {
  /** Files to open, as on a command line. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The application, where it is another than the one built in this checkout. */
  readonly application?: string;
}

/** A request by the bridge, as the window's own client makes it. */
export type Asked =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly fault: { readonly code: string; readonly message: string } };

export class Desktop {
  readonly app: ElectronApplication;
  page: Page;
  /** What the page printed as an error. */
  readonly errors: string[] = [];

  private constructor(app: ElectronApplication, page: Page) {
    this.app = app;
    this.page = page;
    this.#watch(page);
  }

  /** @param home a folder for all that it keeps: the store, the window's state, Chromium's profile */
  static async start(place: Place, display: Display, home: string, options: StartOptions = {}): Promise<Desktop> {
    const app = await _electron.launch({
      executablePath: place.binary,
      args: [options.application ?? place.application, ...(options.args ?? [])],
      cwd: home,
      env: environment(display, home, options.env),
      chromiumSandbox: true,
      timeout: 60_000,
    });
    try {
      const page = await app.firstWindow({ timeout: 60_000 });
      page.setDefaultTimeout(60_000);
      await page.locator('main').waitFor();
      return new Desktop(app, page);
    } catch (error) {
      app.process().kill('SIGKILL');
      throw error;
    }
  }

  get pid(): number {
    return this.app.process().pid!;
  }

  async ask(method: unknown, params: unknown = {}): Promise<Asked> {
    return this.page.evaluate(
      ([name, given]) =>
        (
          globalThis as unknown as { covature: { request(method: unknown, params: unknown): Promise<Asked> } }
        ).covature.request(name, given),
      [method, params],
    );
  }

  /** Raises the fault of a request that failed. */
  async request<M extends Method>(method: M, ...[params]: Arguments<M>): Promise<Result<M>> {
    const outcome = (await this.ask(method, params ?? {})) as Outcome<Result<M>>;
    if (!outcome.ok) throw new Error(`${method}: ${outcome.fault.message}`);
    return outcome.value;
  }

  async go(hash: string): Promise<void> {
    await this.page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
  }

  /** What the system's dialogs for files answer from now on; null: closed without a choice. */
  async answerDialogs(file: string | null): Promise<void> {
    await this.app.evaluate(({ dialog }, chosen) => {
      dialog.showOpenDialog = () =>
        Promise.resolve({ canceled: chosen === null, filePaths: chosen === null ? [] : [chosen] });
      dialog.showSaveDialog = () => Promise.resolve({ canceled: chosen === null, filePath: chosen ?? '' });
    }, file);
  }

  /** Chooses an item of the native menu by its labels ("File", "Open File"). */
  async choose(...labels: string[]): Promise<void> {
    await this.app.evaluate(({ Menu }, path) => {
      let items = Menu.getApplicationMenu()!.items;
      path.forEach((label, depth) => {
        const item = items.find((each) => each.label === label);
        if (item === undefined)
          throw new Error(`there is no item ${label}: ${items.map((each) => each.label).join(', ')}`);
        if (depth === path.length - 1) (item.click as () => void)();
        else items = item.submenu!.items;
      });
    }, labels);
  }

  /** Quits as a person does; answers the exit status. */
  async quit(): Promise<number | null> {
    const child = this.app.process();
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    await this.app.evaluate(({ app }) => app.quit()).catch(() => undefined);
    return ended;
  }

  /** Ends it in whatever state it is. */
  async kill(): Promise<void> {
    const child = this.app.process();
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  #watch(page: Page): void {
    page.on('pageerror', (error) => this.errors.push(error.stack ?? error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(message.text());
    });
  }
}

/** Nothing of the tester's own: a home, a store and a profile of its own. */
export function environment(
  display: Display,
  home: string,
  more: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(XDG_|DBUS_|ELECTRON_|COVATURE_|VITEST|NODE_)/.test(name),
  );
  const sqlite = process.env['COVATURE_TEST_SQLITE'];
  const runtime = join(home, 'runtime');
  mkdirSync(runtime, { recursive: true, mode: 0o700 });
  return {
    ...(Object.fromEntries(kept) as Record<string, string>),
    HOME: home,
    ...display.env,
    ...(sqlite ? { COVATURE_SQLITE: sqlite } : {}),
    ...more,
  };
}
