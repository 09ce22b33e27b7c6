import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isTemporaryName, readInputFile, reasonOf, writeFileAtomic } from '../../src/data/files.ts';
import { InputError } from '../../src/shared/errors.ts';
import { describeWhere } from '../support/skips.ts';

let folder: string;
beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'covature files ü '));
});
afterAll(async () => {
  await fs.rm(folder, { recursive: true });
});

describe('writing files', () => {
  it('writes text, bytes and chunks, and replaces what was there', async () => {
    const file = path.join(folder, 'a.bin');
    await writeFileAtomic(file, 'höhe');
    expect(await fs.readFile(file, 'utf8')).toBe('höhe');
    await writeFileAtomic(file, [Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)]);
    expect([...(await readInputFile(file))]).toEqual([1, 2, 3]);
    expect(await fs.readdir(folder)).toEqual(['a.bin']);
  });

  it('keeps the old file, and no temporary one, when the content fails half-way', async () => {
    const file = path.join(folder, 'b.bin');
    await writeFileAtomic(file, 'old');
    let seen: string[] = [];
    const failing = async function* () {
      yield Uint8Array.of(1);
      seen = (await fs.readdir(folder)).filter(isTemporaryName);
      throw new Error('the source broke');
    };
    await expect(writeFileAtomic(file, failing())).rejects.toThrow(/b\.bin: cannot be written: the source broke/);
    expect(seen).toHaveLength(1);
    expect(await fs.readFile(file, 'utf8')).toBe('old');
    expect((await fs.readdir(folder)).filter(isTemporaryName)).toEqual([]);
  });

  it('names the file and the reason when the folder is not there or the target is a folder', async () => {
    await expect(writeFileAtomic(path.join(folder, 'none', 'c'), 'x')).rejects.toThrow(
      /c: cannot be written: no such file or folder \(ENOENT\)/,
    );
    await fs.mkdir(path.join(folder, 'd'));
    await expect(writeFileAtomic(path.join(folder, 'd'), 'x')).rejects.toThrow(/d: cannot be written: /);
    expect((await fs.readdir(folder)).filter(isTemporaryName)).toEqual([]);
  });
});

describeWhere(process.platform === 'linux' || 'needs /dev/full, which Linux has', 'a full disk', () => {
  it('is named', async () => {
    // /dev/full answers every write with ENOSPC.
    const handle = await fs.open('/dev/full', 'w');
    const error: unknown = await handle.write(Buffer.from('x')).then(
      () => undefined,
      (failure: unknown) => failure,
    );
    await handle.close();
    expect(reasonOf(error)).toBe('the disk is full (ENOSPC)');
  });
});

describe('reading files', () => {
  it('raises an InputError for a missing file, a folder, a file above the limit', async () => {
    for (const [file, reason] of [
      [path.join(folder, 'none'), /none: no such file or folder/],
      [folder, /expected a file, found a folder/],
      [path.join(folder, 'a\0b'), /null bytes/],
    ] as const) {
      await expect(readInputFile(file)).rejects.toThrow(InputError);
      await expect(readInputFile(file)).rejects.toThrow(reason);
    }
    await writeFileAtomic(path.join(folder, 'big'), new Uint8Array(11));
    await expect(readInputFile(path.join(folder, 'big'), 10)).rejects.toThrow(/at most 10 bytes, found 11/);
  });
});
