/** A pilot: one short job on the partition that measures rates there and forecasts every kind of member, so that time and memory need not be guessed. */
import { rm, mkdtemp } from 'node:fs/promises';
import { tmpdir, totalmem } from 'node:os';
import * as path from 'node:path';
import * as v from 'valibot';
import { InputError, messageOf } from '../../shared/errors.ts';
import { costKey } from '../../shared/sweep.ts';
import { forecastExperiment } from '../services/forecasts.ts';
import { openStore } from '../store/index.ts';
import { pilotFile, readJsonOrNull } from './layout.ts';
import { clusterLimits, timeText } from './partition.ts';
import type { ClusterLimits } from './partition.ts';
import { rangesOf, readPlan, sweepOfPlan } from './plan.ts';
import { writeJson } from './state.ts';
import type { Asked } from './submit.ts';

const pilotSchema = v.object({
  format: v.literal('covature-pilot'),
  version: v.literal(1),
  node: v.string(),
  kinds: v.array(
    v.object({
      members: v.string(),
      seconds: v.number(),
      /** Bytes at the peak. */
      memory: v.number(),
      /** The longest measurement: if interrupted, it starts again from the beginning. */
      longest_seconds: v.number(),
      longest: v.nullable(v.string()),
    }),
  ),
  error: v.nullable(v.string()),
});
export type Pilot = v.InferOutput<typeof pilotSchema>;

/** Share of a node's memory that a member may plan for: half as much again is requested. */
const plannedShare = 0.6;

/** The work of the pilot job. Returns its exit status. */
export async function runPilot(folder: string): Promise<number> {
  const plan = await readPlan(folder);
  const sweep = sweepOfPlan(plan);
  const members = Array.from({ length: sweep.count }, (_, i) => ({
    number: i + 1,
    experiment: sweep.at(i).experiment,
  }));
  const limits = await clusterLimits(plan.sbatch).catch(() => null);
  const memoryLimit = plannedShare * (limits?.partition?.memory ?? totalmem());
  const scratch = await mkdtemp(path.join(process.env['SLURM_TMPDIR'] ?? tmpdir(), 'covature-pilot-'));
  const pilot: Pilot = {
    format: 'covature-pilot',
    version: 1,
    node: process.env['SLURMD_NODENAME'] ?? '',
    kinds: [],
    error: null,
  };
  try {
    using store = openStore(scratch);
    for (const kind of Map.groupBy(members, ({ experiment }) => costKey(experiment)).values()) {
      const { blas, backend, threads, library_threads: libraryThreads } = plan;
      const { done } = forecastExperiment(store, kind[0].experiment, {
        engine: { blas, backend, threads, libraryThreads, memoryLimit },
        baseFolder: plan.base_folder,
        dataFolder: plan.data_folder,
        onEvent: () => undefined,
      });
      const { seconds, memory, measurements } = await done;
      const longest = measurements.reduce<(typeof measurements)[number] | null>(
        (most, each) => (each.refusal === null && each.seconds > (most?.seconds ?? 0) ? each : most),
        null,
      );
      pilot.kinds.push({
        members: rangesOf(kind.map(({ number }) => number)),
        seconds: seconds.total,
        memory: Math.max(memory.training, memory.measuring ?? 0),
        longest_seconds: longest?.seconds ?? 0,
        longest: longest?.parameter ?? null,
      });
    }
  } catch (error) {
    pilot.error = messageOf(error);
    process.stderr.write(`${pilot.error}\n`);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  await writeJson(pilotFile(folder), pilot);
  return pilot.error === null ? 0 : 1;
}

/** Null: there is none, or none yet. Raises InputError if it failed. */
export async function readPilot(folder: string): Promise<Pilot | null> {
  const result = v.safeParse(pilotSchema, await readJsonOrNull(pilotFile(folder)));
  if (!result.success) return null;
  if (result.output.error !== null) throw new InputError(`the pilot job failed: ${result.output.error}`);
  return result.output;
}

/** Seconds and bytes beside the run itself: the program's start, its last snapshot; the process that leads the run. */
const besideSeconds = 180;
const besideBytes = 512 * 2 ** 20;

/**
 * What to ask for: twice the time and 1.5 times the memory of the worst member, if the user has not said it; no more time than the partition gives (a run that
 * takes longer goes on in the queue). Raises InputError if the longest measurement, which starts again if interrupted, does not fit.
 */
export function resourcesFrom(pilot: Pilot | null, given: Asked, { partition }: ClusterLimits): Asked {
  if (pilot === null) return given;
  const worst = (pick: (kind: Pilot['kinds'][number]) => number): number => Math.max(0, ...pilot.kinds.map(pick));
  const limit = partition?.longest ?? Infinity;
  const time = given.time ?? Math.min(limit, besideSeconds + 2 * worst((kind) => kind.seconds));
  const longest = pilot.kinds.reduce((a, b) => (b.longest_seconds > a.longest_seconds ? b : a));
  if (besideSeconds + 2 * longest.longest_seconds > time)
    throw new InputError(
      `measuring ${longest.longest ?? ''} takes about ${timeText(longest.longest_seconds)} without interruption (members ${longest.members}), and with a margin of two that does not fit into ${timeText(time)}; ` +
        'ask for a partition with a longer limit, or for the projected method or fewer samples',
    );
  const memory = given.memory ?? besideBytes + 1.5 * worst((kind) => kind.memory);
  return { time, memory };
}
