/** covature cluster */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import * as v from 'valibot';
import { integer } from '../../../shared/validation.ts';
import { memberStatuses } from '../../../shared/contract/index.ts';
import type { SweepReport } from '../../../shared/contract/index.ts';
import { formatBytes } from '../../../engine/curvature/forecast.ts';
import { collect, collectUnfinished } from '../../cluster/collect.ts';
import type { Collected } from '../../cluster/collect.ts';
import { membersText } from '../../cluster/control.ts';
import { timeText } from '../../cluster/partition.ts';
import { runPilot } from '../../cluster/pilot.ts';
import { memberNumbersOf, rangesOf } from '../../cluster/plan.ts';
import { sweepPlaceOf } from '../../cluster/places.ts';
import type { SweepPlace } from '../../cluster/places.ts';
import { runMember } from '../../cluster/task.ts';
import { openStoreFor, printJson, storeFlags } from '../command.ts';
import type { Command } from '../command.ts';
import { flagsHelp, parse, toggle } from '../flags.ts';
import type { Flags, FlagValues } from '../flags.ts';
import { UsageError } from '../usage-error.ts';
import { formatDuration, formatNumber, formatTable } from '../format.ts';
import { askedOf, hostFlag, remoteFlag } from './submit.ts';

const flags = {
  host: hostFlag,
  remote: remoteFlag,
  members: { schema: v.string(), value: 'LIST', help: 'resubmit: only these, as 3,7-9' },
  time: { schema: v.string(), value: 'T', help: 'resubmit: another time limit ("covature submit --help")' },
  mem: { schema: v.string(), value: 'M', help: 'resubmit: another memory limit' },
  unfinished: { schema: toggle, help: 'collect: the newest snapshots of the other members too, as interrupted runs' },
  all: { schema: toggle, help: 'status: a line for every member, however many' },
  round: { schema: v.optional(integer(0), 1), value: 'N', help: 'task: number of its submission', hidden: true },
  offset: { schema: v.optional(integer(0), 0), value: 'N', help: 'task: added to its index', hidden: true },
  ...storeFlags,
} as const satisfies Flags;

const help = `Usage: covature cluster status DIR     how a sweep that "covature submit" put on a cluster stands
       covature cluster collect DIR    bring its finished runs into the store; again adds none
       covature cluster cancel DIR     take its jobs out of the queue; runs under way take a snapshot
       covature cluster resubmit DIR   submit what is neither done nor in the queue; it goes on from its snapshots

${flagsHelp(flags)}

The files in DIR are the truth. If Slurm does not answer, members under way are told as unknown or by their own last word, and collecting works.`;

export const cluster: Command = {
  help,
  flags,
  run: async (argv) => {
    const { values, positionals } = parse(argv, flags, [2, 2]);
    const [action, given] = positionals;
    const json = values.json;
    if (action === 'task') return await taskOf(path.resolve(given), values);
    if (action === 'pilot') return await runPilot(path.resolve(given));
    const place = await sweepPlaceOf(given, values.host ?? null, values.remote);
    switch (action) {
      case 'status': {
        const report = await place.status();
        if (json) printJson(report);
        else process.stdout.write(`${statusText(report, values.all)}\n`);
        return 0;
      }
      case 'collect':
        return await collectAll(place, given, values);
      case 'cancel': {
        const jobs = await place.cancel();
        if (json) printJson({ jobs });
        else
          process.stdout.write(
            jobs.length === 0 ? 'no job of it was in the queue\n' : `cancelled: ${jobs.join(', ')}\n`,
          );
        return 0;
      }
      case 'resubmit': {
        askedOf(values);
        const { members: list, time, mem } = values;
        const again = await place.resubmit({
          members: list,
          chosen: list === undefined ? undefined : memberList(list),
          time,
          mem,
        });
        if (json) printJson(again);
        else {
          for (const { job, members } of again.jobs) process.stdout.write(`job ${job}: members ${members}\n`);
          const memory = again.memory === null ? '' : `, ${formatBytes(again.memory)}`;
          const limit = again.time === null ? '' : `, ${timeText(again.time)}`;
          process.stdout.write(`${membersText(again.members)} submitted again${limit}${memory}\n`);
        }
        return 0;
      }
      default:
        throw new UsageError(`expected status, collect, cancel or resubmit; received "${action}"`);
    }
  },
};

/** What the script of a job calls. */
async function taskOf(folder: string, values: FlagValues<typeof flags>): Promise<number> {
  const index = Number(process.env['SLURM_ARRAY_TASK_ID'] || NaN);
  if (!Number.isSafeInteger(index))
    throw new UsageError('this is run by a task of a job array, which "covature submit" submits');
  // A pilot measures rates; a task starts its work at once.
  process.env['COVATURE_FORECAST'] = 'off';
  const member = index + values.offset;
  return await runMember(folder, { member, round: values.round });
}

function memberList(text: string): number[] {
  if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text))
    throw new UsageError(`--members: expected a list as 3,7-9, received "${text}"`);
  return memberNumbersOf(text);
}

async function collectAll(place: SweepPlace, folder: string, values: FlagValues<typeof flags>): Promise<number> {
  if (values.unfinished && place.remote !== null)
    throw new UsageError('--unfinished works where DIR is; log in there, or mount it');
  const report = await place.status();
  const scratch = await mkdtemp(path.join(tmpdir(), 'covature-collect-'));
  try {
    using store = openStoreFor(values, false);
    const fetching = place.fetching(scratch);
    const collected = await collect(store, report.members, fetching, (done, of) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${of}`);
    });
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
    if (values.unfinished) collected.push(...(await collectUnfinished(store, path.resolve(folder), report.members)));
    if (values.json) printJson({ ...report, members: undefined, collected });
    else process.stdout.write(`${collectedText(collected, report)}\n`);
    return collected.some(({ outcome }) => outcome === 'damaged') ? 1 : 0;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function collectedText(collected: readonly Collected[], { members }: SweepReport): string {
  const count = (outcome: Collected['outcome']): number => collected.filter((each) => each.outcome === outcome).length;
  const left = members.filter(({ status }) => status !== 'done').length;
  const parts = [`${count('added')} runs added`];
  if (count('newer') > 0) parts.push(`${count('newer')} newer than what was here`);
  if (count('was-there') > 0) parts.push(`${count('was-there')} were here already`);
  if (left > 0) parts.push(`${left} members are not done`);
  const damaged = collected.filter(({ outcome }) => outcome === 'damaged');
  return [parts.join(', '), ...damaged.map(({ member, error }) => `member ${member}: ${error}`)].join('\n');
}

/** Lines of a report unless all are asked for. */
const mostRows = 40;

function statusText(report: SweepReport, all: boolean): string {
  const { members, counts, slurm } = report;
  const lines = [
    `${report.name}: ${members.length} runs: ${memberStatuses.flatMap((status) => (counts[status] === undefined ? [] : `${counts[status]} ${status}`)).join(', ')}`,
  ];
  if (!slurm.answers) {
    const since =
      slurm.since === null ? 'it has not answered yet' : `unknown since ${new Date(slurm.since).toISOString()}`;
    lines.push(`Slurm does not answer (${since}): ${slurm.error ?? ''}`);
  }
  if (report.pilot !== null) lines.push(`pilot: ${report.pilot}`);
  const shown = all
    ? members
    : members
        .filter(({ status }) => members.length <= mostRows || !['done', 'not-submitted'].includes(status))
        .slice(0, mostRows);
  if (shown.length > 0) {
    const rows = shown.map((each) => [
      String(each.member),
      each.status,
      each.steps === null ? String(each.step) : `${each.step}/${each.steps}`,
      formatNumber(each.metrics['loss']),
      each.job ?? '-',
      each.node ?? '-',
      String(each.attempt),
      each.secondsLeft === null ? '-' : formatDuration(each.secondsLeft),
      [each.reason, each.fault].filter((text) => text !== null).join('; '),
    ]);
    lines.push(formatTable(['member', 'state', 'step', 'loss', 'job', 'node', 'attempt', 'left', 'reason'], rows));
  }
  if (shown.length < members.length) lines.push(`(${members.length - shown.length} more; --all lists every one)`);
  // A reason shared by many members is given once.
  const reasons = Map.groupBy(
    members.filter(({ status }) => status === 'failed' || status === 'lost'),
    ({ reason }) => reason ?? '',
  );
  for (const [reason, own] of reasons)
    if (own.length > 1) lines.push(`members ${rangesOf(own.map(({ member }) => member))}: ${reason}`);
  return lines.join('\n');
}
