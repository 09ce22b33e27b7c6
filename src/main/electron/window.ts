/** The one window: made, shown, told, and remembered where it was. */
import { BrowserWindow, nativeTheme, screen } from 'electron';
import type { Rectangle } from 'electron';
import * as path from 'node:path';
import { homeUrl } from './pages.ts';
import { placed, readWindowState, writeWindowState } from './window-state.ts';

/** From out/main/electron/. */
const preload = path.join(import.meta.dirname, '../../preload/index.cjs');

/** Linux takes a window's icon from the window; the other systems have it from the program. */
const icon = path.join(import.meta.dirname, '../../../resources/icon.png');

const smallest = { width: 900, height: 600 };

export class MainWindow {
  #window: BrowserWindow | null = null;
  #zoom = 1;
  #mayClose: () => boolean = () => true;
  #onOpen: (window: BrowserWindow) => void = () => undefined;

  get browserWindow(): BrowserWindow | null {
    return this.#window;
  }

  get isFocused(): boolean {
    return this.#window?.isFocused() ?? false;
  }

  /** Makes it, or shows the one there is. */
  open(): void {
    if (this.#window !== null) {
      this.show();
      return;
    }
    const state = readWindowState(areas());
    const window = new BrowserWindow({
      ...state.bounds,
      minWidth: smallest.width,
      minHeight: smallest.height,
      show: false,
      title: 'Covature',
      ...(process.platform === 'linux' && { icon }),
      // Until the page has painted, in its own colour (tokens.css).
      backgroundColor: nativeTheme.shouldUseDarkColors ? '#17191d' : '#ffffff',
      webPreferences: {
        preload,
        sandbox: true,
        contextIsolation: true,
        nodeIntegration: false,
        webSecurity: true,
        webviewTag: false,
        spellcheck: false,
        navigateOnDragDrop: false,
      },
    });
    this.#window = window;
    if (state.maximised) window.maximize();
    // Painted before it is shown: no white flash.
    window.once('ready-to-show', () => {
      window.show();
    });
    // A page that is loaded begins with the zoom that its address had before.
    window.webContents.on('did-finish-load', () => {
      window.webContents.setZoomFactor(this.#zoom);
    });
    window.on('close', (event) => {
      if (this.#mayClose()) {
        writeWindowState({ bounds: window.getNormalBounds(), maximised: window.isMaximized() });
      } else event.preventDefault();
    });
    // A display that is unplugged takes no window with it.
    const stay = (): void => {
      const size = placed(window.getBounds(), areas());
      if (size === null) return;
      const { x, y, width, height } = screen.getPrimaryDisplay().workArea;
      window.setBounds({
        x: x + Math.round((width - size.width) / 2),
        y: y + Math.round((height - size.height) / 2),
        ...size,
      });
    };
    screen.on('display-removed', stay);
    window.on('closed', () => {
      screen.off('display-removed', stay);
      this.#window = null;
    });
    this.#onOpen(window);
    void window.loadURL(homeUrl);
  }

  /** Asked when the window is about to close; false keeps it. */
  closeIf(mayClose: () => boolean): void {
    this.#mayClose = mayClose;
  }

  /** Told of every window before its page is loaded. */
  onOpen(listener: (window: BrowserWindow) => void): void {
    this.#onOpen = listener;
  }

  /** Progress on the window's icon, if the system shows it. @param share 0 to 1; null: nothing is under way */
  setProgress(share: number | null): void {
    this.#window?.setProgressBar(share ?? -1);
  }

  show(): void {
    const window = this.#window;
    if (window === null) return;
    if (window.isMinimized()) window.restore();
    window.show();
    window.focus();
  }

  /** @param zoom 1: as large as the system has it */
  setZoom(zoom: number): void {
    this.#zoom = zoom;
    const contents = this.#window?.webContents;
    if (contents !== undefined && !contents.isDestroyed()) contents.setZoomFactor(zoom);
  }

  send(channel: string, ...values: unknown[]): void {
    const contents = this.#window?.webContents;
    if (contents !== undefined && !contents.isDestroyed()) contents.send(channel, ...values);
  }
}

/** Of all displays without their taskbars, the main one first. */
function areas(): Rectangle[] {
  const main = screen.getPrimaryDisplay();
  const others = screen.getAllDisplays().filter(({ id }) => id !== main.id);
  return [main, ...others].map(({ workArea }) => workArea);
}
