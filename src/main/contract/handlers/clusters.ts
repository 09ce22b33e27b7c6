/** Sweeps on clusters, for the windows. */
import * as path from 'node:path';
import type { Handlers } from '../../../shared/contract/index.ts';
import type { clusters } from '../../../shared/contract/methods/clusters.ts';
import { InputError } from '../../../shared/errors.ts';
import { parseSweep } from '../../../shared/sweep.ts';
import { memoryBytes, limitSeconds } from '../../cluster/partition.ts';
import { sweepPlaceOf } from '../../cluster/places.ts';
import { connectHost, remoteJson } from '../../cluster/remote.ts';
import { prepareSweep, submitSweep } from '../../cluster/start.ts';
import { dataFolderOf } from '../../services/runs.ts';
import type { Workbench } from '../workbench.ts';

export const clusterHandlers: Pick<Handlers<Workbench>, keyof typeof clusters> = {
  'clusters.list': (_, { sweeps }) => sweeps.list(),

  'clusters.submit': async ({ experiment, folder, host, remote, cpus, atOnce, time, memory, options }, workbench) => {
    const name = parseSweep(experiment).at(0).experiment.name;
    const asked = { time: timeOf(time), memory: memoryOf(memory) };
    if (host === null) {
      const { blas, backend = 'auto' } = workbench.engine();
      const { baseFolder } = workbench.options;
      const prepared = await prepareSweep({
        document: experiment,
        what: 'experiment',
        folder: path.resolve(baseFolder, folder),
        baseFolder,
        dataFolder: dataFolderOf(workbench.store),
        blas,
        backend,
        cpus,
        atOnce: atOnce ?? undefined,
        sbatch: options,
        setup: null,
        asked,
      });
      await submitSweep(prepared);
      return known(workbench, name, prepared.start.folder, null, null);
    }
    const words = ['submit', '-', '--slurm', '--to', folder, '--cpus', String(cpus)];
    if (atOnce !== null) words.push('--at-once', String(atOnce));
    if (time !== '') words.push('--time', time);
    if (memory !== '') words.push('--mem', memory);
    await remoteJson(await connectHost(host, remote ?? undefined), words, {
      input: JSON.stringify(experiment),
      rest: options.length === 0 ? [] : ['--', ...options],
    });
    return known(workbench, name, folder, host, remote);
  },

  'clusters.add': async ({ folder, host, remote }, workbench) => {
    const place = await sweepPlaceOf(folder, host, remote ?? undefined);
    const report = await place.status();
    return known(workbench, report.name, report.folder, host, remote);
  },

  'clusters.forget': ({ id }, workbench) => {
    workbench.sweeps.forget(id);
    workbench.bus.emit('store.changed', { what: 'clusters' });
    return null;
  },

  'clusters.status': ({ id }, { sweeps }) => sweeps.status(id),

  'clusters.collect': async ({ id }, workbench) => {
    const { name } = workbench.sweeps.get(id);
    const collected = await workbench.queue.task(`Collect the runs of ${name}`, ({ progress }) =>
      workbench.sweeps.collect(id, (share) => {
        progress('fetching runs', share);
      }),
    ).done;
    workbench.changes.note(null);
    workbench.bus.emit('store.changed', { what: 'clusters' });
    return collected;
  },

  'clusters.cancel': async ({ id }, { sweeps, bus }) => {
    const jobs = await sweeps.cancel(id);
    bus.emit('store.changed', { what: 'clusters' });
    return { jobs };
  },

  'clusters.resubmit': async ({ id, time, memory }, { sweeps, bus }) => {
    timeOf(time);
    memoryOf(memory);
    const members = await sweeps.resubmit(id, {
      time: time === '' ? undefined : time,
      mem: memory === '' ? undefined : memory,
    });
    bus.emit('store.changed', { what: 'clusters' });
    return { members };
  },
};

function known(workbench: Workbench, name: string, folder: string, host: string | null, remote: string | null) {
  const sweep = workbench.sweeps.add({ name, folder, host, remote });
  workbench.bus.emit('store.changed', { what: 'clusters' });
  return sweep;
}

function timeOf(text: string): number | null {
  const seconds = text === '' ? null : limitSeconds(text);
  if (text !== '' && !((seconds ?? 0) > 0))
    throw new InputError(`time: expected minutes, H:MM:SS or D-HH:MM:SS, received "${text}"`);
  return seconds;
}

function memoryOf(text: string): number | null {
  const bytes = text === '' ? null : memoryBytes(text);
  if (text !== '' && !((bytes ?? 0) > 0))
    throw new InputError(`memory: expected megabytes, or a number with K, M, G or T, received "${text}"`);
  return bytes;
}
