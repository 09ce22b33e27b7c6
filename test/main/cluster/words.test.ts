/** Slurm's times, sizes and options; ranges of members; the environment that jobs are submitted with; the script of a task. */
import { expect, test } from 'vitest';
import { memberNumbersOf, rangesOf } from '../../../src/main/cluster/plan.ts';
import { memoryBytes, checkResources, optionOf, limitSeconds, timeText } from '../../../src/main/cluster/partition.ts';
import { resourcesFrom } from '../../../src/main/cluster/pilot.ts';
import type { Pilot } from '../../../src/main/cluster/pilot.ts';
import { scrubbed } from '../../../src/main/cluster/slurm.ts';
import { quoted } from '../../../src/main/cluster/submit.ts';

test.each([
  ['90', 5400],
  ['90:30', 5430],
  ['1:30:00', 5400],
  ['2-12', 216_000],
  ['2-12:30', 217_800],
  ['2-12:30:05', 217_805],
  ['UNLIMITED', null],
  ['soon', null],
])('the time %s is %s s', (text, seconds) => {
  expect(limitSeconds(text)).toBe(seconds);
});

test.each([
  [30, '0-00:01:00'],
  [61, '0-00:02:00'],
  [3600, '0-01:00:00'],
  [90_000, '1-01:00:00'],
])('%s s are asked for as %s, never as less', (seconds, text) => {
  expect(timeText(seconds)).toBe(text);
  expect(limitSeconds(text)).toBeGreaterThanOrEqual(seconds);
});

test.each([
  ['4000', 4000 * 2 ** 20],
  ['4G', 4 * 2 ** 30],
  ['1.5g', 1.5 * 2 ** 30],
  ['512MB', 2 ** 29],
  ['much', null],
])('the size %s is %s bytes', (text, bytes) => {
  expect(memoryBytes(text)).toBe(bytes);
});

test.each([
  [['--partition=gpu'], 'gpu'],
  [['--partition', 'gpu'], 'gpu'],
  [['-p', 'gpu'], 'gpu'],
  [['-pgpu'], 'gpu'],
  [['-p', 'a', '--partition=b'], 'b'],
  [['--parsable'], undefined],
])('%j names the partition %s', (options, name) => {
  expect(optionOf(options, 'partition', 'p')).toBe(name);
});

test('members as ranges and back', () => {
  expect(rangesOf([1, 2, 3, 7, 9, 10])).toBe('1-3,7,9-10');
  expect(memberNumbersOf('1-3,7,9-10')).toEqual([1, 2, 3, 7, 9, 10]);
});

test('nothing of a surrounding job is passed on but where the cluster is', () => {
  const environment = { PATH: '/bin', SLURM_CONF: '/c', SLURM_JOB_ID: '1', SBATCH_PARTITION: 'x', SQUEUE_FORMAT: '%i' };
  expect(scrubbed(environment)).toEqual({ PATH: '/bin', SLURM_CONF: '/c' });
});

test('a word for a shell', () => {
  expect(quoted("it's $HOME")).toBe(`'it'\\''s $HOME'`);
});

const partition = { name: 'main', longest: 3600, usual: 600, cpus: 8, memory: 2 ** 34, isUp: true };
const limits = { partition, arraySize: 1001 };
const pilot = (seconds: number, memory: number, longest: number): Pilot => ({
  format: 'covature-pilot',
  version: 1,
  node: 'n1',
  kinds: [
    { members: '1-2', seconds: 1, memory: 1, longest_seconds: 0, longest: null },
    { members: '3', seconds, memory, longest_seconds: longest, longest: 'fc2.kernel' },
  ],
  error: null,
});
const nothing = { time: null, memory: null };

test('a pilot asks for twice the time and 1.5 times the memory of the worst member, within the limit', () => {
  expect(resourcesFrom(pilot(600, 2 ** 30, 100), nothing, limits)).toEqual({
    time: 180 + 1200,
    memory: 2 ** 29 + 1.5 * 2 ** 30,
  });
  expect(resourcesFrom(pilot(5000, 2 ** 30, 100), nothing, limits).time).toBe(3600);
  const given = { time: 1800, memory: 5 };
  expect(resourcesFrom(pilot(600, 2 ** 30, 100), given, { partition: null, arraySize: 1001 })).toEqual(given);
  expect(resourcesFrom(null, nothing, limits)).toEqual(nothing);
});

test('a measurement that does not fit into the limit in one piece is refused', () => {
  expect(() => resourcesFrom(pilot(5000, 1, 3000), nothing, limits)).toThrow(
    /measuring fc2\.kernel takes about 0-00:50:00 without interruption \(members 3\)/,
  );
});

test.each([
  [{ cpus: 1, time: 7200, memory: null }, '--time 0-02:00:00 is more than the partition main allows, 0-01:00:00'],
  [{ cpus: 9, time: null, memory: null }, '--cpus 9: the largest node of the partition main has 8 cores'],
  [{ cpus: 1, time: null, memory: 2 ** 35 }, 'are more than the largest node of the partition main has'],
])('%j is refused before sbatch', (asked, message) => {
  expect(() => {
    checkResources(asked, limits);
  }).toThrow(message);
});
