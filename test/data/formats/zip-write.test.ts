/** Archives written as a stream: read back here and by Python's zipfile, with zip64's fields and without. */
import { execFileSync, spawnSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { openZip, readZip } from '../../../src/data/formats/zip.ts';
import { writeZip } from '../../../src/data/formats/zip-write.ts';
import type { ZipSource } from '../../../src/data/formats/zip-write.ts';
import { InputError } from '../../../src/shared/errors.ts';
import { temporaryFolder } from '../../support/cli.ts';
import { describeWhere } from '../../support/skips.ts';

const folder = temporaryFolder();
const large = Buffer.alloc(9_000_000, 'covature');

function stored(name: string, bytes: Buffer, size = bytes.length): ZipSource {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += 1_000_000) {
      yield await Promise.resolve(bytes.subarray(at, at + 1_000_000));
    }
  }
  return { name, size, chunks };
}

const sources = (): ZipSource[] => [
  { name: 'run.json', content: Buffer.from('{"a":1}'.repeat(1000)) },
  stored('größe.bin', large),
  stored('empty', Buffer.alloc(0)),
];

async function written(list: ZipSource[], wideFrom?: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of writeZip(list, wideFrom === undefined ? {} : { wideFrom })) parts.push(part);
  return Buffer.concat(parts);
}

const forms: [string, number | undefined][] = [
  ['as it is', undefined],
  ['with all of zip64', 0],
  ['with the large entry wide', 5_000_000],
];

describe.each(forms)('an archive %s', (form, wideFrom) => {
  const file = path.join(folder, `${form}.zip`);

  test('is read back whole, from memory and from disk, in one and in pieces', async () => {
    const bytes = await written(sources(), wideFrom);
    writeFileSync(file, bytes);
    const zip = openZip(file);
    for (const entries of [readZip(bytes, 'z'), zip.entries]) {
      expect(entries.map(({ name, size }) => [name, size])).toEqual([
        ['run.json', 7000],
        ['größe.bin', large.length],
        ['empty', 0],
      ]);
      expect(Buffer.compare(Buffer.from(entries[1].read()), large)).toBe(0);
      expect(Buffer.compare(Buffer.concat([...entries[1].chunks()]), large)).toBe(0);
      expect(Buffer.concat([...entries[0].chunks()]).toString()).toBe('{"a":1}'.repeat(1000));
    }
    zip.close();
  });

  test('cut short it is refused with its name', () => {
    truncateSync(file, 8_000_000);
    expect(() => openZip(file)).toThrow(InputError);
    expect(() => openZip(file)).toThrow(/not a valid zip file, or cut short/);
  });
});

describe('a large entry that is deflated', () => {
  const size = 70_000_000;
  const content = new Uint8Array(size);
  for (let i = 0; i < size; i += 997) content[i] = i;
  const archive = zipSync({ large: content }, { level: 1 });

  test('is unpacked in pieces that make up the whole', () => {
    const [entry] = readZip(archive, 'z');
    let length = 0;
    let pieces = 0;
    for (const chunk of entry.chunks()) {
      pieces++;
      for (let i = (997 - (length % 997)) % 997; i < chunk.length; i += 997) {
        if (chunk[i] !== ((length + i) & 255)) throw new Error(`byte ${length + i} is ${chunk[i]}`);
      }
      length += chunk.length;
    }
    expect(length).toBe(size);
    expect(pieces).toBeGreaterThan(2);
  });

  test.each([
    ['a changed byte', (bytes: Buffer) => (bytes[bytes.length >> 1] ^= 0x55), /"large" is damaged: /],
    [
      'a claim of less than it holds',
      (bytes: Buffer) => bytes.writeUInt32LE(68_000_000, bytes.lastIndexOf('PK\x01\x02') + 24),
      /"large" is damaged: unpacks to more than the 68000000 bytes it claims/,
    ],
  ])('%s is found', (_, damage, message) => {
    const bytes = Buffer.from(archive);
    damage(bytes);
    const [entry] = readZip(bytes, 'z');
    expect(() => {
      for (const chunk of entry.chunks()) void chunk;
    }).toThrow(message);
  });
});

test('a changed byte of a stored entry is found when it is read', async () => {
  const bytes = await written([stored('a', Buffer.from('0123456789'))]);
  bytes[bytes.indexOf('5')] = 0x36;
  const [entry] = readZip(bytes, 'z');
  expect(() => [...entry.chunks()]).toThrow('z: "a" is damaged: its checksum does not match');
});

test('an entry that is longer than it was said to be is an error', async () => {
  await expect(written([stored('a', large, 5)])).rejects.toThrow('a: expected 5 bytes, found 9000000');
});

const python = spawnSync('python3', ['--version']).status === 0 ? true : 'python3 is not here';
describeWhere(python, "Python's zipfile", () => {
  test.each(forms)('reads an archive %s and finds its checksums right', async (form, wideFrom) => {
    const file = path.join(folder, `${form} for python.zip`);
    writeFileSync(file, await written(sources(), wideFrom));
    const script =
      'import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); print(z.testzip(), [(i.filename, i.file_size) for i in z.infolist()])';
    const said = execFileSync('python3', ['-c', script, file], {
      encoding: 'utf8',
      env: { ...process.env, PYTHONIOENCODING: 'utf8' },
    });
    expect(said.trim()).toBe("None [('run.json', 7000), ('größe.bin', 9000000), ('empty', 0)]");
  });
});
