/** Requests that a window follows and may stop, by the token that it gave them. */
import { FaultError } from '../../shared/contract/index.ts';
import type { Bus } from '../queue/bus.ts';
import type { AskOptions } from './helper/helper.ts';

export class FollowedRequests {
  readonly #bus: Bus;
  readonly #aborts = new Map<string, AbortController>();

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  /** Emits `request.progress` while it runs; without a token nobody can follow or stop it. Raises a `conflict` if the token is in use. */
  async follow<T>(token: string | undefined, ask: (options: AskOptions) => Promise<T>): Promise<T> {
    if (token === undefined) return ask({});
    if (this.#aborts.has(token)) throw new FaultError('conflict', `a request of the token ${token} is under way`);
    const abort = new AbortController();
    this.#aborts.set(token, abort);
    try {
      return await ask({
        signal: abort.signal,
        onProgress: (at, share) => {
          this.#bus.emit('request.progress', { token, at, share });
        },
      });
    } finally {
      this.#aborts.delete(token);
    }
  }

  /** Does nothing if it has already been answered. */
  cancel(token: string): void {
    this.#aborts.get(token)?.abort();
  }
}
