/**
 * The folder of a sweep on a cluster. It lies on a file system that login node and compute nodes share, and consists only of files: no database, no daemon.
 * Every file is written under a temporary name, synced and renamed, so that it is complete whenever it exists; a reader that finds a newer one uses it.
 *
 *     plan.json               what is run: the experiment, the run id of every member, threads, where the program lies
 *     job.sh, setup.sh        what a task of an array runs
 *     jobs.jsonl              what was submitted: a line before each sbatch, one with the job's id after it
 *     pilot.json              what a pilot job measured
 *     queue.json              what squeue last said, and when
 *     logs/JOB_TASK.log       standard output and error of a task
 *     members/0007/           of member 7, counted from 1
 *       attempts/             one file an attempt, with where it began
 *       state.json            where the newest attempt stands, every half minute
 *       fault.txt             room for a last message if the disk is full
 *       snapshot-STEP-….covature   the last two states of a running member
 *       arrays/               what it has measured so far, each file once, under its SHA-256
 *       run.covature          the finished run
 *       done.json             its SHA-256; written last
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { codeOf } from '../../data/files.ts';
import { jsonOrNull } from '../../shared/validation.ts';

export const planFile = (folder: string): string => path.join(folder, 'plan.json');
export const jobScript = (folder: string): string => path.join(folder, 'job.sh');
export const setupScript = (folder: string): string => path.join(folder, 'setup.sh');
export const jobsFile = (folder: string): string => path.join(folder, 'jobs.jsonl');
export const pilotFile = (folder: string): string => path.join(folder, 'pilot.json');
export const queueFile = (folder: string): string => path.join(folder, 'queue.json');
export const logFolder = (folder: string): string => path.join(folder, 'logs');

export interface MemberPlaces {
  readonly folder: string;
  readonly attempts: string;
  /** Measured arrays that snapshots name. */
  readonly arrays: string;
  readonly state: string;
  readonly fault: string;
  readonly run: string;
  readonly done: string;
}

/** @param member from 1 */
export function memberPlaces(folder: string, member: number): MemberPlaces {
  const memberFolder = path.join(folder, 'members', String(member).padStart(4, '0'));
  return {
    folder: memberFolder,
    attempts: path.join(memberFolder, 'attempts'),
    arrays: path.join(memberFolder, 'arrays'),
    state: path.join(memberFolder, 'state.json'),
    fault: path.join(memberFolder, 'fault.txt'),
    run: path.join(memberFolder, 'run.covature'),
    done: path.join(memberFolder, 'done.json'),
  };
}

/** What a JSON file holds; null if there is none, or none that parses. */
export async function readJsonOrNull(file: string): Promise<unknown> {
  const text = await readTextOrNull(file);
  return text === null ? null : jsonOrNull(text);
}

/** The text of a file; null if there is none. */
export async function readTextOrNull(file: string): Promise<string | null> {
  try {
    return await fs.readFile(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return null;
    throw error;
  }
}

/** The names in a folder; none if there is none. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await fs.readdir(folder);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return [];
    throw error;
  }
}

/** The SHA-256 of a file, in hexadecimal digits. */
export async function fileHash(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
