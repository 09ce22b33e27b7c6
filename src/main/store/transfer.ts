/**
 * A run as one JSON document and the files it names, to move between stores: what `covature export` and `covature import` read and
 * write, and what a job on a cluster leaves behind. A document from elsewhere is untrusted: it is parsed, files are checked against
 * their checksums, and names in it never become paths.
 */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import * as v from 'valibot';
import { InputError } from '../../shared/errors.ts';
import type { MeasurementSummary } from '../../shared/results.ts';
import { integer, parseWith } from '../../shared/validation.ts';
import { hashFile, type ArtifactTable } from './artifacts.ts';
import type { CheckpointTable } from './checkpoints.ts';
import type { StoreContext } from './context.ts';
import { canonicalJson } from './experiments.ts';
import type { MeasurementTable } from './measurements.ts';
import type { RunTable } from './runs.ts';
import type { SeriesTable } from './series.ts';
import type { SummaryTable } from './summary.ts';
import {
  runStatuses,
  type Artifact,
  type ArtifactSource,
  type Json,
  type RunStatus,
  type SeriesPoints,
  type SummaryInput,
} from './types.ts';

const json = v.custom<Json>((value) => value !== undefined);
const number = v.pipe(v.number(), v.finite());
const time = v.nullable(integer(0));
const step = integer(0);
/** JSON has no NaN and no infinities; a diverging series has. */
const anyNumber = v.union([number, v.picklist(['NaN', 'Infinity', '-Infinity'])]);
const file = v.strictObject({
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(300)),
  bytes: integer(0),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
});
const origin = v.picklist(['schedule', 'manual']);

const documentSchema = v.strictObject({
  format: v.literal('covature-run'),
  version: v.literal(1),
  id: v.string(),
  name: v.string(),
  project: v.nullable(v.string()),
  status: v.picklist(runStatuses),
  seed: v.nullable(integer(-Number.MAX_SAFE_INTEGER)),
  created: integer(0),
  started: time,
  ended: time,
  seconds: number,
  step,
  steps: v.nullable(step),
  tags: v.array(v.string()),
  notes: v.string(),
  error: v.nullable(v.string()),
  experiment: json,
  provenance: json,
  /** Keys that come neither from the experiment nor from a measurement's summary alone are repeated here with the rest. */
  summary: v.record(
    v.string(),
    v.strictObject({
      value: v.nullable(number),
      text: v.nullable(v.string()),
      low: v.nullable(number),
      high: v.nullable(number),
    }),
  ),
  series: v.record(
    v.string(),
    v.strictObject({ steps: v.array(integer(-Number.MAX_SAFE_INTEGER)), values: v.array(anyNumber) }),
  ),
  log: v.array(v.tuple([integer(0), v.picklist(['debug', 'info', 'warning', 'error']), v.string()])),
  measurements: v.array(
    v.strictObject({
      parameter: v.string(),
      step,
      epoch: v.nullable(number),
      method: v.picklist(['exact', 'projected']),
      origin,
      summary: v.nullable(json),
      error: v.nullable(v.string()),
      options: json,
      created: integer(0),
      arrays: v.nullable(file),
    }),
  ),
  checkpoints: v.array(v.strictObject({ step, epoch: v.nullable(number), state: json, created: integer(0), file })),
  files: v.array(file),
});
export type RunDocument = v.InferOutput<typeof documentSchema>;

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
  /** False: the run was here already, and nothing changed. */
  readonly added: boolean;
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

  return {
    exportRun,

    /**
     * Adds a run from elsewhere. The same document twice adds one run (and takes it out of the bin). It keeps its id where that is free; where another run has it, it gets a
     * new one, with the old as its parent. Raises InputError on a document or file that is not what it should be; then nothing is added.
     */
    importRun(input: unknown, options: ImportOptions): Imported {
      const document = parseWith(documentSchema, input, 'run');
      const hash = hashOf(document);
      const known = pluck('SELECT r.id FROM imports i JOIN runs r ON r.seq = i.run WHERE i.sha256 = ?').get(hash) as
        string | undefined;
      const taken = runs.getRun(document.id) !== undefined;
      const same = known ?? (taken && hashOf(exportRun(document.id).document) === hash ? document.id : undefined);
      if (same !== undefined) {
        context.write(() => prepare('UPDATE runs SET deleted = NULL WHERE id = ?').run(same));
        return { id: same, added: false };
      }

      const source = (each: RunDocument['files'][number]): ArtifactSource =>
        options.verified === true
          ? { file: options.locate(each.name), sha256: each.sha256, bytes: each.bytes }
          : checkedSource(each, options.locate(each.name));
      const id = context.write(() => {
        const id = runs.createRun({
          ...(taken ? {} : { id: document.id }),
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
        series.appendBatch(id, { number: 0, metrics, log });
        for (const m of document.measurements) {
          const { summary: text, error, arrays, ...rest } = m;
          if (text === null) measurements.addFailedMeasurement(id, { ...rest, error: error ?? 'unknown' });
          else {
            measurements.addMeasurement(id, {
              ...rest,
              summary: summaryOf(text, m),
              ...(arrays === null ? {} : { arrays: source(arrays) }),
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
      return { id, added: true };
    },
  };
}

/** What a run is, apart from what a user calls it, files it under and writes about it. */
function hashOf(document: RunDocument): string {
  const { name: _name, project: _project, tags: _tags, notes: _notes, ...content } = document;
  return createHash('sha256').update(canonicalJson(content)).digest('hex');
}

function endedStatus(status: RunStatus): RunStatus {
  return status === 'running' || status === 'queued' || status === 'paused' ? 'interrupted' : status;
}

/** A number that JSON may not be able to hold. */
const known = v.nullable(v.number());
const slopes = v.looseObject({
  ols: known,
  r_squared: known,
  intercept: known,
  interval: v.optional(v.record(v.string(), v.tuple([known, known]))),
});
const row = v.looseObject({
  cutoff: v.pipe(v.number(), v.gtValue(0)),
  selected: known,
  non_positive: known,
  below_floor: known,
  n: known,
  decades: known,
  gamma: slopes,
  gamma_Q: slopes,
  C_on_Q: slopes,
});
/** What tables and screens read of every summary; whatever else it has stays as it is. */
const summarySchema = v.looseObject({
  format: v.literal('covature-measurement'),
  version: v.literal(1),
  parameter: v.string(),
  shape: v.array(integer(1)),
  d: integer(1),
  method: v.picklist(['exact', 'projected']),
  precision: v.string(),
  samples: integer(1),
  loss: known,
  accuracy: known,
  trace: v.looseObject({ C: known, H: v.number(), Q: known }),
  cosine_CH: known,
  cosine_CQ: known,
  commutator_ratio: known,
  commutator_baseline: v.looseObject({ mean: known, percentile_1: known }),
  eigenvalues: v.looseObject({
    largest: v.number(),
    smallest: known,
    positive: v.number(),
    zero: v.number(),
    negative: v.number(),
  }),
  floor: v.looseObject({ H: v.number(), C: v.number(), Q: v.number() }),
  gamma: v.looseObject({ training_set: v.array(row), cross_fitted: v.array(row) }),
  convergence: v.optional(v.looseObject({ state: v.string() })),
  seconds: v.record(v.string(), known),
});

/** The measurement that a document holds. Raises InputError naming what is wrong in it. */
function summaryOf(value: Json, { parameter, method }: { parameter: string; method: string }): MeasurementSummary {
  const where = `run: the summary of a measurement of ${parameter}`;
  const summary = parseWith(summarySchema, value, where);
  if (summary.parameter !== parameter || summary.method !== method)
    throw new InputError(`${where} is of ${summary.parameter}, ${summary.method}; expected ${parameter}, ${method}`);
  return value as unknown as MeasurementSummary;
}

/** A file's bytes, once they have been found to be what the document says. */
function checkedSource(file: { name: string; bytes: number; sha256: string }, path: string): ArtifactSource {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined || !stats.isFile()) throw new InputError(`run: its file ${file.name} is not there`);
  if (stats.size !== file.bytes) {
    throw new InputError(`run: its file ${file.name} has ${stats.size} bytes instead of ${file.bytes}`);
  }
  if (hashFile(path) !== file.sha256) throw new InputError(`run: the checksum of its file ${file.name} differs`);
  return { chunks: bytesOf(path) };
}

function* bytesOf(path: string): Generator<Uint8Array> {
  const handle = openSync(path, 'r');
  try {
    for (;;) {
      const buffer = Buffer.allocUnsafe(1 << 20);
      const read = readSync(handle, buffer);
      if (read === 0) return;
      yield buffer.subarray(0, read);
    }
  } finally {
    closeSync(handle);
  }
}

function encodeNumber(value: number): number | 'NaN' | 'Infinity' | '-Infinity' {
  return Number.isFinite(value) ? value : (String(value) as 'NaN' | 'Infinity' | '-Infinity');
}
