/** Making a bundle (manifest.ts): runs, their figures, and what is needed to check, redraw and repeat both. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import * as path from 'node:path';
import { writeFileAtomic } from '../../data/files.ts';
import { writeZip, type ZipSource } from '../../data/formats/zip-write.ts';
import { InputError } from '../../shared/errors.ts';
import { runsOf } from '../../shared/figures/apply.ts';
import { FileNames, fileStem } from '../figures/batch.ts';
import type { DrawnPlan, Omitted } from '../figures/drawing.ts';
import type { FigureFormat } from '../figures/export.ts';
import type { FigurePlan } from '../figures/plans.ts';
import { gatherProvenance, softwareText, type CodeVersion, type Provenance } from '../provenance.ts';
import { runFileExtension, writeRunFile } from '../services/run-file.ts';
import type { Json, RunRecord, Store } from '../store/index.ts';
import {
  bundleVersion,
  checksumsName,
  checksumText,
  manifestName,
  type ListedFile,
  type Manifest,
} from './manifest.ts';
import { originOf, readmeText, redrawScript, rerunScript } from './texts.ts';

export interface BundleSettings {
  /** Of the figures, beside their numbers and recipes. */
  readonly formats: readonly FigureFormat[];
  /** Draws planned figures one after the other, here or in a process of its own. */
  readonly draw: (plans: readonly FigurePlan[], formats: readonly FigureFormat[]) => AsyncIterable<DrawnPlan>;
  /** What is being done, and the share of it that is done. */
  readonly onProgress?: (stage: string, share: number) => void;
  /** Aborts between two files. */
  readonly signal?: AbortSignal | undefined;
}

export interface WrittenBundle {
  readonly bytes: number;
  readonly manifest: Manifest;
  readonly omitted: readonly Omitted[];
  /** One line each, beginning with the figure's name. */
  readonly warnings: readonly string[];
}

/** A file of the archive before it is packed. */
interface Part extends ListedFile {
  readonly source: ZipSource;
}

/**
 * Writes the archive whole or not at all. Runs are first written beside it, which temporarily takes their size once more.
 * @param plans their recipes may name only the bundle's runs; raises InputError naming any other
 */
export async function writeBundle(
  store: Store,
  runs: readonly RunRecord[],
  plans: readonly FigurePlan[],
  target: string,
  { onProgress = () => undefined, signal, formats, draw }: BundleSettings,
): Promise<WrittenBundle> {
  checkRuns(runs, plans);
  const provenance = gatherProvenance();
  const folder = await mkdtemp(path.join(path.dirname(target), `.${path.basename(target)}-`));
  try {
    const { parts: runParts, listed: listedRuns } = await runFiles(store, runs, folder, (name, share) => {
      signal?.throwIfAborted();
      onProgress(name, 0.5 * share);
    });
    const drawn = await figureFiles(plans, formats, draw, (name, share) => {
      signal?.throwIfAborted();
      onProgress(name, 0.5 + 0.4 * share);
    });
    const head = {
      created: new Date().toISOString(),
      software: softwareText(provenance.code),
      runs: listedRuns,
      figures: drawn.listed,
    };
    const environment = {
      bundle: withoutHost(provenance),
      runs: Object.fromEntries(runs.map((run) => [run.id, withoutHost(run.provenance)])),
    };
    const parts = [
      textPart('README.md', readmeText(head, runs.map(originOf))),
      textPart('environment.json', `${JSON.stringify(environment, null, 2)}\n`),
      textPart('redraw.sh', redrawScript(head)),
      textPart('rerun.sh', rerunScript(head)),
      ...drawn.parts,
      ...runParts,
    ];
    const files = parts.map(({ name, bytes, sha256 }): ListedFile => ({ name, bytes, sha256 }));
    const manifest: Manifest = { format: 'covature-bundle', version: bundleVersion, ...head, files };
    const manifestPart = textPart(manifestName, `${JSON.stringify(manifest, null, 2)}\n`);
    const checksums = textPart(checksumsName, checksumText([...files, manifestPart]));
    signal?.throwIfAborted();
    onProgress('packing', 0.9);
    await writeFileAtomic(target, writeZip([...parts, manifestPart, checksums].map(({ source }) => source)));
    return { bytes: (await stat(target)).size, manifest, omitted: drawn.omitted, warnings: drawn.warnings };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function checkRuns(runs: readonly RunRecord[], plans: readonly FigurePlan[]): void {
  const ids = new Set(runs.map(({ id }) => id));
  for (const { name, recipe } of plans)
    for (const run of runsOf(recipe))
      if (!ids.has(run))
        throw new InputError(
          `the figure "${name}" draws run ${run}, which the bundle does not hold; name that run too`,
        );
}

async function runFiles(
  store: Store,
  runs: readonly RunRecord[],
  folder: string,
  onProgress: (name: string, share: number) => void,
): Promise<{ readonly parts: readonly Part[]; readonly listed: Manifest['runs'] }> {
  const names = new FileNames();
  const parts: Part[] = [];
  const listed: Manifest['runs'][number][] = [];
  for (const [k, run] of runs.entries()) {
    onProgress(run.name, k / runs.length);
    const name = `runs/${names.next(fileStem(run))}${runFileExtension}`;
    const file = path.join(folder, `${k}`);
    await writeRunFile(store.exportRun(run.id), file, (share) => {
      onProgress(run.name, (k + share) / runs.length);
    });
    parts.push(await filePart(name, file));
    const { code } = (run.provenance ?? {}) as { readonly code?: Partial<CodeVersion> };
    const software = code?.version === undefined ? null : softwareText({ ...code, version: code.version });
    listed.push({ id: run.id, name: run.name, file: name, software });
  }
  return { parts, listed };
}

/** Beside the formats that were asked for, the numbers and the recipe of each figure. */
async function figureFiles(
  plans: readonly FigurePlan[],
  formats: readonly FigureFormat[],
  draw: BundleSettings['draw'],
  onProgress: (name: string, share: number) => void,
): Promise<{
  readonly parts: readonly Part[];
  readonly listed: Manifest['figures'];
  readonly omitted: readonly Omitted[];
  readonly warnings: readonly string[];
}> {
  const all: readonly FigureFormat[] = [...new Set<FigureFormat>([...formats, 'csv', 'json'])];
  const parts: Part[] = [];
  const listed: Manifest['figures'][number][] = [];
  const omitted: Omitted[] = [];
  const warnings: string[] = [];
  let done = 0;
  // A recipe is named like its files, so that drawing it again gives the same names.
  const named = plans.map((plan) => ({ ...plan, recipe: { ...plan.recipe, name: plan.name } }));
  for await (const outcome of draw(named, all)) {
    const name = outcome.kind === 'drawn' ? outcome.figure.name : outcome.name;
    onProgress(name, ++done / plans.length);
    if (outcome.kind !== 'drawn') {
      omitted.push(outcome);
      continue;
    }
    warnings.push(...outcome.figure.warnings.map((warning) => `${name}: ${warning}`));
    const place = (file: string): string => `figures/${file}`;
    for (const file of outcome.figure.files) parts.push(contentPart(place(file.name), file.content));
    const pictures = outcome.figure.files.filter(
      ({ format }) => formats.includes(format) && !['csv', 'json'].includes(format),
    );
    listed.push({
      name,
      recipe: place(`${name}.json`),
      numbers: place(`${name}.csv`),
      drawn: pictures.map((file) => place(file.name)),
    });
  }
  return { parts, listed, omitted, warnings };
}

/** The hardware and libraries it was computed with, without the machine's name. */
function withoutHost(provenance: Provenance | Json): unknown {
  if (typeof provenance !== 'object' || provenance === null || !('machine' in provenance)) return provenance;
  const { host: _, ...machine } = provenance.machine as Record<string, unknown>;
  return { ...provenance, machine };
}

const textPart = (name: string, text: string): Part => contentPart(name, Buffer.from(text));

function contentPart(name: string, content: Uint8Array): Part {
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { name, bytes: content.length, sha256, source: { name, content } };
}

/** Stored uncompressed: run files are already archives. */
async function filePart(name: string, file: string): Promise<Part> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20 })) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  const chunks = (): AsyncIterable<Uint8Array> => createReadStream(file, { highWaterMark: 2 ** 20 });
  return { name, bytes, sha256: hash.digest('hex'), source: { name, size: bytes, chunks } };
}
