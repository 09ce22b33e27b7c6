/** A folder of this machine, listed for a browser that has no dialog of the system. */
import * as fs from 'node:fs/promises';
import { homedir } from 'node:os';
import * as path from 'node:path';
import { expandHome } from '../../../data/home.ts';
import { inputErrorOf } from '../../../data/files.ts';
import { titleOfNames } from '../../../data/recognise.ts';
import { FaultError } from '../../../shared/contract/index.ts';
import type { FolderListing } from '../../../shared/contract/index.ts';
import type { Workbench } from '../workbench.ts';

/** Folders, and files, that one answer names. */
const mostEntries = 2000;

/** Raises InputError if the folder cannot be read. A path of a file lists its folder. */
export async function listFolder(asked: string | undefined, { options, store }: Workbench): Promise<FolderListing> {
  if (options.shell !== 'browser')
    throw new FaultError('unavailable', 'the desktop uses the dialogs of the system for this');
  let folder = path.resolve(options.baseFolder, expandHome(asked ?? '.'));
  try {
    if (!(await fs.stat(folder)).isDirectory()) folder = path.dirname(folder);
    const entries = (await fs.readdir(folder, { withFileTypes: true }))
      .filter(({ name }) => !name.startsWith('.'))
      .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
    const folders: string[] = [];
    const names: string[] = [];
    for (const entry of entries) {
      // A link counts as its target; a broken link is left out.
      const isFolder = entry.isSymbolicLink()
        ? await fs.stat(path.join(folder, entry.name)).then(
            (stats) => stats.isDirectory(),
            () => null,
          )
        : entry.isDirectory();
      if (isFolder !== null) (isFolder ? folders : names).push(entry.name);
    }
    const files = await Promise.all(
      names.slice(0, mostEntries).map(async (name) => ({
        name,
        bytes: await fs.stat(path.join(folder, name)).then(
          ({ size }) => size,
          () => 0,
        ),
      })),
    );
    return {
      path: folder,
      parent: path.dirname(folder) === folder ? null : path.dirname(folder),
      folders: folders.slice(0, mostEntries),
      files,
      more: Math.max(0, folders.length - mostEntries) + Math.max(0, names.length - mostEntries),
      holds: titleOfNames(names),
      places: [
        { name: 'Home', path: homedir() },
        { name: 'Started in', path: path.resolve(options.baseFolder) },
        { name: 'Store', path: store.folder },
      ],
    };
  } catch (error) {
    throw inputErrorOf(error, folder);
  }
}
