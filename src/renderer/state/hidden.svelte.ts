/** Runs that charts leave out: what the dot before a run's name toggles, the same in every screen. */
import type { App } from './app.svelte.ts';
import { Kept } from './kept.svelte.ts';

/** Beyond this number, the ones hidden first are shown again. */
const mostHidden = 5000;

export class HiddenRuns {
  readonly #kept: Kept<readonly string[]>;
  readonly #set = $derived.by(() => new Set(this.#kept.value));

  constructor(app: App) {
    this.#kept = Kept.of<readonly string[]>(app, 'runs.hidden', [], (stored) =>
      Array.isArray(stored) ? stored.filter((each) => typeof each === 'string') : undefined,
    );
  }

  has(id: string): boolean {
    return this.#set.has(id);
  }

  /** Hides the runs, or shows them where all of them are hidden. */
  toggle(ids: readonly string[]): void {
    this.set(ids, !ids.every((id) => this.#set.has(id)));
  }

  /** All of them show again. */
  clear(): void {
    this.#kept.value = [];
  }

  set(ids: readonly string[], hidden: boolean): void {
    const named = new Set(ids);
    const others = this.#kept.value.filter((id) => !named.has(id));
    this.#kept.value = hidden ? [...others, ...ids].slice(-mostHidden) : others;
  }
}
