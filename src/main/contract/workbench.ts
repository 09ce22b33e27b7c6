/** Everything behind the contract: the store, the queue, the helper process, and the messages to the windows. One per program, whatever its shell. */
import { randomBytes, randomUUID } from 'node:crypto';
import * as path from 'node:path';
import { definedOf } from '../../shared/defined.ts';
import { expandHome } from '../../data/home.ts';
import { FaultError, settingsSchema } from '../../shared/contract/index.ts';
import type { ChosenFile, FilePlace, Handlers, Outcome, Settings } from '../../shared/contract/index.ts';
import { InputError } from '../../shared/errors.ts';
import { parseWith } from '../../shared/validation.ts';
import { engineOptions } from '../jobs/engine.ts';
import { forkLauncher } from '../jobs/launcher.ts';
import type { ProcessLauncher } from '../jobs/launcher.ts';
import type { EngineOptions } from '../jobs/protocol.ts';
import { gatherProvenance } from '../provenance.ts';
import type { Provenance } from '../provenance.ts';
import { Bus, RunChanges } from '../queue/bus.ts';
import { JobQueue } from '../queue/queue.ts';
import { openStore, restoreStore } from '../store/index.ts';
import type { Project, RunRecord, Store } from '../store/index.ts';
import { ClusterSweeps } from '../cluster/sweeps.ts';
import { dispatch } from './dispatch.ts';
import { Downloads } from './downloads.ts';
import { FollowedRuns } from './following.ts';
import { FollowedRequests } from './followed.ts';
import { Forecasts } from './forecasts.ts';
import { Helper } from './helper/helper.ts';
import type { AskOptions } from './helper/helper.ts';

export type FileKind = 'dataset' | 'experiment' | 'model' | 'weights' | 'run' | 'figure' | 'folder';

export interface WorkbenchOptions {
  /** The folder of runs. */
  readonly storeFolder: string;
  readonly shell: 'desktop' | 'browser';
  /** Where relative paths in experiments start from. */
  readonly baseFolder: string;
  /** Default child_process. */
  readonly launcher?: ProcessLauncher;
  /** Asks the user for a file or folder; absent if there are no dialogs. */
  readonly chooseFile?: (kind: FileKind) => Promise<string | null>;
  /** Asks where to write a file, suggesting a name; absent if there are no dialogs. */
  readonly chooseTarget?: (kind: 'run' | 'bundle', name: string) => Promise<string | null>;
  /** Choices of the command line, which take precedence over the settings. */
  readonly engine?: Partial<EngineOptions>;
  /** Type of the file system that the store is on (statfs(2)); the system is asked if it is left out. */
  readonly fileSystem?: number;
}

interface Opened {
  readonly store: Store;
  readonly queue: JobQueue;
}

/** Milliseconds between checks for changes by other processes. */
const watchMilliseconds = 1000;
/** Number of those checks between checks for runs whose process is gone. */
const looksPerCheck = 5;

/** Files that a window may name by token, at most; the oldest are forgotten. */
const keptFiles = 1000;

export class Workbench {
  readonly options: WorkbenchOptions;
  readonly bus = new Bus();
  readonly changes = new RunChanges(this.bus);
  readonly followed = new FollowedRequests(this.bus);
  readonly helper: Helper;
  /** Views of stored matrices, and verified models: these take seconds, for which a preview of a dataset must not wait. */
  readonly computing: Helper;
  readonly forecasts: Forecasts;
  /** Looks for engines and devices, which loads TensorFlow if it is installed: hundreds of megabytes that are given back with the answer. */
  readonly looking: Helper;
  /** Draws figures: a process of its own, so that a preview never waits for a dataset or a matrix product. */
  readonly drawing: Helper;
  /** Runs of training loops elsewhere that are followed now. */
  readonly growing = new FollowedRuns();
  /** Files that were made for a window to fetch. */
  readonly downloads = new Downloads();
  /** Sweeps on clusters that the windows show. */
  readonly sweeps = new ClusterSweeps(() => this.store);
  readonly session = randomUUID();
  readonly #handlers: Handlers<Workbench>;
  readonly #launcher: ProcessLauncher;
  readonly #files = new Map<string, string>();
  readonly #openedFiles: ChosenFile[] = [];
  #opened: Opened;
  readonly #watch: NodeJS.Timeout;
  /** `dataVersion` of the store when it was last looked at. */
  #seen: number | null = null;
  #looks = 0;
  /** The store is closed for a backup to take its place. */
  #isAway = false;
  #provenance: Provenance | null = null;
  #closing: Promise<void> | null = null;

  /** Opens the store (raises `StoreError`) and starts what waits there. Shells call `openWorkbench`, which knows the handlers. */
  constructor(options: WorkbenchOptions, handlers: Handlers<Workbench>) {
    this.options = options;
    this.#handlers = handlers;
    this.#launcher = options.launcher ?? forkLauncher;
    this.helper = new Helper(this.#launcher);
    this.computing = new Helper(this.#launcher);
    this.forecasts = new Forecasts(this.#launcher);
    this.looking = new Helper(this.#launcher, 0);
    this.drawing = new Helper(this.#launcher);
    this.#opened = this.#open();
    this.queue.pump();
    this.#watch = setInterval(() => {
      this.#lookAround();
    }, watchMilliseconds).unref();
  }

  /** Informs the windows about changes to the store by other processes, and about runs that they left. */
  #lookAround(): void {
    if (this.#isAway || this.#closing !== null) return;
    const { store } = this;
    const version = store.dataVersion();
    if (version !== this.#seen) {
      const isFirst = this.#seen === null;
      this.#seen = version;
      if (!isFirst) {
        this.changes.note(null);
        this.queue.refresh();
      }
    }
    if (++this.#looks % looksPerCheck !== 0) return;
    const running = store.listRuns({ status: ['running'], archived: 'any' }).rows;
    if (running.every(({ id }) => store.isOwnRun(id))) return;
    const left = store.markInterrupted();
    if (left.length > 0) this.changes.note(left);
  }

  get store(): Store {
    return this.#opened.store;
  }

  get queue(): JobQueue {
    return this.#opened.queue;
  }

  /** Answers a window; never rejects. */
  request(method: unknown, params: unknown): Promise<Outcome<unknown>> {
    if (this.#closing !== null) {
      return Promise.resolve({ ok: false, fault: { code: 'cancelled', message: 'the program is ending' } });
    }
    return dispatch<Workbench>(this.#handlers, this, method, params);
  }

  /** Longer work of a helper, as a job: the status bar shows its progress and can cancel it. */
  long<T>(title: string, work: (options: AskOptions) => Promise<T>): Promise<T> {
    return this.queue.task(title, ({ signal, progress }) => work({ signal, onProgress: progress })).done;
  }

  settings(): Settings {
    try {
      return parseWith(settingsSchema, this.store.getSetting('settings') ?? {}, 'settings');
    } catch (error) {
      // Written by another version: begin with the defaults.
      if (error instanceof InputError) return parseWith(settingsSchema, {}, 'settings');
      throw error;
    }
  }

  setSettings(changes: { readonly [K in keyof Settings]?: Settings[K] | undefined }): Settings {
    const settings = parseWith(settingsSchema, { ...this.settings(), ...changes }, 'settings');
    this.store.setSetting('settings', settings);
    this.bus.emit('settings.changed', settings);
    this.queue.pump();
    return settings;
  }

  /** What jobs compute with. */
  engine(): EngineOptions {
    const settings = this.settings();
    const given = this.options.engine ?? {};
    // "auto" leaves the choice to the environment.
    const base = engineOptions({
      blas: given.blas ?? (settings.blas === 'auto' ? undefined : settings.blas),
      threads: given.threads ?? (settings.threads > 0 ? settings.threads : undefined),
      backend: given.backend ?? (settings.backend === 'auto' ? undefined : settings.backend),
    });
    return { ...base, memoryLimit: given.memoryLimit ?? settings.memoryLimit };
  }

  /** Gathered once; asking git takes a moment. */
  provenance(): Provenance {
    return (this.#provenance ??= gatherProvenance());
  }

  /** Raises `not-found`. */
  run(id: string): RunRecord {
    const run = this.store.getRun(id);
    if (run === undefined)
      throw new FaultError('not-found', `there is no run ${id}; it may have been removed for good`);
    return run;
  }

  /** Raises `not-found`. */
  project(id: string): Project {
    const project = this.store.getProject(id);
    if (project === undefined) throw new FaultError('not-found', `there is no project ${id}; it may have been removed`);
    return project;
  }

  /** Gives a path a token, by which a window may name it. */
  keepFile(file: string): ChosenFile {
    const token = randomBytes(18).toString('base64url');
    this.#files.set(token, path.resolve(file));
    for (const oldest of this.#files.keys()) {
      if (this.#files.size <= keptFiles) break;
      this.#files.delete(oldest);
    }
    return { token, name: path.basename(file) };
  }

  /** Raises `not-found`. */
  fileOf(token: string): string {
    const file = this.#files.get(token);
    if (file === undefined) throw new FaultError('not-found', 'this file was chosen too long ago; choose it again');
    return file;
  }

  /** The file that a window named; a relative path starts from the base folder. Raises `not-found` for a token that is not known. */
  placeOf(place: FilePlace): string {
    return 'token' in place ? this.fileOf(place.token) : path.resolve(this.options.baseFolder, expandHome(place.path));
  }

  /** Tells the windows of a file that was opened from outside; if none is there yet, the first one asks for it. */
  openFile(file: string): void {
    const chosenFile = this.keepFile(file);
    this.#openedFiles.push(chosenFile);
    this.bus.emit('file.opened', chosenFile);
  }

  /** Files that were opened from outside and that no window has taken; from now on they are taken. */
  takeOpenedFiles(): ChosenFile[] {
    return this.#openedFiles.splice(0);
  }

  /** Puts a backup in the store's place. Raises a `conflict` while anything runs. */
  async restore(backup: string): Promise<void> {
    if (this.queue.busy) {
      throw new FaultError('conflict', 'jobs are running; let them end, pause or cancel them, then restore the backup');
    }
    const { folder } = this.store;
    await this.queue.close(0);
    this.store.close();
    this.#isAway = true;
    this.#seen = null;
    try {
      await restoreStore(folder, backup);
    } finally {
      this.#opened = this.#open();
      this.#isAway = false;
      this.changes.note(null);
      this.bus.emit('store.changed', { what: 'all' });
      this.queue.pump();
    }
  }

  /** Pauses what runs (at most `grace` milliseconds), ends all processes, closes the store. */
  close(grace = 5000): Promise<void> {
    this.#closing ??= (async () => {
      await this.queue.close(grace);
      this.helper.close();
      this.computing.close();
      this.forecasts.close();
      this.looking.close();
      this.drawing.close();
      this.changes.flush();
      await this.downloads.close();
      clearInterval(this.#watch);
      this.store.close();
    })();
    return this.#closing;
  }

  #open(): Opened {
    const { storeFolder, fileSystem } = this.options;
    // While a change waits for another program the window gets no answers, so it is soon told why.
    const store = openStore(storeFolder, { timeout: 5000, ...definedOf({ fileSystem }) });
    const queue = new JobQueue({
      store,
      bus: this.bus,
      changes: this.changes,
      launcher: this.#launcher,
      engine: () => this.engine(),
      limit: () => this.settings().runningLimit,
      provenance: () => this.provenance(),
    });
    return { store, queue };
  }
}
