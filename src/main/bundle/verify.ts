/**
 * Checking a bundle (manifest.ts) on any machine: that every file is what its checksum says, that every run can be imported into a store, that every figure is drawn
 * again with the same numbers, and, if it is asked for, that every run is repeated with the same result.
 */
import { createHash } from 'node:crypto';
import { existsSync, symlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { writeFileAtomic } from '../../data/files.ts';
import { openZip, type ZipEntry } from '../../data/formats/zip.ts';
import { InputError, messageOf } from '../../shared/errors.ts';
import { withoutCarried } from '../../shared/figures/carried.ts';
import { parseRecipe } from '../../shared/figures/recipe.ts';
import { parseJson } from '../../shared/validation.ts';
import { drawSourced } from '../figures/batch.ts';
import { loadFonts } from '../figures/fonts.ts';
import { FigureLoader } from '../figures/loader.ts';
import { sourceFigure } from '../figures/sources.ts';
import type { EngineOptions, JobEvent } from '../jobs/protocol.ts';
import { compareRuns, isEqual, startRerun, type Replay } from '../services/replay.ts';
import { importRunFile } from '../services/run-file.ts';
import { dataFolderOf } from '../services/runs.ts';
import { openStore, type Store } from '../store/index.ts';
import {
  checksumsName,
  drawingEngine,
  manifestName,
  parseChecksums,
  parseManifest,
  type Manifest,
} from './manifest.ts';
import { compareTables, type TableComparison } from './numbers.ts';

export interface BundleCheckOptions {
  readonly engine: EngineOptions;
  /** Repeat the runs too, which takes as long as they took; default false. */
  readonly rerun?: boolean;
  /** Where published datasets lie that runs read; default: none. */
  readonly datasets?: string;
  readonly onProgress?: (stage: string, share: number) => void;
  readonly onEvent?: (event: JobEvent) => void;
  /** Stops after the current step. */
  readonly signal?: AbortSignal;
}

export interface VerifiedFigure {
  readonly name: string;
  /** Or why it could not be drawn. */
  readonly found: TableComparison | { readonly verdict: 'failed'; readonly reason: string };
}

export interface VerifiedRun {
  readonly id: string;
  readonly name: string;
  /** null: it was imported into a store. */
  readonly problem: string | null;
  /** Where runs were repeated: what came out, or why there is nothing. */
  readonly replay?: Replay | { readonly reason: string };
}

export interface VerifiedBundle {
  readonly manifest: Pick<Manifest, 'created' | 'software'>;
  /** Files whose checksums were compared. */
  readonly files: number;
  /** Each names its file: missing, changed, damaged, or not listed. Empty if every checksum is right. */
  readonly problems: readonly string[];
  readonly runs: readonly VerifiedRun[];
  readonly figures: readonly VerifiedFigure[];
}

/** Raises InputError if the file is not a bundle or cannot be read as one: not an archive, cut short, no manifest, a later version. */
export async function verifyBundle(file: string, options: BundleCheckOptions): Promise<VerifiedBundle> {
  const { onProgress = () => undefined } = options;
  const name = path.basename(file);
  const zip = openZip(file, name);
  const folder = await mkdtemp(path.join(tmpdir(), 'covature-bundle-'));
  try {
    const entries = new Map(zip.entries.map((entry) => [entry.name, entry]));
    const listed = entries.get(manifestName);
    if (listed === undefined)
      throw new InputError(
        `${name}: not a bundle of Covature (it has no ${manifestName}); "covature bundle RUN --out FILE" makes one`,
      );
    const manifest = parseManifest(parseJson(textOf(listed), `${name}: ${manifestName}`), `${name}: ${manifestName}`);
    onProgress('checksums', 0);
    const bad = checkFiles(entries, manifest);
    const problems = [...bad.values(), ...strangers(entries, manifest)];
    using store = openStore(path.join(folder, 'store'));
    if (options.datasets !== undefined && existsSync(options.datasets))
      symlinkSync(options.datasets, dataFolderOf(store), 'junction');
    const runs: VerifiedRun[] = [];
    for (const [k, { id, name: title, file: place }] of manifest.runs.entries()) {
      options.signal?.throwIfAborted();
      onProgress(`importing ${title}`, k / manifest.runs.length);
      const problem = bad.get(place) ?? (await imported(store, entries.get(place), path.join(folder, 'run'), id));
      runs.push({ id, name: title, problem });
    }
    const figures = await redrawn(store, entries, manifest, bad, options);
    if (options.rerun === true)
      for (const [k, run] of runs.entries())
        if (run.problem === null) runs[k] = { ...run, replay: await repeated(store, run.id, options) };
    const { created, software } = manifest;
    return { manifest: { created, software }, files: manifest.files.length, problems, runs, figures };
  } finally {
    zip.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Whether nothing is wrong: neither a file, nor a run, nor a figure, nor a run that was repeated. Differences of rounding are not faults. */
export function isSound({ problems, runs, figures }: VerifiedBundle): boolean {
  return (
    problems.length === 0 &&
    figures.every(({ found }) => found.verdict === 'equal' || found.verdict === 'rounding') &&
    runs.every(
      ({ problem, replay }) => problem === null && (replay === undefined || (!('reason' in replay) && isEqual(replay))),
    )
  );
}

const textOf = (entry: ZipEntry): string => new TextDecoder().decode(entry.read());

/** What is wrong with listed files, by their names. */
function checkFiles(entries: ReadonlyMap<string, ZipEntry>, manifest: Manifest): Map<string, string> {
  const bad = new Map<string, string>();
  const check = (name: string, sha256: string, bytes?: number): void => {
    const entry = entries.get(name);
    if (entry === undefined) {
      bad.set(name, `${name}: is listed but not in the archive`);
      return;
    }
    try {
      const hash = createHash('sha256');
      for (const chunk of entry.chunks()) hash.update(chunk);
      if (bytes !== undefined && entry.size !== bytes)
        bad.set(name, `${name}: has ${entry.size} bytes, and had ${bytes} when the bundle was made`);
      else if (hash.digest('hex') !== sha256)
        bad.set(name, `${name}: its checksum differs: it was changed after the bundle was made`);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      bad.set(name, `${name}: ${error.message}`);
    }
  };
  for (const { name, bytes, sha256 } of manifest.files) check(name, sha256, bytes);
  const sums = entries.get(checksumsName);
  if (sums === undefined) bad.set(checksumsName, `${checksumsName}: is not in the archive`);
  else {
    try {
      const sha256 = parseChecksums(textOf(sums), checksumsName).get(manifestName);
      if (sha256 === undefined) bad.set(checksumsName, `${checksumsName}: names no ${manifestName}`);
      else check(manifestName, sha256);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      bad.set(checksumsName, error.message);
    }
  }
  return bad;
}

/** Files that are not listed. */
function strangers(entries: ReadonlyMap<string, ZipEntry>, manifest: Manifest): string[] {
  const known = new Set([manifestName, checksumsName, ...manifest.files.map(({ name }) => name)]);
  return [...entries.keys()]
    .filter((name) => !known.has(name) && !name.endsWith('/'))
    .map((name) => `${name}: is in the archive but not listed`);
}

/** Imports a run into the store; returns what was wrong with it, or null. */
async function imported(store: Store, entry: ZipEntry | undefined, place: string, id: string): Promise<string | null> {
  if (entry === undefined) return 'its file is not in the archive';
  try {
    await writeFileAtomic(place, entry.chunks());
    const imported = await importRunFile(store, place);
    return imported.id === id ? null : `${entry.name}: holds run ${imported.id}, not ${id}`;
  } catch (error) {
    if (error instanceof InputError) return `${entry.name}: ${error.message}`;
    throw error;
  }
}

async function redrawn(
  store: Store,
  entries: ReadonlyMap<string, ZipEntry>,
  { figures }: Manifest,
  bad: ReadonlyMap<string, string>,
  { engine, onProgress = () => undefined, signal }: BundleCheckOptions,
): Promise<VerifiedFigure[]> {
  const fonts = loadFonts();
  const loader = new FigureLoader(drawingEngine(engine));
  const verified: VerifiedFigure[] = [];
  for (const [k, { name, recipe: recipePlace, numbers }] of figures.entries()) {
    signal?.throwIfAborted();
    onProgress(`drawing ${name}`, k / figures.length);
    const [recipeEntry, numbersEntry] = [entries.get(recipePlace), entries.get(numbers)];
    const problem = bad.get(recipePlace) ?? bad.get(numbers);
    if (problem !== undefined || recipeEntry === undefined || numbersEntry === undefined) {
      verified.push({
        name,
        found: { verdict: 'failed', reason: problem ?? `${recipePlace} or ${numbers} is not in the archive` },
      });
      continue;
    }
    try {
      // Drawn from the runs, never from numbers that the recipe carries.
      const recipe = withoutCarried(parseRecipe(parseJson(textOf(recipeEntry), recipePlace), recipePlace));
      const drawn = await drawSourced(sourceFigure(store, recipe), recipe, 'figure', ['csv'], loader, fonts);
      const [table] = drawn.files;
      verified.push({ name, found: compareTables(textOf(numbersEntry), new TextDecoder().decode(table.content)) });
    } catch (error) {
      // A figure that cannot be drawn does not prevent the others from being checked.
      verified.push({ name, found: { verdict: 'failed', reason: messageOf(error) } });
    }
  }
  return verified;
}

async function repeated(
  store: Store,
  id: string,
  options: BundleCheckOptions,
): Promise<Replay | { readonly reason: string }> {
  options.signal?.throwIfAborted();
  const original = store.getRun(id);
  if (original === undefined) throw new Error(`run ${id} is gone from the store`);
  try {
    const started = startRerun(store, original, options.engine, (event) => options.onEvent?.(event));
    const cancel = (): void => {
      started.job.cancel();
    };
    options.signal?.addEventListener('abort', cancel, { once: true });
    const end = await started.done.finally(() => options.signal?.removeEventListener('abort', cancel));
    options.signal?.throwIfAborted();
    if (end.kind !== 'ended') return { reason: end.kind === 'failed' ? end.event.message : end.message };
    const again = store.getRun(started.id);
    if (again === undefined) throw new Error(`run ${started.id} is gone from the store`);
    return await compareRuns(store, original, again);
  } catch (error) {
    if (error instanceof InputError) return { reason: error.message };
    throw error;
  }
}
