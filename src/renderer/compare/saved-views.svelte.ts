/** Comparisons that were saved under a name: which runs, and how they are looked at. Kept with the store. */
import * as v from 'valibot';
import type { App } from '../state/app.svelte.ts';
import { Kept } from '../state/kept.svelte.ts';
import { readerOf } from '../state/reader.ts';
import { compareView, keptCompareView } from './view.ts';

const savedView = v.object({
  name: v.string(),
  runs: v.pipe(v.array(v.string()), v.readonly()),
  view: compareView,
});
export type SavedView = Readonly<v.InferOutput<typeof savedView>>;
const readSaved = readerOf(savedView);

export class SavedViews {
  readonly #app: App;
  readonly #kept: Kept<readonly SavedView[]>;

  constructor(app: App) {
    this.#app = app;
    this.#kept = Kept.of<readonly SavedView[]>(app, 'compare.saved', [], (stored) =>
      Array.isArray(stored) ? stored.flatMap((each) => readSaved(each) ?? []) : undefined,
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
