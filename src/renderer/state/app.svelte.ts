/** What the whole window shares: connection, settings, queue, place, messages. One object, passed by context. */
import type { WindowCommand } from './command.ts';
import { getContext, setContext, untrack } from 'svelte';
import { SvelteMap } from 'svelte/reactivity';
import { FaultError } from '../../shared/contract/index.ts';
import type { AppInfo, DoctorReport, Fault, FilePlace, QueueSnapshot, Settings } from '../../shared/contract/index.ts';
import { mainParameter } from '../../shared/representative.ts';
import { heldUnderPress } from '../client.ts';
import { summaryText } from '../format.ts';
import type { ConnectionState, WorkbenchClient } from '../client.ts';
import { Marked } from './marked.svelte.ts';
import { parsePlace, placeText } from './place.ts';
import type { Place, RunPlace } from './place.ts';
import { Press } from './press.ts';

/** A line at the bottom of the window: an action that can be undone, or information. */
export interface Message {
  readonly id: number;
  readonly level: 'info' | 'warning' | 'error';
  readonly text: string;
  readonly details?: string | undefined;
  readonly action?: { readonly label: string; readonly run: () => void } | undefined;
}

const contextKey = Symbol('app');
/** How long a message stays unless it is an error. */
const messageMilliseconds = 10_000;

export class App {
  readonly client: WorkbenchClient;
  connection = $state.raw<ConnectionState>({ kind: 'connecting' });
  /** Counts reconnections and store replacements, after which screens reload. */
  generation = $state(0);
  place = $state.raw<Place>({ screen: 'runs' });
  settings = $state.raw<Settings | null>(null);
  queue = $state.raw<QueueSnapshot | null>(null);
  info = $state.raw<AppInfo | null>(null);
  doctor = $state.raw<DoctorReport | null>(null);
  /** Warnings about the store that were dismissed in this window. */
  #read = $state.raw<readonly string[]>([]);
  /** A warning about the location of the store, until it is dismissed. */
  readonly warnings = $derived((this.info?.warnings ?? []).filter((text) => !this.#read.includes(text)));
  messages = $state.raw<readonly Message[]>([]);
  systemDark = $state(false);
  /** Ticks each half minute, for "12 min ago". */
  now = $state(Date.now());
  paletteOpen = $state(false);
  keysOpen = $state(false);

  readonly theme = $derived<'light' | 'dark'>(
    this.settings === null || this.settings.theme === 'system'
      ? this.systemDark
        ? 'dark'
        : 'light'
      : this.settings.theme,
  );

  /** What the screen on show can do, for the command palette. */
  screenCommands = $state.raw<readonly WindowCommand[]>([]);
  /** Values that survive a restart, by name; see `Kept.of`. */
  readonly kept = new Map<string, unknown>();
  /** Cutoffs of runs that are not displayed at the default; see run/look-at.svelte.ts. */
  readonly cutoffs = new SvelteMap<string, number>();
  /** The chosen layer of each run, if one was chosen. */
  readonly layers = new SvelteMap<string, string>();
  readonly marked = new Marked();
  #messageNumber = 0;
  /** Changes of settings that are on their way to the store, in the order in which they were made. */
  readonly #unsaved: Partial<Settings>[] = [];

  /** While a control is pressed nothing on the screen changes by itself. */
  readonly press = new Press();

  constructor(client: WorkbenchClient) {
    this.client = heldUnderPress(client, this.press);
    this.connection = client.state;
  }

  /** Starts listening. Returns a function that stops it. */
  start(): () => void {
    const { client } = this;
    const dark = matchMedia('(prefers-color-scheme: dark)');
    this.systemDark = dark.matches;
    const onDark = (event: MediaQueryListEvent): void => {
      this.systemDark = event.matches;
    };
    dark.addEventListener('change', onDark);
    // Called by an effect of the frame, which must not rerun because of what is read here.
    const onHash = (): void => {
      untrack(() => this.#arrive(parsePlace(location.hash)));
    };
    addEventListener('hashchange', onHash);
    onHash();
    const clock = setInterval(() => {
      this.press.after(() => (this.now = Date.now()));
    }, 30_000);
    const stops = [
      this.press.listen(),
      client.onState((state) => {
        this.connection = state;
        if (state.kind === 'connected') {
          if (state.again) this.generation++;
          void this.#load();
        }
      }),
      client.on('settings.changed', (settings) => {
        this.#showSettings(settings);
      }),
      client.on('queue.changed', (queue) => {
        if (this.queue !== null && queue.number <= this.queue.number) return;
        this.#offerResults(this.queue, queue);
        this.queue = queue;
      }),
      client.on('store.changed', ({ what }) => {
        if (what === 'all') this.generation++;
      }),
      client.on('file.opened', () => {
        void this.#importOpened();
      }),
      client.on('notice', ({ level, text, run }) => {
        this.tell(level, text, run === null ? undefined : { label: 'Show run', run: () => this.open(run) });
      }),
    ];
    void this.#load();
    return () => {
      dark.removeEventListener('change', onDark);
      removeEventListener('hashchange', onHash);
      clearInterval(clock);
      for (const stop of stops) stop();
    };
  }

  /** When a training ends, its result is offered if the run is displayed or was the last to run. */
  #offerResults(before: QueueSnapshot | null, now: QueueSnapshot): void {
    const isAtWork = ({ jobs }: QueueSnapshot, run: string): boolean =>
      jobs.some((job) => job.run === run && job.kind === 'train' && ['running', 'queued'].includes(job.state));
    for (const { run, kind, state } of before?.jobs ?? []) {
      if (run === null || kind !== 'train' || state !== 'running' || isAtWork(now, run)) continue;
      const isShown = this.place.screen === 'run' && this.place.run === run;
      if (!isShown && (now.running > 0 || now.queued > 0)) continue;
      void this.#offerResult(run);
    }
  }

  async #offerResult(id: string): Promise<void> {
    const run = await this.client.request('runs.get', { id }).catch(() => null);
    const layer = mainParameter(
      Object.keys(run?.values ?? {})
        .flatMap((name) => /^gamma\.([^.@]+)$/.exec(name)?.[1] ?? [])
        .sort(),
    );
    if (run?.status !== 'done' || layer === undefined) return;
    if (this.place.screen === 'run' && this.place.run === id && this.place.tab === 'overview') return;
    const gamma = summaryText(run.values[`gamma.${layer}`]);
    this.tell('info', `${run.name}: γ of ${layer} = ${gamma}`, {
      label: 'See it',
      run: () => this.open(id),
    });
  }

  /** Files may have been opened before this window was there. */
  async #importOpened(): Promise<void> {
    const files = await this.attempt(() => this.client.request('files.opened'));
    for (const { token } of files ?? []) await this.importRun({ token });
  }

  async #load(): Promise<void> {
    await this.attempt(async () => {
      const [settings, queue, info] = await Promise.all([
        this.client.request('settings.get'),
        this.client.request('queue.get'),
        this.client.request('app.info'),
      ]);
      this.#showSettings(settings);
      this.queue = queue;
      this.info = info;
    });
    await this.#importOpened();
    // Found in a process of its own: seconds at first.
    if (this.doctor === null) await this.refreshDoctor();
  }

  async refreshDoctor(): Promise<void> {
    await this.attempt(async () => {
      this.doctor = await this.client.request('doctor.engines');
    });
  }

  /** Where the address leads; a run keeps its layer and cutoff, which then stand in the address too. */
  #arrive(place: Place): void {
    this.place = place;
    if (place.screen !== 'run') return;
    const { run, cutoff, layer } = place;
    if (cutoff !== undefined) this.cutoffs.set(run, cutoff);
    if (layer !== undefined) this.layers.set(run, layer);
    this.refine(run, this.lookOf(run));
  }

  /** How a run is looked at, for its address: what is not chosen is left out. */
  lookOf(run: string): Pick<RunPlace, 'layer' | 'cutoff'> {
    return { layer: this.layers.get(run), cutoff: this.cutoffs.get(run) };
  }

  /** Chooses the layer of a run to display. */
  lookAtLayer(run: string, layer: string): void {
    this.layers.set(run, layer);
    this.refine(run, { layer });
  }

  go(place: Place): void {
    const text = placeText(place);
    if (location.hash !== text) location.hash = text;
  }

  /** The address says what of a run is on show, without a step for "back". */
  refine(run: string, changes: Pick<RunPlace, 'view' | 'layer' | 'cutoff'>): void {
    if (this.place.screen !== 'run' || this.place.run !== run) return;
    const next = { ...this.place, ...changes };
    if (placeText(next) === placeText(this.place)) return;
    this.place = next;
    history.replaceState(null, '', placeText(next));
  }

  /** Goes to a place, and reloads it if the window already shows it. */
  show(place: Place): void {
    if (location.hash === placeText(place)) this.generation++;
    else this.go(place);
  }

  compare(runs: readonly string[]): void {
    this.go({ screen: 'compare', runs });
  }

  open(run: string): void {
    this.go({ screen: 'run', run, tab: 'overview' });
  }

  tell(level: Message['level'], text: string, action?: Message['action'], details?: string): void {
    // The queue reports a job that failed to every window, and the request that waited for it fails with the same words: one message, the last.
    const told =
      level === 'error' ? this.messages.find((each) => each.level === level && each.text.endsWith(text)) : undefined;
    const message: Message = told ?? { id: this.#messageNumber++, level, text, action, details };
    this.messages = [...this.messages.filter((each) => each !== told).slice(-3), message];
    if (level !== 'error') setTimeout(() => this.press.after(() => this.dismiss(message.id)), messageMilliseconds);
  }

  dismissWarning(text: string): void {
    this.#read = [...this.#read, text];
  }

  dismiss(id: number): void {
    this.messages = this.messages.filter((message) => message.id !== id);
  }

  /** Adds the run of a `.covature` file and shows it. */
  async importRun(from: FilePlace): Promise<void> {
    const done = await this.attempt(() => this.client.request('runs.import', { from }));
    if (done === undefined) return;
    const what = done.added ? `${done.name} was imported` : `${done.name} is here already`;
    this.tell('info', `${what}${done.following ? '; it is followed while its file grows' : ''}.`);
    this.open(done.id);
  }

  /** Lets the user choose a `.covature` file; without dialogs, the screen where its path is written. */
  async openFile(): Promise<void> {
    if (this.info?.dialogs !== true) {
      this.go({ screen: 'import' });
      return;
    }
    const file = await this.attempt(() => this.client.request('files.choose', { kind: 'run' }));
    if (file !== undefined && file !== null) await this.importRun({ token: file.token });
  }

  /** Undoes the newest thing that can be undone. */
  undo(): void {
    const last = this.messages.findLast(({ action }) => action?.label === 'Undo');
    if (last === undefined) return;
    this.dismiss(last.id);
    last.action?.run();
  }

  /** Does something; a fault is shown to the user and gives undefined. */
  async attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      const fault = faultOf(error);
      // A lost connection is already shown in the bar above; a cancellation was the user's own wish.
      if (fault.code !== 'disconnected' && fault.code !== 'cancelled') {
        this.tell('error', fault.message, undefined, fault.details && JSON.stringify(fault.details, null, 2));
      }
      return undefined;
    }
  }

  /** Puts a text on the clipboard and says `done`, or `refused` where the browser does not allow it. */
  async copy(text: string, done: string, refused = 'The browser did not allow it to be copied.'): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      this.tell('error', refused);
      return;
    }
    this.tell('info', done);
  }

  async saveSettings(changes: Partial<Settings>): Promise<void> {
    this.#unsaved.push(changes);
    if (this.settings !== null) this.#showSettings(this.settings);
    const stored = await this.attempt(() => this.client.request('settings.set', changes));
    this.#unsaved.splice(this.#unsaved.indexOf(changes), 1);
    const known = stored ?? (await this.attempt(() => this.client.request('settings.get')));
    if (known !== undefined) this.#showSettings(known);
  }

  /** Those of the store, with what was changed since and is not stored yet: an answer to an earlier change never takes back a later one. */
  #showSettings(stored: Settings): void {
    this.settings = Object.assign({}, stored, ...this.#unsaved) as Settings;
  }
}

export function faultOf(error: unknown): Fault {
  if (error instanceof FaultError) return error.toFault();
  return { code: 'failed', message: error instanceof Error ? error.message : String(error) };
}

export function setApp(app: App): App {
  return setContext(contextKey, app);
}

export function getApp(): App {
  return getContext<App>(contextKey);
}
