/** What a member reports about itself: state.json while it runs, done.json at its end, attempts, and the last message in fault.txt. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import * as v from 'valibot';
import { writeFileAtomic } from '../../data/files.ts';
import { integer } from '../../shared/validation.ts';
import { namesIn, readJsonOrNull, readTextOrNull } from './layout.ts';
import type { MemberPlaces } from './layout.ts';

const nullableNumber = v.nullable(v.number());
const stateSchema = v.object({
  format: v.literal('covature-member-state'),
  version: v.literal(1),
  state: v.picklist(['starting', 'running', 'paused', 'done', 'failed']),
  /** Why, for paused and failed. */
  reason: v.nullable(v.string()),
  /** A failure that does not stop it, such as a snapshot on a full disk. */
  fault: v.nullable(v.string()),
  time: integer(0),
  round: integer(0),
  restart: integer(0),
  /** Attempts of this round so far, including this one. */
  attempt: integer(0),
  job: v.string(),
  node: v.string(),
  step: integer(0),
  steps: v.nullable(integer(0)),
  stage: v.string(),
  share: v.number(),
  seconds_left: nullableNumber,
  /** Last values of the run's series, such as loss and accuracy. */
  metrics: v.record(v.string(), v.number()),
  /** The step that the newest snapshot has. */
  snapshot_step: v.nullable(integer(0)),
});
export type MemberState = v.InferOutput<typeof stateSchema>;

const doneSchema = v.object({
  format: v.literal('covature-member-done'),
  version: v.literal(1),
  run: v.string(),
  file: v.literal('run.covature'),
  bytes: integer(0),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  status: v.string(),
  step: integer(0),
  time: integer(0),
  job: v.string(),
  node: v.string(),
  metrics: v.record(v.string(), v.number()),
});
export type MemberDone = v.InferOutput<typeof doneSchema>;

const attemptSchema = v.object({
  round: integer(0),
  restart: integer(0),
  job: v.string(),
  node: v.string(),
  time: integer(0),
  /** What it began from: step and stored measurements. */
  from_step: integer(0),
  from_measurements: integer(0),
});
export type Attempt = v.InferOutput<typeof attemptSchema>;

function parsed<const S extends v.GenericSchema>(schema: S, input: unknown): v.InferOutput<S> | null {
  const result = v.safeParse(schema, input);
  return result.success ? result.output : null;
}

export async function readState(places: MemberPlaces): Promise<MemberState | null> {
  return parsed(stateSchema, await readJsonOrNull(places.state));
}

export async function readDone(places: MemberPlaces): Promise<MemberDone | null> {
  return parsed(doneSchema, await readJsonOrNull(places.done));
}

export async function writeJson(file: string, value: unknown): Promise<void> {
  await writeFileAtomic(file, `${JSON.stringify(value)}\n`);
}

/** In the order of rounds and restarts: the last is the one that counts. */
export async function readAttempts(places: MemberPlaces): Promise<Attempt[]> {
  const names = (await namesIn(places.attempts)).filter((name) => name.endsWith('.json'));
  const attempts = await Promise.all(
    names.map(async (name) => parsed(attemptSchema, await readJsonOrNull(path.join(places.attempts, name)))),
  );
  return attempts.filter((attempt) => attempt !== null).sort((a, b) => a.round - b.round || a.restart - b.restart);
}

/** Bytes of fault.txt: it exists from the beginning, so that a message fits even if the disk is full. */
const faultBytes = 2048;

export async function makeRoomForFault(places: MemberPlaces): Promise<void> {
  await fs.writeFile(places.fault, ' '.repeat(faultBytes));
}

/** Overwrites in place; an empty text clears the fault. */
export async function writeFault(places: MemberPlaces, text: string): Promise<void> {
  const bytes = Buffer.from(text.replaceAll('\n', ' ')).subarray(0, faultBytes);
  const handle = await fs.open(places.fault, 'r+');
  try {
    await handle.write(Buffer.concat([bytes, Buffer.alloc(faultBytes - bytes.length, ' ')]), 0, faultBytes, 0);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function readFault(places: MemberPlaces): Promise<string | null> {
  const text = (await readTextOrNull(places.fault))?.trim() ?? '';
  return text === '' ? null : text;
}
