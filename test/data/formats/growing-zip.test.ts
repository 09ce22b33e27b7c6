/** Archives that are still being written: whole entries are read as they come, and a cut one waits. */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { zipSync } from 'fflate';
import { expect, test } from 'vitest';
import { readGrowing } from '../../../src/data/formats/growing-zip.ts';
import { temporaryFolder } from '../../support/cli.ts';

const folder = temporaryFolder();
const bytes = zipSync(
  { 'a.json': new TextEncoder().encode('{"a":1}'), 'b.bin': new Uint8Array(500).fill(7) },
  { level: 0 },
);

async function withFile<T>(content: Uint8Array, work: (handle: fs.FileHandle, file: string) => Promise<T>): Promise<T> {
  const file = path.join(folder, `${Math.random()}.covature`);
  await fs.writeFile(file, content);
  const handle = await fs.open(file, 'r');
  return work(handle, file).finally(() => handle.close());
}

test('a whole archive: its entries, and that nothing follows', () =>
  withFile(bytes, async (handle) => {
    const { entries, complete } = await readGrowing(handle, 0, 'x');
    expect(entries.map(({ name, size }) => [name, size])).toEqual([
      ['a.json', 7],
      ['b.bin', 500],
    ]);
    expect(new TextDecoder().decode(await entries[0].read())).toBe('{"a":1}');
    expect(complete).toBe(true);
  }));

test('cut anywhere, it has the entries that are whole, and goes on where it stopped', async () => {
  for (let cut = 0; cut < bytes.length; cut += 13) {
    await withFile(bytes.subarray(0, cut), async (handle, file) => {
      const first = await readGrowing(handle, 0, 'x');
      await fs.writeFile(file, bytes);
      const second = await readGrowing(handle, first.next, 'x');
      expect([...first.entries, ...second.entries].map(({ name }) => name)).toEqual(['a.json', 'b.bin']);
    });
  }
});

test('damage is named: a wrong byte in an entry, and what is no entry', async () => {
  const wrong = Uint8Array.from(bytes);
  wrong[38] ^= 1;
  await withFile(wrong, async (handle) => {
    const { entries } = await readGrowing(handle, 0, 'x');
    await expect(entries[0].read()).rejects.toThrow('x: "a.json" is damaged: its checksum does not match');
  });
  await withFile(new TextEncoder().encode('not an archive, but text that is long enough'), async (handle) => {
    await expect(readGrowing(handle, 0, 'x')).rejects.toThrow('x: damaged at byte 0');
  });
});

test('a file that became shorter is another one', () =>
  withFile(bytes, async (handle) => {
    await expect(readGrowing(handle, bytes.length + 1, 'x')).rejects.toThrow('another file has taken its place');
  }));

test('entries beyond 4 GB, by the field of zip64; one that is cut waits', async () => {
  const size = 5_000_000_000;
  const head = Buffer.alloc(30 + 5 + 20);
  head.writeUInt32LE(0x04034b50, 0);
  head.writeUInt16LE(45, 4);
  head.writeUInt32LE(0xffffffff, 18);
  head.writeUInt32LE(0xffffffff, 22);
  head.writeUInt16LE(5, 26);
  head.writeUInt16LE(20, 28);
  head.write('c.bin', 30);
  head.writeUInt16LE(1, 35);
  head.writeUInt16LE(16, 37);
  head.writeBigUInt64LE(BigInt(size), 39);
  head.writeBigUInt64LE(BigInt(size), 47);
  const small = bytes.subarray(0, 30 + 6 + 7);
  await withFile(head, async (handle, file) => {
    expect((await readGrowing(handle, 0, 'x')).entries).toEqual([]);
    // A hole: no such disk is needed.
    await fs.truncate(file, head.length + size);
    await fs.appendFile(file, small);
    const { entries } = await readGrowing(handle, 0, 'x');
    expect(entries.map((entry) => [entry.name, entry.size])).toEqual([
      ['c.bin', size],
      ['a.json', 7],
    ]);
    expect(new TextDecoder().decode(await entries[1].read())).toBe('{"a":1}');
  });
  const broken = Buffer.from(head);
  broken.writeUInt16LE(2, 35);
  await withFile(broken, async (handle) => {
    await expect(readGrowing(handle, 0, 'x')).rejects.toThrow('x: damaged at byte 0: expected an entry stored');
  });
});
