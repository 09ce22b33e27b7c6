/**
 * A stand-in for the module `electron`, for machines where its binary cannot be had: enough of it to run the built main and preload bundles as they are,
 * with a Chromium that is driven over its debugging port as the window, and child processes as utility processes. Pages under app://covature
 * are http://covature.localhost to that Chromium (a secure context too), answered by the program's own protocol handler alone.
 */
import { fork, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import type { Browser, BrowserContext, Frame, Page, Route } from 'playwright-core';

const home = process.env['STAND_IN_HOME'] ?? '';
if (home === '') throw new Error('STAND_IN_HOME is not set');
const outside = 'http://covature.localhost';

const toApp = (url: string): string => url.replace(`${outside}/`, 'app://covature/');
const fromApp = (url: string): string => url.replace('app://covature/', `${outside}/`);

interface Preventable {
  readonly prevented: () => boolean;
  readonly event: { preventDefault(): void };
}
function preventable(): Preventable {
  let prevented = false;
  return { prevented: () => prevented, event: { preventDefault: () => void (prevented = true) } };
}

let browser: Browser | undefined;
let context: BrowserContext | undefined;
let chromiumProcess: ChildProcess | undefined;

async function startChromium(): Promise<void> {
  const profile = join(home, 'chromium');
  mkdirSync(profile, { recursive: true });
  const file = join(profile, 'DevToolsActivePort');
  // Of an earlier start.
  rmSync(file, { force: true });
  chromiumProcess = spawn(
    process.env['STAND_IN_CHROMIUM'] ?? 'chromium',
    [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--remote-debugging-port=0',
      `--user-data-dir=${profile}`,
      'about:blank',
    ],
    { stdio: 'ignore' },
  );
  for (let i = 0; !existsSync(file) || readFileSync(file, 'utf8').split('\n').length < 2; i++) {
    if (i > 600) throw new Error('Chromium did not open its debugging port');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const endpoint = `http://127.0.0.1:${readFileSync(file, 'utf8').split('\n')[0]}`;
  browser = await chromium.connectOverCDP(endpoint);
  context = browser.contexts()[0];
  process.send?.({ kind: 'endpoint', endpoint });
}

class App extends EventEmitter {
  #quitting = false;
  setName(): void {}
  enableSandbox(): void {}
  requestSingleInstanceLock(): boolean {
    return true;
  }
  async whenReady(): Promise<void> {
    await startChromium();
  }
  getPath(name: string): string {
    const folder = join(home, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }
  quit(): void {
    const { prevented, event } = preventable();
    this.emit('before-quit', event);
    if (prevented() || this.#quitting) return;
    this.#quitting = true;
    this.exit(0);
  }
  exit(code: number): void {
    chromiumProcess?.kill('SIGKILL');
    process.exit(code);
  }
}
export const app = new App();

type PermissionHandler = (contents: unknown, permission: string, decide: (granted: boolean) => void) => void;
interface Decisions {
  request: PermissionHandler | null;
  check: ((contents: unknown, permission: string) => boolean) | null;
  before: ((details: { url: string }, decide: (answer: { cancel: boolean }) => void) => void) | null;
}
const decisions: Decisions = { request: null, check: null, before: null };
export const session = {
  defaultSession: {
    setPermissionRequestHandler: (handler: PermissionHandler) => void (decisions.request = handler),
    setPermissionCheckHandler: (handler: NonNullable<Decisions['check']>) => void (decisions.check = handler),
    setDevicePermissionHandler: () => undefined,
    webRequest: {
      onBeforeRequest: (handler: NonNullable<Decisions['before']>) => void (decisions.before = handler),
    },
  },
};

let pageHandler: ((request: Request) => Promise<Response>) | null = null;
export const protocol = {
  registerSchemesAsPrivileged: () => undefined,
  handle: (_scheme: string, handler: (request: Request) => Promise<Response>) => void (pageHandler = handler),
};

type Invoked = (event: { senderFrame: unknown; sender: unknown }, ...args: unknown[]) => unknown;
const invoked = new Map<string, Invoked>();
export const ipcMain = { handle: (channel: string, handler: Invoked) => void invoked.set(channel, handler) };

class WebContents extends EventEmitter {
  readonly window: BrowserWindow;
  openHandler: ((details: { url: string }) => { action: string }) | null = null;
  /** One object a frame, as Electron has it. */
  readonly frames = new Map<Frame, { readonly url: string }>();
  #sending: Promise<unknown> = Promise.resolve();

  constructor(window: BrowserWindow) {
    super();
    this.window = window;
  }
  get mainFrame(): { readonly url: string } | undefined {
    return this.window.page === null ? undefined : this.frameOf(this.window.page.mainFrame());
  }
  frameOf(frame: Frame): { readonly url: string } {
    let known = this.frames.get(frame);
    if (known === undefined) {
      known = {
        get url() {
          return toApp(frame.url());
        },
      };
      this.frames.set(frame, known);
    }
    return known;
  }
  isDestroyed(): boolean {
    return this.window.page === null;
  }
  zoomFactor = 1;
  setZoomFactor(factor: number): void {
    this.zoomFactor = factor;
  }
  setWindowOpenHandler(handler: (details: { url: string }) => { action: string }): void {
    this.openHandler = handler;
  }
  send(channel: string, ...values: unknown[]): void {
    this.#sending = this.#sending.then(async () => {
      // A page that is just being loaded hears nothing, as under Electron.
      await this.window.page
        ?.evaluate(
          ([name, args]) =>
            (globalThis as unknown as { standInDeliver?: (name: string, args: unknown[]) => void }).standInDeliver?.(
              name,
              args,
            ),
          [channel, values] as [string, unknown[]],
        )
        .catch(() => undefined);
    });
  }
}

interface WindowOptions {
  readonly webPreferences: { readonly preload: string; readonly [name: string]: unknown };
  readonly width: number;
  readonly height: number;
}

const windows: BrowserWindow[] = [];

export class BrowserWindow extends EventEmitter {
  readonly options: WindowOptions;
  readonly webContents: WebContents;
  page: Page | null = null;

  constructor(options: WindowOptions) {
    super();
    this.options = options;
    this.webContents = new WebContents(this);
    windows.push(this);
    app.emit('web-contents-created', {}, this.webContents);
  }

  async loadURL(url: string): Promise<void> {
    if (context === undefined) throw new Error('the application is not ready');
    const page = context.pages()[0] ?? (await context.newPage());
    this.page = page;
    await page.setViewportSize({ width: this.options.width, height: this.options.height });
    await page.exposeBinding('standInInvoke', async ({ frame }, channel: string, args: unknown[]) => {
      const handler = invoked.get(channel);
      if (handler === undefined) throw new Error(`no handler for ${channel}`);
      return handler({ senderFrame: this.webContents.frameOf(frame), sender: this.webContents }, ...args);
    });
    await page.addInitScript(preloadScript(readFileSync(this.options.webPreferences.preload, 'utf8')));
    await context.route('**/*', (route) => this.#answer(route));
    context.on('page', (opened) => {
      const action = this.webContents.openHandler?.({ url: toApp(opened.url()) }).action;
      if (action === 'deny') void opened.close();
    });
    page.on('close', () => {
      this.emit('close');
      this.page = null;
      this.emit('closed');
      app.emit('window-all-closed');
    });
    await page.goto(fromApp(url));
    this.webContents.emit('did-finish-load');
    this.emit('ready-to-show');
  }

  async #answer(route: Route): Promise<void> {
    const request = route.request();
    const url = toApp(request.url());
    const current = this.page?.url() ?? 'about:blank';
    if (request.isNavigationRequest() && current.startsWith(outside)) {
      const { prevented, event } = preventable();
      this.webContents.emit('will-navigate', event);
      // No content: the page stays as it is, as where Electron never asks for the other one.
      if (prevented()) return route.fulfill({ status: 204 });
    }
    const isCancelled = await new Promise<boolean>((resolve) => {
      if (decisions.before === null) resolve(false);
      else
        decisions.before({ url }, ({ cancel }) => {
          resolve(cancel);
        });
    });
    if (isCancelled || pageHandler === null) return route.abort('blockedbyclient');
    const answer = await pageHandler(new Request(url, { method: request.method() }));
    await route.fulfill({
      status: answer.status,
      headers: Object.fromEntries(answer.headers),
      body: Buffer.from(await answer.arrayBuffer()),
    });
  }

  show(): void {}
  focus(): void {}
  maximize(): void {}
  restore(): void {}
  isFocused(): boolean {
    return process.env['STAND_IN_FOCUSED'] === '1';
  }
  isMinimized(): boolean {
    return false;
  }
  isMaximized(): boolean {
    return false;
  }
  getNormalBounds(): { x: number; y: number; width: number; height: number } {
    return { x: 10, y: 20, width: this.options.width, height: this.options.height };
  }
}

/** The preload bundle with the two parts of `electron` that a sandboxed one has, in the page's own main frame. */
function preloadScript(source: string): string {
  return `(() => {
    if (window.top !== window || !location.href.startsWith(${JSON.stringify(outside)})) return;
    const listeners = new Map();
    const ipcRenderer = {
      invoke: (channel, ...args) => window.standInInvoke(channel, args),
      on: (channel, listener) => { listeners.set(channel, [...(listeners.get(channel) ?? []), listener]); },
      removeListener: (channel, listener) => {
        listeners.set(channel, (listeners.get(channel) ?? []).filter((each) => each !== listener));
      },
    };
    window.standInDeliver = (channel, args) => {
      for (const listener of listeners.get(channel) ?? []) listener({}, ...args);
    };
    const contextBridge = {
      exposeInMainWorld: (name, value) => Object.defineProperty(window, name, { value: Object.freeze(value), enumerable: true }),
    };
    const require = (name) => {
      if (name === 'electron') return { contextBridge, ipcRenderer };
      throw new Error('a sandboxed preload script cannot require ' + name);
    };
    (function (require, module, exports) {${source}
    })(require, { exports: {} }, {});
  })();`;
}

let dialogAnswer: string | null = null;
export const dialog = {
  showOpenDialog: async () =>
    dialogAnswer === null ? { canceled: true, filePaths: [] } : { canceled: false, filePaths: [dialogAnswer] },
  showErrorBox: (title: string, text: string) => process.send?.({ kind: 'error-box', title, text }),
};

interface MenuItem {
  readonly label?: string;
  readonly role?: string;
  readonly submenu?: readonly MenuItem[];
  readonly click?: () => void;
}
let menu: readonly MenuItem[] = [];
export const Menu = {
  buildFromTemplate: (template: readonly MenuItem[]) => template,
  setApplicationMenu: (template: readonly MenuItem[]) => void (menu = template),
};
function itemOf(label: string, items = menu): MenuItem | undefined {
  for (const item of items) {
    if (item.label === label) return item;
    const found = itemOf(label, item.submenu ?? []);
    if (found !== undefined) return found;
  }
  return undefined;
}

const notified: { title: string; body: string }[] = [];
export class Notification extends EventEmitter {
  readonly options: { title: string; body: string };
  static isSupported(): boolean {
    return true;
  }
  constructor(options: { title: string; body: string }) {
    super();
    this.options = options;
  }
  show(): void {
    notified.push(this.options);
  }
}

export const nativeTheme = { themeSource: 'system' };
export const screen = { getAllDisplays: () => [{ workArea: { x: 0, y: 0, width: 1920, height: 1080 } }] };

class UtilityProcess extends EventEmitter {
  readonly #child: ChildProcess;
  readonly stderr: ChildProcess['stderr'];
  constructor(module: string, env: NodeJS.ProcessEnv) {
    super();
    this.#child = fork(fileURLToPath(new URL('./utility-child.ts', import.meta.url)), [module], {
      env,
      execArgv: ['--disable-warning=ExperimentalWarning'],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.stderr = this.#child.stderr;
    this.#child.on('message', (message) => this.emit('message', message));
    this.#child.on('close', (code) => this.emit('exit', code ?? 1));
  }
  /** Undefined at first, as under Electron, where it comes with the event "spawn". */
  get pid(): number | undefined {
    return this.#child.pid;
  }
  postMessage(message: unknown): void {
    if (this.#child.connected) this.#child.send(message as object, () => undefined);
  }
  kill(): boolean {
    return this.#child.kill();
  }
}
export const utilityProcess = {
  fork: (module: string, _args: string[], options: { env: NodeJS.ProcessEnv }) =>
    new UtilityProcess(module, options.env),
};

/** What a person or the system does, at the test's command. */
process.on('message', (message: { kind: string; number: number; [name: string]: unknown }) => {
  const answer = (value: unknown): void => void process.send?.({ kind: 'answer', number: message.number, value });
  switch (message.kind) {
    case 'menu':
      itemOf(String(message['label']))?.click?.();
      return answer(itemOf(String(message['label'])) !== undefined);
    case 'dialog':
      dialogAnswer = message['file'] as string | null;
      return answer(null);
    case 'second-instance':
      app.emit('second-instance', {}, message['argv'], home);
      return answer(null);
    case 'permission': {
      const permission = String(message['permission']);
      let granted: boolean | null = null;
      decisions.request?.({}, permission, (decision) => (granted = decision));
      return answer({ granted, checked: decisions.check?.({}, permission) });
    }
    case 'preferences':
      return answer(windows[0]?.options.webPreferences);
    case 'notifications':
      return answer(notified);
    case 'theme':
      return answer(nativeTheme.themeSource);
    case 'zoom':
      return answer(windows[0]?.webContents.zoomFactor);
    case 'quit':
      answer(null);
      app.quit();
      return;
    default:
      return answer(undefined);
  }
});
process.on('disconnect', () => {
  app.exit(1);
});
