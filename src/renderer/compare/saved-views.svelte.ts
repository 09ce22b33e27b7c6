/** Comparisons that were saved under a name: which runs, and how they are looked at. Kept with the store. */
import type { App } from '../state/app.svelte.ts';
import { Kept } from '../state/kept.svelte.ts';
import { keptCompareView, readCompareView } from './view.ts';
import type { CompareView } from './view.ts';

export interface SavedView {
  readonly name: string;
  readonly runs: readonly string[];
  readonly view: CompareView;
}

export class SavedViews {
  readonly #app: App;
  readonly #kept: Kept<readonly SavedView[]>;

  constructor(app: App) {
    this.#app = app;
    this.#kept = Kept.of<readonly SavedView[]>(app, 'compare.saved', [], (stored) =>
      Array.isArray(stored) ? stored.flatMap(readSaved) : undefined,
    );
  }

  /** By name. */
  get list(): readonly SavedView[] {
    return this.#kept.value;
  }

  /** Replaces a view of the same name. */
  save(saved: SavedView): void {
    this.#kept.value = [...this.list.filter(({ name }) => name !== saved.name), saved].sort((a, b) =>
      a.name.localeCompare(b.name, 'en', { numeric: true }),
    );
  }

  open({ runs, view }: SavedView): void {
    keptCompareView(this.#app).value = view;
    this.#app.compare(runs);
  }

  remove(name: string): void {
    const before = this.list;
    this.#kept.value = before.filter((each) => each.name !== name);
    this.#app.tell('info', `The view ${name} was deleted.`, {
      label: 'Undo',
      run: () => (this.#kept.value = before),
    });
  }
}

function readSaved(stored: unknown): SavedView[] {
  const { name, runs, view } = (stored ?? {}) as Partial<Record<keyof SavedView, unknown>>;
  const read = readCompareView(view);
  return typeof name === 'string' && Array.isArray(runs) && read !== undefined
    ? [{ name, runs: runs.filter((id) => typeof id === 'string'), view: read }]
    : [];
}
