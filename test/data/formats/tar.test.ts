import { describe, expect, it } from 'vitest';
import { readTar } from '../../../src/data/formats/tar.ts';
import { InputError } from '../../../src/shared/errors.ts';
import { tarBytes } from '../support.ts';

/** The entries of an archive that comes in pieces of `piece` bytes; the content of those that `take` names. */
async function read(bytes: Uint8Array, { piece = 100, take = (_: string): boolean => true, limit = 1e6 } = {}) {
  const source = (async function* () {
    for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
  })();
  const entries: [string, boolean, string | null][] = [];
  for await (const { name, isFile, body } of readTar(source, 'a.tar', limit)) {
    if (!take(name)) {
      entries.push([name, isFile, null]);
      continue;
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    entries.push([name, isFile, Buffer.concat(chunks).toString()]);
  }
  return entries;
}

const archive = tarBytes([
  { name: 'dir/', type: '5', data: '' },
  { name: 'dir/a', data: 'x'.repeat(1000) },
  { name: 'b', data: '' },
  { name: 'c', prefix: 'long/way', data: 'y'.repeat(512) },
]);

describe('tar', () => {
  it.each([1, 7, 512, 1e6])('reads folders, files and prefixes in pieces of %i bytes', async (piece) => {
    expect(await read(archive, { piece })).toEqual([
      ['dir/', false, ''],
      ['dir/a', true, 'x'.repeat(1000)],
      ['b', true, ''],
      ['long/way/c', true, 'y'.repeat(512)],
    ]);
  });
  it('skips what is not taken, and accepts an archive without its end marks', async () => {
    expect(await read(archive.subarray(0, -1024), { take: (name: string): boolean => name === 'b' })).toEqual([
      ['dir/', false, null],
      ['dir/a', true, null],
      ['b', true, ''],
      ['long/way/c', true, null],
    ]);
  });
  const wrong = Buffer.from(archive);
  wrong[512 + 3] ^= 1;
  it.each([
    ['a changed header', wrong, /a header's checksum is \d+, expected \d+/],
    ['text', Buffer.from('hello '.repeat(200)), /a checksum "[^"]*" is not a number/],
    ['an archive cut short in a header', archive.subarray(0, 700), /the archive ends early/],
    ['an archive cut short in a file', archive.subarray(0, 1500), /the archive ends early/],
  ])('refuses %s', async (_, bytes, message) => {
    await expect(read(bytes)).rejects.toThrow(message);
    await expect(read(bytes)).rejects.toThrow(InputError);
  });
  it('refuses more than its limit', async () => {
    await expect(read(archive, { limit: 1500 })).rejects.toThrow(/larger than expected/);
  });
});
