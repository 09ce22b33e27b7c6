import { readFile, stat, statfs } from 'node:fs/promises';
import * as path from 'node:path';
import { FaultError } from '../../../shared/contract/index.ts';
import type { BackupRecord, Handlers } from '../../../shared/contract/index.ts';
import type { system } from '../../../shared/contract/methods/system.ts';
import { inputErrorOf } from '../../../data/files.ts';
import { parseJson } from '../../../shared/validation.ts';
import { readPackage, releasesHost } from '../../provenance.ts';
import type { BackupInfo, Json } from '../../store/index.ts';
import type { Workbench } from '../workbench.ts';
import { listFolder } from './folder.ts';

/** Characters of JSON that a window may keep under a name. */
const longestState = 256 * 1024;
/** Bytes of an experiment file that is read. */
const longestExperiment = 16 * 1024 * 1024;

export const systemHandlers: Pick<Handlers<Workbench>, keyof typeof system> = {
  'queue.get': (_, { queue }) => queue.snapshot(),
  'queue.hold': ({ held }, { queue }) => {
    queue.hold(held);
    return queue.snapshot();
  },
  'requests.cancel': ({ token }, { followed }) => {
    followed.cancel(token);
    return null;
  },
  'jobs.cancel': ({ id }, { queue }) => {
    queue.cancelJob(id);
    return null;
  },

  'settings.get': (_, workbench) => workbench.settings(),
  'settings.set': (changes, workbench) => workbench.setSettings(changes),

  'state.get': ({ name }, { store }) => store.getSetting(`state:${name}`) ?? null,
  'state.set': ({ name, value }, { store }) => {
    const length = JSON.stringify(value ?? null).length;
    if (length > longestState) {
      throw new FaultError(
        'too-large',
        `state ${name}: expected at most ${longestState} characters, received ${length}`,
      );
    }
    store.setSetting(`state:${name}`, value === null ? undefined : (value as Json));
    return null;
  },

  'doctor.engines': (_, workbench) => workbench.looking.ask('engines', workbench.engine()),
  'doctor.speed': (_, workbench) => workbench.computing.ask('speed', workbench.engine()),

  'store.info': async (_, { store }) => {
    const disk = await statfs(store.folder);
    return {
      folder: store.folder,
      bytes: store.storeSize(),
      free: disk.bavail * disk.bsize,
      runs: store.countRuns({ archived: 'any' }).total,
      readOnly: store.readOnly,
      interrupted: store.report.interrupted,
    };
  },

  'store.backup': (_, { store, queue }) => {
    const task = queue.task('Back up the store', async ({ signal, progress }) => {
      await store.backup(undefined, {
        progress: (share) => {
          signal.throwIfAborted();
          progress('copying', share);
        },
      });
    });
    return { job: task.id };
  },
  'store.backups': (_, { store }) => store.listBackups().map(backupRecord),
  'store.restore': async ({ name }, workbench) => {
    const backup = workbench.store.listBackups().find((each) => path.basename(each.path) === name);
    if (backup === undefined) throw new FaultError('not-found', `there is no backup ${name}`);
    await workbench.restore(backup.path);
    return null;
  },
  'store.check': async ({ repair, quick }, { store, queue, changes, computing }) => {
    const task = queue.task(repair ? 'Check and repair the store' : 'Check the store', ({ signal, progress }) =>
      store.doctor({
        repair,
        checksums: !quick,
        database: () => {
          progress('reading the database', 0);
          return computing.ask('checkDatabase', { folder: store.folder }, { signal });
        },
        progress: (done, total) => {
          signal.throwIfAborted();
          progress('reading files', total === 0 ? 1 : done / total);
        },
      }),
    );
    const { problems, runs, artifacts, bytesRead } = await task.done;
    if (repair) changes.note(null);
    return {
      problems: problems.map(({ code, message, run, mended }) => ({ code, message, run: run ?? null, mended })),
      runs,
      artifacts,
      bytesRead,
    };
  },

  'app.info': (_, { options, session, store }) => ({
    version: readPackage().version,
    shell: options.shell,
    platform: `${process.platform} ${process.arch}`,
    node: process.versions.node,
    updatesFrom: options.shell === 'desktop' ? releasesHost() : null,
    warnings: store.report.warnings,
    dialogs: options.chooseFile !== undefined,
    session,
  }),

  'files.choose': async ({ kind }, workbench) => {
    const { chooseFile } = workbench.options;
    if (chooseFile === undefined) {
      throw new FaultError('unavailable', 'there are no file dialogs in the browser; type the path as on this machine');
    }
    const file = await chooseFile(kind);
    return file === null ? null : workbench.keepFile(file);
  },
  'files.chooseTarget': async ({ kind, name }, workbench) => {
    const { chooseTarget } = workbench.options;
    if (chooseTarget === undefined) {
      throw new FaultError('unavailable', 'there are no file dialogs in the browser; type the path as on this machine');
    }
    const target = await chooseTarget(kind, name);
    return target === null ? null : workbench.keepFile(target);
  },
  'files.list': ({ path: folder }, workbench) => listFolder(folder, workbench),
  'files.opened': (_, workbench) => workbench.takeOpenedFiles(),
  'files.readJson': async (place, workbench) => {
    const file = workbench.placeOf(place);
    const { size } = await stat(file).catch((error: unknown) => {
      throw inputErrorOf(error, path.basename(file));
    });
    if (size > longestExperiment) {
      throw new FaultError(
        'too-large',
        `${path.basename(file)}: expected at most ${longestExperiment} bytes, found ${size}`,
      );
    }
    return parseJson(await readFile(file, 'utf8'), path.basename(file)) as Json;
  },
};

function backupRecord({ path: place, created, runs, bytes }: BackupInfo): BackupRecord {
  return { name: path.basename(place), created, runs, bytes };
}
