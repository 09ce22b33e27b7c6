/** Reading a Python wheel, which is a zip archive. Only the requested files are unpacked, each checked against the archive's checksum. */
import { mkdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ZipEntry } from '../../src/data/formats/zip.ts';
import { openZip } from '../../src/data/formats/zip.ts';
import { SetupError } from '../launch/say.mjs';

export interface Wheel {
  /** Of the distribution: "tensorflow_cpu". */
  readonly name: string;
  readonly version: string;
  /** Its tag: "manylinux_2_27_x86_64". */
  readonly platform: string;
  /** By path in the archive. */
  readonly entries: ReadonlyMap<string, ZipEntry>;
  close(): void;
}

/** Opens a wheel. Raises a `SetupError` if its name is not a wheel's, an `InputError` if it is not an archive, or cut short. */
export function openWheel(file: string): Wheel {
  const match = /^([^-]+)-([^-]+)(?:-[^-]+)?-[^-]+-[^-]+-([^-]+)\.whl$/.exec(basename(file));
  if (match === null)
    throw new SetupError(
      `${file}: expected the name of a wheel as PyPI has it, like tensorflow_cpu-2.21.0-cp312-cp312-manylinux_2_27_x86_64.whl`,
    );
  const [, name = '', version = '', platform = ''] = match;
  const { entries, close } = openZip(file, file);
  return { name, version, platform, entries: new Map(entries.map((entry) => [entry.name, entry])), close };
}

/** The text of a file of the wheel; empty if it has no file of that path. */
export function textIn(wheel: Wheel, path: string): string {
  return new TextDecoder().decode(wheel.entries.get(path)?.read());
}

/** Unpacks files of the wheel below a folder. Raises an `InputError` for one that is damaged. */
export async function unpack(entries: readonly ZipEntry[], folder: string, signal: AbortSignal): Promise<void> {
  for (const entry of entries) {
    if (entry.name.split('/').includes('..')) throw new SetupError(`the path ${entry.name} leads out of the wheel`);
    const target = join(folder, entry.name);
    mkdirSync(dirname(target), { recursive: true });
    await using handle = await open(target, 'w');
    for (const chunk of entry.chunks()) {
      signal.throwIfAborted();
      await handle.writeFile(chunk);
    }
  }
}
