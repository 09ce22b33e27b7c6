/** A long request: its progress, and how to stop it. */
import type { Fault } from '../../shared/contract/index.ts';
import { faultOf } from './app.svelte.ts';
import type { App } from './app.svelte.ts';

export class Followed {
  busy = $state(false);
  /** What is under way and the share done, 0 to 1; null before the first word of it. */
  progress = $state.raw<{ readonly at: string; readonly share: number } | null>(null);
  fault = $state.raw<Fault | null>(null);
  /** Of the request under way. */
  #token: string | null = null;
  readonly #app: App;

  constructor(app: App) {
    this.#app = app;
  }

  /**
   * Asks by a token of its own; an earlier request that is still pending is stopped. Returns undefined if it was stopped or failed, in which case `fault`
   * says why.
   */
  async run<T>(ask: (token: string) => Promise<T>): Promise<T | undefined> {
    this.cancel();
    const token = crypto.randomUUID();
    this.#token = token;
    this.busy = true;
    this.progress = null;
    this.fault = null;
    const stop = this.#app.client.on('request.progress', (event) => {
      if (event.token === token && this.#token === token) this.progress = event;
    });
    try {
      const result = await ask(token);
      return this.#token === token ? result : undefined;
    } catch (error) {
      const fault = faultOf(error);
      if (this.#token === token && fault.code !== 'cancelled') this.fault = fault;
      return undefined;
    } finally {
      stop();
      if (this.#token === token) {
        this.#token = null;
        this.busy = false;
      }
    }
  }

  cancel(): void {
    const token = this.#token;
    if (token === null) return;
    this.#token = null;
    this.busy = false;
    void this.#app.attempt(() => this.#app.client.request('requests.cancel', { token }));
  }
}
