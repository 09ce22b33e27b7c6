/** The cluster settings that are kept for the next experiment. */
import { expect, it } from 'vitest';
import { noCluster, readChoices } from '../../../src/renderer/cluster/choices.ts';

it('keeps the texts, and never where to run', () => {
  const kept = { ...noCluster, host: 'login', time: '2:00:00', on: 'cluster' };
  expect(readChoices(kept)).toEqual({ ...kept, on: 'here' });
});

it('lets a field that is no text fall back alone', () => {
  expect(readChoices({ host: 'login', cpus: 4 })).toEqual({ ...noCluster, host: 'login' });
  expect(readChoices({})).toEqual(noCluster);
  expect(readChoices(null)).toBeUndefined();
});
