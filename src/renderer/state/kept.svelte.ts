/** A value that survives a restart of the window, kept on the main side by name. */
import type { App } from './app.svelte.ts';

/** Milliseconds of quiet before a change is written. */
const settle = 400;

export class Kept<T> {
  #value = $state.raw() as T;
  /** Whether what was stored has been read (or cannot be). */
  ready = $state(false);
  /** Fulfilled once `ready`. */
  readonly read: Promise<void>;
  readonly #app: App;
  readonly #name: string;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #touched = false;

  /** `read` turns what was stored (by any version) into a value, or returns undefined. */
  private constructor(app: App, name: string, initial: T, read: (stored: unknown) => T | undefined) {
    this.#app = app;
    this.#name = name;
    this.#value = initial;
    addEventListener('pagehide', () => this.#write());
    this.read = (async () => {
      const stored = await app.attempt(() => app.client.request('state.get', { name }));
      const value = stored === undefined || stored === null ? undefined : read(stored);
      if (value !== undefined && !this.#touched) this.#value = value;
      this.ready = true;
    })();
  }

  /** The instance of that name: screens that are closed and reopened find it unchanged. */
  static of<T>(app: App, name: string, initial: T, read: (stored: unknown) => T | undefined): Kept<T> {
    const known = app.kept.get(name) as Kept<T> | undefined;
    if (known !== undefined) return known;
    const made = new Kept(app, name, initial, read);
    app.kept.set(name, made);
    return made;
  }

  get value(): T {
    return this.#value;
  }

  set value(value: T) {
    this.#touched = true;
    this.#value = value;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#write(), settle);
  }

  #write(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const [name, value] = [this.#name, this.#value];
    void this.#app.attempt(() => this.#app.client.request('state.set', { name, value }));
  }
}
