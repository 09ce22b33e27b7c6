/** Events on their way to the windows. */
import type { ContractEvents, EventName } from '../../shared/contract/index.ts';

export type BusListener = <E extends EventName>(event: E, payload: ContractEvents[E]) => void;

export class Bus {
  readonly #listeners = new Set<BusListener>();

  emit<E extends EventName>(event: E, payload: ContractEvents[E]): void {
    for (const listener of this.#listeners) listener(event, payload);
  }

  /** Returns a function that stops listening. */
  listen(listener: BusListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

/** Ids named in one `runs.changed`; above, the windows read their page again anyway. */
const mostIds = 200;

/** Calls back once, a short time after the first of several calls. */
export class Coalesced {
  readonly #milliseconds: number;
  readonly #action: () => void;
  #timer: NodeJS.Timeout | null = null;

  constructor(milliseconds: number, action: () => void) {
    this.#milliseconds = milliseconds;
    this.#action = action;
  }

  request(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#action();
    }, this.#milliseconds);
  }

  /** Now, if it was requested. */
  flush(): void {
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#action();
  }
}

/** Counts changes of runs, and tells of them at most ten times a second. */
export class RunChanges {
  readonly #bus: Bus;
  readonly #ids = new Set<string>();
  readonly #tell: Coalesced;
  #many = false;
  #revision = 0;

  constructor(bus: Bus) {
    this.#bus = bus;
    this.#tell = new Coalesced(100, () => {
      const ids = this.#many ? null : [...this.#ids];
      this.#ids.clear();
      this.#many = false;
      this.#bus.emit('runs.changed', { revision: this.#revision, ids });
    });
  }

  /** Grows with every change. */
  get revision(): number {
    return this.#revision;
  }

  /** `null`: many, or unknown which. */
  note(ids: readonly string[] | null): void {
    this.#revision++;
    if (ids === null) this.#many = true;
    else for (const id of ids) this.#ids.add(id);
    if (this.#ids.size > mostIds) this.#many = true;
    this.#tell.request();
  }

  flush(): void {
    this.#tell.flush();
  }
}
