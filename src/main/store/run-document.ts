/**
 * The document of a run: what `covature export` writes and `covature import` reads. A document from elsewhere is untrusted: it is parsed, files are checked
 * against their checksums, and names in it never become paths.
 */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import * as v from 'valibot';
import { InputError } from '../../shared/errors.ts';
import type { MeasurementSummary } from '../../shared/results.ts';
import { integer, parseWith } from '../../shared/validation.ts';
import { hashFile } from './artifacts.ts';
import { canonicalJson } from './experiments.ts';
import { runStatuses, type ArtifactSource, type Json, type RunStatus } from './types.ts';

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

export const documentSchema = v.strictObject({
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

/** What a run is, apart from what a user calls it, files it under and writes about it. */
export function hashOf(document: RunDocument): string {
  const { name: _name, project: _project, tags: _tags, notes: _notes, ...content } = document;
  return createHash('sha256').update(canonicalJson(content)).digest('hex');
}

export function endedStatus(status: RunStatus): RunStatus {
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
export function summaryOf(
  value: Json,
  { parameter, method }: { parameter: string; method: string },
): MeasurementSummary {
  const where = `run: the summary of a measurement of ${parameter}`;
  const summary = parseWith(summarySchema, value, where);
  if (summary.parameter !== parameter || summary.method !== method)
    throw new InputError(`${where} is of ${summary.parameter}, ${summary.method}; expected ${parameter}, ${method}`);
  return value as unknown as MeasurementSummary;
}

/** A file's bytes, once they have been found to be what the document says. */
export function checkedSource(file: { name: string; bytes: number; sha256: string }, path: string): ArtifactSource {
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

export function encodeNumber(value: number): number | 'NaN' | 'Infinity' | '-Infinity' {
  return Number.isFinite(value) ? value : (String(value) as 'NaN' | 'Infinity' | '-Infinity');
}

/** How far a run has come, to be compared entry by entry: an end counts more than any step, a step more than a measurement taken there. */
export function progressOf(run: {
  readonly status: RunStatus;
  readonly step: number;
  readonly measurements: number;
  readonly seconds: number;
}): readonly number[] {
  const ended = run.status === 'done' || run.status === 'diverged' ? 1 : 0;
  return [ended, run.step, run.measurements, run.seconds];
}

export function isFurther(a: readonly number[], b: readonly number[]): boolean {
  const firstDifference = a.findIndex((value, i) => value !== b[i]);
  return firstDifference >= 0 && a[firstDifference] > b[firstDifference];
}
