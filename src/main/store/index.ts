/**
 * The store: one folder with the database of runs (covature.db), the files of their results (artifacts/), and backups/. Everything
 * is synchronous except backups and the doctor. Any number of processes read and write at once: each change is one short transaction, and a run belongs to the process
 * that trains it (claims.ts). Failures that are not the caller's are `StoreError`s; see errors.ts.
 */
import { artifactMethods } from './artifacts.ts';
import { backupMethods } from './backup.ts';
import { binMethods } from './bin.ts';
import { checkpointMethods } from './checkpoints.ts';
import { withStoreErrors } from './context.ts';
import { doctorMethods } from './doctor.ts';
import { groupMethods } from './groups.ts';
import { listMethods } from './list.ts';
import { measurementOperations } from './measurements.ts';
import { networkWarning } from './network.ts';
import { openContext, type OpenedStore, type OpenOptions } from './open.ts';
import { projectMethods } from './projects.ts';
import { registryMethods } from './registry.ts';
import { runMethods } from './runs.ts';
import { seriesMethods } from './series.ts';
import { summaryMethods } from './summary.ts';
import { transferMethods } from './transfer.ts';

export * from './types.ts';
export { StoreError, type StoreErrorCode } from './errors.ts';
export { defaultStoreFolder } from './location.ts';
export { FilterError } from './filter/tokens.ts';
export { fieldsOf } from './experiments.ts';
export { summaryKeys } from './summary.ts';
export type { OpenOptions } from './open.ts';
export type { DatasetEntry } from './registry.ts';
export { restoreStore, type BackupInfo } from './backup.ts';
export { checkDatabase } from './database-check.ts';
export type { StoreProblem } from './problems.ts';
export type { ExportedRun, Imported } from './transfer.ts';

export interface OpenReport {
  /** Runs that a process which is gone left running; they are "interrupted" now. */
  readonly interrupted: readonly string[];
  /** The copy of the database made before it was migrated. */
  readonly backup: string | undefined;
  /** What the user should know about the place of the store. */
  readonly warnings: readonly string[];
}

/**
 * Opens the store in a folder; for writing, makes it if there is none, migrates an older one, and marks runs that a process left
 * running as interrupted. Raises `StoreError`.
 */
export function openStore(folder: string, options: OpenOptions = {}) {
  const opened = openContext(folder, options);
  try {
    return assemble(opened, options.fileSystem);
  } catch (error) {
    opened.close();
    throw error;
  }
}

export type Store = ReturnType<typeof openStore>;

function assemble({ context, backup, close }: OpenedStore, fileSystem: number | undefined) {
  const projects = projectMethods(context);
  const summary = summaryMethods(context);
  const runs = runMethods(context, projects, summary);
  const artifacts = artifactMethods(context, runs);
  const series = seriesMethods(context, runs);
  const measurements = measurementOperations(context, runs, summary, artifacts);
  const checkpoints = checkpointMethods(context, runs, artifacts);

  const { projectSeq: _projectSeq, ...projectTable } = projects;
  const { runSeq: _runSeq, runSeqs: _runSeqs, ...runTable } = runs;
  const { place: _place, drop: _drop, artifactOf: _artifactOf, removeFile: _removeFile, ...artifactTable } = artifacts;
  const store = withStoreErrors(context, {
    ...projectTable,
    ...runTable,
    ...listMethods(context, projects, summary),
    ...groupMethods(context, projects),
    ...series,
    ...measurements,
    ...checkpoints,
    ...artifactTable,
    ...binMethods(context, runs, artifacts),
    ...transferMethods(context, { runs, series, summary, measurements, checkpoints, artifacts }),
    ...doctorMethods(context),
    ...backupMethods(context),
    ...registryMethods(context, projects),
    summaryKeyList: summary.listKeys,

    /** Changes whenever another connection has changed the database. */
    dataVersion(): number {
      return context.db.pragma('data_version', { simple: true }) as number;
    },

    /** Several changes as one: all of them are stored or none. Synchronous. */
    transaction<T>(work: () => T): T {
      return context.write(work);
    },
  });

  const interrupted = context.readOnly ? [] : store.markInterrupted();
  const warning = networkWarning(context.folder, fileSystem);
  const report: OpenReport = { interrupted, backup, warnings: warning === undefined ? [] : [warning] };
  return {
    ...store,
    folder: context.folder,
    readOnly: context.readOnly,
    report,
    close,
    [Symbol.dispose]: close,
  };
}
