/** A hook of electron-builder: writes what its packages for Linux install for the system's association of files into the folder that COVATURE_ASSOCIATION names. */
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import helpers from 'app-builder-lib/out/targets/LinuxTargetHelper.js';

/** @param {{ packager: any }} context */
export default async function writeAssociation({ packager }) {
  const folder = process.env['COVATURE_ASSOCIATION'];
  if (folder === undefined) throw new Error('COVATURE_ASSOCIATION names no folder');
  const helper = new helpers.LinuxTargetHelper(packager);
  await helper.writeDesktopEntry(packager.platformSpecificBuildOptions, undefined, join(folder, 'covature.desktop'));
  const types = await helper.mimeTypeFiles;
  if (types === null) throw new Error('the packages associate no files');
  await copyFile(types, join(folder, 'covature.xml'));
}
