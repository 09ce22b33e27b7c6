/** The built application in a real Electron, and its user. */
import type { ChildProcess } from 'node:child_process';
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
  /** Electron's main process. */
  readonly process: ChildProcess;
  /** What the page printed as an error. */
  readonly errors: string[] = [];

  private constructor(app: ElectronApplication, page: Page) {
    this.app = app;
    this.page = page;
    this.process = app.process();
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
      // The system's own colours.
      colorScheme: null,
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
    return this.process.pid!;
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

  /** Runs a text in the page by way of the main process: Playwright's own way ends with the page's process. */
  async script<T>(text: string): Promise<T> {
    const asked = this.app.evaluate<T, string>(
      ({ BrowserWindow }, given) => BrowserWindow.getAllWindows()[0].webContents.executeJavaScript(given) as Promise<T>,
      text,
    );
    asked.catch(() => undefined);
    // A page whose process is gone never answers.
    const never = new Promise<never>((_, reject) => setTimeout(reject, 3000, new Error('the page does not answer')));
    never.catch(() => undefined);
    return Promise.race([asked, never]);
  }

  /** Chromium's processes, by their kind: Browser, Tab, GPU, Utility. */
  async processes(type: string): Promise<number[]> {
    const metrics = await this.app.evaluate(({ app }) =>
      app.getAppMetrics().map((each) => ({ type: each.type, pid: each.pid })),
    );
    return metrics.filter((each) => each.type === type).map(({ pid }) => pid);
  }

  /** What the system's dialogs for files answer from now on; null: closed without a choice. */
  async answerDialogs(file: string | null): Promise<void> {
    await this.app.evaluate(({ dialog }, chosen) => {
      dialog.showOpenDialog = () =>
        Promise.resolve({ canceled: chosen === null, filePaths: chosen === null ? [] : [chosen] });
      dialog.showSaveDialog = () => Promise.resolve({ canceled: chosen === null, filePath: chosen ?? '' });
    }, file);
  }

  /** What the user answers when the program asks something in a message box: the number of the button; never: the box stays open. */
  async answerQuestions(button: number | 'never'): Promise<void> {
    await this.app.evaluate(({ dialog }, chosen) => {
      const asked = globalThis as unknown as { asked?: { message: string; detail: string; buttons: string[] }[] };
      asked.asked ??= [];
      dialog.showMessageBox = (...given: unknown[]) => {
        const { message, detail, buttons } = given[given.length - 1] as {
          message: string;
          detail: string;
          buttons: string[];
        };
        asked.asked!.push({ message, detail, buttons });
        if (chosen === 'never') return new Promise(() => undefined);
        return Promise.resolve({ response: chosen, checkboxChecked: false });
      };
    }, button);
  }

  /** The questions that were asked since `answerQuestions` was first called. */
  questions(): Promise<{ readonly message: string; readonly detail: string; readonly buttons: readonly string[] }[]> {
    return this.app.evaluate(
      () => (globalThis as unknown as { asked?: { message: string; detail: string; buttons: string[] }[] }).asked ?? [],
    );
  }

  /** Chooses an item of the native menu by its labels ("File", "Open File"). */
  async choose(...labels: string[]): Promise<void> {
    await this.app.evaluate(({ Menu }, path) => {
      let items = Menu.getApplicationMenu()!.items;
      path.forEach((label, depth) => {
        const item = items.find((each) => each.label.replace('&', '') === label);
        if (item === undefined)
          throw new Error(`there is no item ${label}: ${items.map((each) => each.label).join(', ')}`);
        if (depth === path.length - 1) (item.click as () => void)();
        else items = item.submenu!.items;
      });
    }, labels);
  }

  /** Settles with the exit status once the program has ended; null where a signal ended it. */
  async ended(): Promise<number | null> {
    const child = this.process;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    return new Promise((resolve) => child.once('exit', resolve));
  }

  /** Quits as a person does; answers the exit status. */
  async quit(): Promise<number | null> {
    const ended = this.ended();
    await this.app.evaluate(({ app }) => app.quit()).catch(() => undefined);
    return ended;
  }

  /** Ends it in whatever state it is. */
  async kill(): Promise<void> {
    const ended = this.ended();
    this.process.kill('SIGKILL');
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
    ([name]) => !/^(XDG_|DBUS_|ELECTRON_|COVATURE_(?!FORECAST)|VITEST|NODE_)/.test(name),
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
