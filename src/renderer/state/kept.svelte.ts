/** A value that survives a restart of the window, kept on the main side by name. */
import type { App } from './app.svelte.ts';

/** Milliseconds of quiet before a change is written. */
const settle = 400;

export class Kept<T> {
  #value = $state.raw() as T;
  readonly #app: App;
  readonly #name: string;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #touched = false;

  /** `read` turns what was stored (by any version) into a value, or answers undefined. */
  constructor(app: App, name: string, initial: T, read: (stored: unknown) => T | undefined) {
    this.#app = app;
    this.#name = name;
    this.#value = initial;
    void (async () => {
      const stored = await app.attempt(() => app.client.request('state.get', { name }));
      const value = stored === undefined || stored === null ? undefined : read(stored);
      if (value !== undefined && !this.#touched) this.#value = value;
    })();
  }

  get value(): T {
    return this.#value;
  }

  set value(value: T) {
    this.#touched = true;
    this.#value = value;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      void this.#app.attempt(() => this.#app.client.request('state.set', { name: this.#name, value }));
    }, settle);
  }
}
