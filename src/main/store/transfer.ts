/**
 * A run as one document (run-document.ts) and the files it names, to move between stores: what `covature export` and `covature import` read and
 * write, and what a job on a cluster leaves behind.
 */
import { InputError } from '../../shared/errors.ts';
import { parseWith } from '../../shared/validation.ts';
import type { ArtifactTable } from './artifacts.ts';
import type { CheckpointTable } from './checkpoints.ts';
import type { StoreContext } from './context.ts';
import { canonicalJson } from './experiments.ts';
import type { MeasurementTable } from './measurements.ts';
import {
  checkedSource,
  documentSchema,
  encodeNumber,
  endedStatus,
  hashOf,
  isFurther,
  progressOf,
  summaryOf,
  type RunDocument,
} from './run-document.ts';
import type { RunTable } from './runs.ts';
import type { SeriesTable } from './series.ts';
import type { SummaryTable } from './summary.ts';
import type { Artifact, ArtifactSource, Json, RunRecord, SeriesPoints, SummaryInput } from './types.ts';

export type { RunDocument };

export interface ExportedRun {
  readonly document: RunDocument;
  /** The files that the document names, by the `name` they have there. */
  readonly files: readonly {
    readonly name: string;
    readonly path: string;
    readonly bytes: number;
    readonly sha256: string;
  }[];
}

export interface ImportOptions {
  /** The path at which a file of the document lies. */
  readonly locate: (name: string) => string;
  /** The files' checksums were compared just now; they lie on the store's disk and may be moved. Default false. */
  readonly verified?: boolean;
  /** Id of the project to file it under. Default none. */
  readonly project?: string | null;
}

export interface Imported {
  readonly id: string;
  /** False: the run was here already, as far as this document has it or further, and nothing changed. */
  readonly added: boolean;
  /** An earlier state of this very run was here, and what it lacked was put in its place. */
  readonly replaced?: true;
}

interface Tables {
  readonly runs: RunTable;
  readonly series: SeriesTable;
  readonly summary: SummaryTable;
  readonly measurements: MeasurementTable;
  readonly checkpoints: CheckpointTable;
  readonly artifacts: ArtifactTable;
}

export function transferMethods(context: StoreContext, tables: Tables) {
  const { runs, series, summary, measurements, checkpoints, artifacts } = tables;
  const { prepare, pluck } = context;

  /** Files whose artifacts are missing or damaged are left out, and what names them has `null`. */
  function exportRun(id: string): ExportedRun {
    const run = runs.getRun(id);
    if (run === undefined) throw new InputError(`no run has the id ${JSON.stringify(id)}`);
    const files: ExportedRun['files'][number][] = [];
    const fileOf = (artifact: Artifact, name: string) => {
      const { path, bytes, sha256 } = artifact;
      files.push({ name, path, bytes, sha256 });
      return { name, bytes, sha256 };
    };
    const points = Object.entries(series.series(id)).map(([name, { steps, values }]) => [
      name,
      { steps: Array.from(steps), values: Array.from(values, encodeNumber) },
    ]);
    const document: RunDocument = {
      format: 'covature-run',
      version: 1,
      id: run.id,
      name: run.name,
      project:
        run.project === null ? null : (pluck('SELECT name FROM projects WHERE id = ?').get(run.project) as string),
      status: run.status,
      seed: run.seed,
      created: run.created,
      started: run.started,
      ended: run.ended,
      seconds: run.seconds,
      step: run.step,
      steps: run.steps,
      tags: [...run.tags],
      notes: run.notes,
      error: run.error,
      experiment: run.experiment,
      provenance: run.provenance,
      summary: run.values,
      series: Object.fromEntries(points) as RunDocument['series'],
      log: series.logs(id).map(({ time, level, text }) => [time, level, text]),
      measurements: measurements.measurements(id).map((m, i) => ({
        parameter: m.parameter,
        step: m.step,
        epoch: m.epoch,
        method: m.method,
        origin: m.origin,
        summary: m.summary as unknown as Json,
        error: m.error,
        options: m.options,
        created: m.created,
        arrays:
          m.arrays?.state === 'present'
            ? fileOf(m.arrays, `measurements/${i}-${m.parameter}-step-${m.step}.safetensors`)
            : null,
      })),
      checkpoints: checkpoints
        .checkpoints(id)
        .filter((c) => c.file.state === 'present')
        .map((c) => ({
          step: c.step,
          epoch: c.epoch,
          state: c.state,
          created: c.created,
          file: fileOf(c.file, `checkpoints/step-${c.step}.safetensors`),
        })),
      files: artifacts
        .artifacts(id)
        .filter((artifact) => artifact.kind === 'file' && artifact.state === 'present')
        .map((artifact) => fileOf(artifact, `files/${artifact.name}`)),
    };
    return { document, files };
  }

  /** Takes back all that a run has recorded; what a user made of it (measurements by hand among it) stays. */
  function clear(run: RunRecord): void {
    const seq = runs.runSeq(run.id);
    series.rewind(run.id, Number.MIN_SAFE_INTEGER);
    checkpoints.pruneCheckpoints(run.id, 0);
    for (const each of measurements.measurements(run.id))
      if (each.origin === 'schedule') measurements.deleteMeasurement(each.id);
    prepare('DELETE FROM logs WHERE run = ?').run(seq);
    prepare('DELETE FROM summary WHERE run = ? AND source IS NULL').run(seq);
    prepare('DELETE FROM imports WHERE run = ?').run(seq);
    prepare('UPDATE runs SET deleted = NULL WHERE seq = ?').run(seq);
  }

  return {
    exportRun,

    /**
     * Adds a run from elsewhere. The same document twice adds one run (and takes it out of the bin). It keeps its id if that is free. Where the same run is
     * there (the id and the experiment), the one that has come further counts: a newer snapshot takes the older one's place (name, project, tags, notes and
     * measurements by hand stay), an older one changes nothing. Where another run has its id, it gets a new one, with the old as its parent. Raises InputError
     * on a document or file that is not what it should be, or for a run that is running here; then nothing changes.
     */
    importRun(input: unknown, options: ImportOptions): Imported {
      const document = parseWith(documentSchema, input, 'run');
      const hash = hashOf(document);
      const known = pluck('SELECT r.id FROM imports i JOIN runs r ON r.seq = i.run WHERE i.sha256 = ?').get(hash) as
        string | undefined;
      const there = runs.getRun(document.id);
      const taken = there !== undefined;
      const same = known ?? (taken && hashOf(exportRun(document.id).document) === hash ? document.id : undefined);
      if (same !== undefined) {
        context.write(() => prepare('UPDATE runs SET deleted = NULL WHERE id = ?').run(same));
        return { id: same, added: false };
      }
      const earlier = there !== undefined && isSame(there, document) ? there : undefined;
      if (
        earlier !== undefined &&
        !isFurther(progressOf(counted(document)), progressOf(counted(exportRun(earlier.id).document)))
      )
        return { id: earlier.id, added: false };
      if (earlier?.status === 'running')
        throw new InputError(
          `run ${earlier.id} (${earlier.name}) is running here; a newer snapshot cannot take its place now`,
        );

      const source = (each: RunDocument['files'][number]): ArtifactSource =>
        options.verified === true
          ? { file: options.locate(each.name), sha256: each.sha256, bytes: each.bytes }
          : checkedSource(each, options.locate(each.name));
      const id = context.write(() => {
        if (earlier !== undefined) clear(earlier);
        const id =
          earlier !== undefined
            ? earlier.id
            : runs.createRun({
                id: taken ? undefined : document.id,
                name: document.name,
                project: options.project ?? null,
                experiment: document.experiment,
                seed: document.seed,
                status: endedStatus(document.status),
                provenance: document.provenance,
                parent: taken ? document.id : null,
                relation: 'import',
                tags: document.tags,
                notes: document.notes,
                error: document.error,
                created: document.created,
              });
        const seq = runs.runSeq(id);
        if (earlier !== undefined) {
          runs.setRunStatus(id, endedStatus(document.status), { error: document.error });
          runs.updateRun(id, { provenance: document.provenance });
        }
        for (const [key, value] of Object.entries(document.summary)) {
          const inputs: SummaryInput[] = [];
          if (value.text !== null) inputs.push(value.text);
          if (value.value !== null) inputs.push({ ...value, value: value.value });
          for (const each of inputs) summary.setValues(seq, { [key]: each }, null);
        }
        const metrics: Record<string, SeriesPoints> = Object.fromEntries(
          Object.entries(document.series).map(([name, { steps, values }]) => [
            name,
            { steps, values: values.map(Number) },
          ]),
        );
        const log = document.log.map(([time, level, text]) => ({ time, level, text }));
        series.appendBatch(id, { number: runs.getRun(id)?.nextBatch ?? 0, metrics, log });
        for (const m of document.measurements) {
          const { summary: text, error, arrays, ...rest } = m;
          if (text === null) measurements.addFailedMeasurement(id, { ...rest, error: error ?? 'unknown' });
          else {
            measurements.addMeasurement(id, {
              ...rest,
              summary: summaryOf(text, m),
              arrays: arrays === null ? undefined : source(arrays),
            });
          }
        }
        for (const checkpoint of document.checkpoints) {
          checkpoints.addCheckpoint(id, { ...checkpoint, file: source(checkpoint.file) });
        }
        for (const each of document.files) {
          artifacts.addFile(id, each.name.replace(/^files\//, ''), source(each));
        }
        prepare(
          'UPDATE runs SET started = ?, ended = ?, updated = ?, seconds = ?, step = ?, steps = ?, resumed = NULL WHERE seq = ?',
        ).run(
          document.started,
          document.ended,
          document.ended ?? context.now(),
          document.seconds,
          document.step,
          document.steps,
          seq,
        );
        prepare('INSERT INTO imports (sha256, run) VALUES (?, ?)').run(hash, seq);
        return id;
      });
      return { id, added: true, ...(earlier !== undefined && { replaced: true as const }) };
    },
  };
}

/** Ids are random: the same one with the same experiment is the same run. */
function isSame(run: RunRecord, document: RunDocument): boolean {
  return run.seed === document.seed && canonicalJson(run.experiment) === canonicalJson(document.experiment);
}

function counted({ status, step, seconds, measurements }: RunDocument) {
  return { status, step, seconds, measurements: measurements.filter(({ origin }) => origin === 'schedule').length };
}
