/** Jobs, settings, engines, the store as a whole, files, the program itself. */
import * as v from 'valibot';
import { backendChoices } from '../../devices.ts';
import { integer } from '../../validation.ts';
import { id, method, none, textUpTo, token } from '../define.ts';
import type { Json, QueueSnapshot } from '../records.ts';

/** All settings with their defaults; every shell sees the same. */
export const settingsSchema = v.strictObject({
  theme: v.optional(v.picklist(['light', 'dark', 'system']), 'system'),
  /** Of the whole window, 0.5 to 3. */
  zoom: v.optional(v.pipe(v.number(), v.minValue(0.5), v.maxValue(3)), 1),
  /** "auto", "wasm", or the path of a library. */
  blas: v.optional(textUpTo(4096), 'auto'),
  /** The backend that trains and measures; "auto": chosen by calibration. */
  backend: v.optional(v.picklist(backendChoices), 'auto'),
  /** Worker threads of a measurement; 0: one a core. */
  threads: v.optional(integer(0, 1024), 0),
  /** Bytes of memory that a measurement may use; 0: whatever is free. */
  memoryLimit: v.optional(integer(0), 0),
  /** Jobs at once; 0: half the cores, 1 to 4. */
  runningLimit: v.optional(integer(0, 64), 0),
  /** Show a desktop notification when a job that took at least this many seconds ends; 0: never. */
  notifyAfterSeconds: v.optional(integer(0, 86_400), 60),
  /** Ask once a day, over the network, whether there is a newer version, and say so. Nothing is fetched. */
  announceUpdates: v.optional(v.boolean(), false),
});
export type Settings = v.InferOutput<typeof settingsSchema>;

export interface EngineInfo {
  /** "OpenBLAS 0.3.21". */
  readonly name: string;
  readonly path: string;
  readonly kind: 'native' | 'wasm';
  readonly threads: number;
  readonly cores: number;
  readonly processor: string;
}

export interface DoctorReport {
  /** What jobs compute with now; null if the library that was asked for does not open. */
  readonly engine: EngineInfo | null;
  /** Libraries that could not be opened, and why. */
  readonly attempts: readonly { readonly path: string; readonly reason: string }[];
  /** Cards and other devices that training and measuring may use; those that cannot be used are listed in `attempts`. */
  readonly devices: readonly { readonly name: string; readonly title: string; readonly isSoftware: boolean }[];
  /** What to do for a better one; null if nothing is better. */
  readonly hint: string | null;
  readonly memory: { readonly total: number; readonly available: number };
  readonly node: string;
  readonly platform: string;
}

export interface SpeedReport {
  readonly engine: string;
  /** 10^9 floating-point operations a second of a matrix product, one thread. */
  readonly gflops: { readonly float64: number; readonly float32: number };
}

export interface StoreInfo {
  readonly folder: string;
  readonly bytes: {
    readonly database: number;
    readonly artifacts: number;
    readonly backups: number;
    readonly bin: number;
  };
  /** On its disk. */
  readonly free: number | null;
  readonly runs: number;
  readonly readOnly: boolean;
  /** Runs that the previous program left running. */
  readonly interrupted: readonly string[];
}

export interface BackupRecord {
  /** Names the backup to `store.restore`. */
  readonly name: string;
  readonly created: number;
  readonly runs: number;
  readonly bytes: number;
}

export interface StoreCheck {
  readonly problems: readonly {
    readonly code: string;
    readonly message: string;
    readonly run: string | null;
    readonly mended: boolean;
  }[];
  readonly runs: number;
  readonly artifacts: number;
  readonly bytesRead: number;
}

export interface AppInfo {
  readonly version: string;
  readonly shell: 'desktop' | 'browser';
  readonly platform: string;
  readonly node: string;
  /** The host that is asked for newer versions where the user wants that; null: this build, or this shell, asks nobody. */
  readonly updatesFrom: string | null;
  /** A warning about the location of the store to read before any work: a disk of another machine. */
  readonly warnings: readonly string[];
  /** Whether `files.choose` opens dialogs here; else the user types paths. */
  readonly dialogs: boolean;
  /** Counts the starts of the main side: if it has changed, all snapshots are void. */
  readonly session: string;
}

/** A file that the user chose in a dialog; the path stays on the main side. */
export interface ChosenFile {
  readonly token: string;
  /** Its last part, to show. */
  readonly name: string;
}

/** One folder of the machine that the program runs on, for choosing a file in a browser. */
export interface FolderListing {
  /** Absolute. */
  readonly path: string;
  /** Null at the root. */
  readonly parent: string | null;
  /** Names, in order; hidden ones are left out. */
  readonly folders: readonly string[];
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  /** Number of entries left out beyond the first few thousand. */
  readonly more: number;
  /** What the folder as a whole contains, if that is clear from the file names: "CIFAR-10". */
  readonly holds: string | null;
  /** Places to start from: the home folder, the folder that the program was started in, the store. */
  readonly places: readonly { readonly name: string; readonly path: string }[];
}

export const system = {
  'queue.get': method<QueueSnapshot>()(none),
  /** Stops or resumes starting jobs; running jobs are not affected. */
  'queue.hold': method<QueueSnapshot>()(v.strictObject({ held: v.boolean() })),
  /** Any job, by its id: measurements by hand, backups, checks. */
  'jobs.cancel': method<null>()(v.strictObject({ id })),
  /** A request under way, by the token that its window gave it: it ends with a `cancelled` fault. Does nothing if it has already been answered. */
  'requests.cancel': method<null>()(v.strictObject({ token })),

  'settings.get': method<Settings>()(none),
  /** Changes some of them; the others stay. Returns all. */
  'settings.set': method<Settings>()(v.partial(settingsSchema)),
  /** State that a window keeps for itself (columns, layout, scroll), by name; null if there is none. 256 KB at most. */
  'state.get': method<Json>()(v.strictObject({ name: textUpTo(200) })),
  'state.set': method<null>()(v.strictObject({ name: textUpTo(200), value: v.unknown() })),

  /** The engine that jobs use, and why others are not used; determined in a separate process. */
  'doctor.engines': method<DoctorReport>()(none),
  /** A matrix product of about a second. */
  'doctor.speed': method<SpeedReport>()(none),

  'store.info': method<StoreInfo>()(none),
  /** Makes a backup in the store's folder "backups", as a job. */
  'store.backup': method<{ readonly job: string }>()(none),
  'store.backups': method<readonly BackupRecord[]>()(none),
  /** Puts a backup in the store's place; the former store is kept beside it. Conflict while a job runs. All windows reload. */
  'store.restore': method<null>()(v.strictObject({ name: textUpTo(200) })),
  /** Checks database and files (every checksum unless `quick`), and repairs what can be repaired if asked. */
  'store.check': method<StoreCheck>()(
    v.strictObject({ repair: v.exactOptional(v.boolean(), false), quick: v.exactOptional(v.boolean(), false) }),
  ),

  'app.info': method<AppInfo>()(none),
  /** Opens the system's dialog (only on the desktop; `unavailable` elsewhere); null: the user closed it. */
  'files.choose': method<ChosenFile | null>()(
    v.strictObject({
      kind: v.picklist(['dataset', 'experiment', 'model', 'weights', 'run', 'figure', 'folder']),
    }),
  ),
  /** What a folder holds (only in the browser; the desktop has the system's dialogs). Without a path: the folder that the program was started in. */
  'files.list': method<FolderListing>()(v.strictObject({ path: v.exactOptional(textUpTo(4096)) })),
  /** Asks where to write a file (only on the desktop; `unavailable` elsewhere); null: the user closed the dialog. */
  'files.chooseTarget': method<ChosenFile | null>()(
    v.strictObject({ kind: v.picklist(['run', 'bundle']), name: textUpTo(200) }),
  ),
  /** Files that were opened from outside (a double click, a command line) and that no window has taken yet; the window that asks takes them. */
  'files.opened': method<readonly ChosenFile[]>()(none),
  /** The JSON document in a file: an experiment, a model. */
  'files.readJson': method<Json>()(
    v.union(
      [v.strictObject({ path: textUpTo(4096) }), v.strictObject({ token: textUpTo(200) })],
      'expected a path or a token',
    ),
  ),
};
