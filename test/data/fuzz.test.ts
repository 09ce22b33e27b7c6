/**
 * 2,000 mutated files for each reader: every one ends in a valid dataset or an InputError that opens with the file's name; none crashes, hangs or takes
 * memory beyond its size times a constant. The mutations come from a fixed seed, so that a failure repeats.
 */
import * as fs from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { parseArrays } from '../../src/data/formats/arrays.ts';
import { cifar10Dataset } from '../../src/data/formats/cifar10.ts';
import { parseCsv } from '../../src/data/formats/csv.ts';
import { idxDataset, parseIdx } from '../../src/data/formats/idx.ts';
import { parseNpy } from '../../src/data/formats/npy.ts';
import { encodeSafetensors, openSafetensors, parseSafetensors, tensor } from '../../src/data/formats/safetensors.ts';
import { readTar } from '../../src/data/formats/tar.ts';
import { prepare } from '../../src/data/prepare.ts';
import type { RawDataset } from '../../src/data/raw.ts';
import { InputError } from '../../src/shared/errors.ts';
import { Random } from '../../src/shared/random.ts';
import { mutate } from '../support/mutate.ts';
import { numpyDeflated, numpyStored } from './numpy-files.ts';
import { idxBytes, npyBytes, range, tarBytes, temporaryFolder, zipBytes } from './support.ts';

const count = 2000;
const folder = temporaryFolder();

interface Outcome {
  accepted: number;
  refused: number;
  messages: Set<string>;
  slowest: number;
}

/** Reads `count` mutations made by `make`; `read` gives back how many bytes of numbers it yielded. */
async function fuzz(
  name: string,
  make: (random: Random, i: number) => Buffer,
  read: (bytes: Buffer, i: number) => number | Promise<number>,
): Promise<Outcome> {
  const random = new Random(2026, `fuzz ${name}`);
  const outcome: Outcome = { accepted: 0, refused: 0, messages: new Set(), slowest: 0 };
  for (let i = 0; i < count; i++) {
    const bytes = make(random, i);
    const start = performance.now();
    try {
      const yielded = await read(bytes, i);
      // Deflate reaches 1,032; a byte may become a double.
      expect(yielded, `mutation ${i} yields too much`).toBeLessThanOrEqual(8 * 1032 * bytes.length + 4096);
      outcome.accepted++;
    } catch (error) {
      if (!(error instanceof InputError))
        throw new Error(`mutation ${i} of ${name}: ${String(error)}`, { cause: error });
      outcome.refused++;
      // Kinds of message: without numbers and quoted pieces.
      outcome.messages.add(
        error.message
          .replace(folder.at(), '')
          .replace(/"[^"]*"|\d+/g, '#')
          .slice(0, 60),
      );
    }
    outcome.slowest = Math.max(outcome.slowest, performance.now() - start);
  }
  return outcome;
}

/** Bytes of the numbers in a dataset, after everything that is done to it on the way to a network. */
function bytesIn(raw: RawDataset): number {
  const set = prepare(raw, { standardise: 'none', targets: 'as-given' });
  const parts = [set.train, ...(set.test ? [set.test] : [])];
  for (const { inputs, targets, count: n } of parts) {
    expect(inputs.length % n).toBe(0);
    expect(inputs.every(Number.isFinite)).toBe(true);
    if (targets.kind === 'classes')
      expect(targets.values.every((label) => label >= 0 && label < set.outputs)).toBe(true);
  }
  return parts.reduce((sum, { inputs, targets }) => sum + inputs.byteLength + targets.values.byteLength, 0);
}

/** That the mutations reached deep: some files stay valid, others fail in several ways; and none took seconds. */
function check(outcome: Outcome, kinds: number): void {
  expect(outcome.accepted + outcome.refused).toBe(count);
  expect(outcome.accepted).toBeGreaterThan(20);
  expect(outcome.messages.size, [...outcome.messages].join('\n')).toBeGreaterThanOrEqual(kinds);
  expect(outcome.slowest).toBeLessThan(5000);
}

const before = process.memoryUsage().rss;
afterAll(() => {
  // Every file here has less than 10 KB: even at deflate's limit none may ask for more than some tens of megabytes.
  expect(process.memoryUsage().rss - before).toBeLessThan(600e6);
});

it('every reader of a source is one of these', async () => {
  const formats = (text: string): string[] =>
    [...text.matchAll(/from '[./]+(?:src\/data\/)?formats\/([\w-]+)\.ts'/g)].map(([, name]) => name);
  const [readers, mutated] = await Promise.all(
    ['../../src/data/resolve.ts', './fuzz.test.ts'].map(async (file) =>
      formats(await fs.readFile(new URL(file, import.meta.url), 'utf8')),
    ),
  );
  expect(readers.length).toBeGreaterThan(3);
  expect(mutated).toEqual(expect.arrayContaining(readers));
});

describe('mutated files', () => {
  const safetensors = Buffer.concat(
    encodeSafetensors(
      {
        inputs: tensor(Float32Array.from(range(12)), [3, 4]),
        targets: tensor(BigInt64Array.of(0n, 1n, 2n)),
        test_inputs: tensor(Float32Array.from(range(4)), [1, 4]),
        test_targets: tensor(BigInt64Array.of(1n)),
      },
      { format: 'covature-dataset', classes: '["a","b","c"]' },
    ),
  );
  it('safetensors: tensors', async () => {
    const read = (bytes: Buffer) => {
      const { tensors } = parseSafetensors(bytes, 'f');
      return [...tensors.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    };
    check(await fuzz('safetensors', (random) => mutate(safetensors, random), read), 12);
  });
  it('safetensors: datasets', async () => {
    const read = (bytes: Buffer) => bytesIn(parseArrays('safetensors', bytes, 'f'));
    check(await fuzz('safetensors datasets', (random) => mutate(safetensors, random), read), 12);
  });
  it('safetensors: opened on disk', async () => {
    const read = async (bytes: Buffer) => {
      await fs.writeFile(folder.at('open'), bytes);
      await using file = await openSafetensors(folder.at('open'));
      let sum = 0;
      for (const key of file.places.keys()) sum += (await file.read(key)).data.byteLength;
      return sum;
    };
    check(await fuzz('safetensors on disk', (random) => mutate(safetensors, random), read), 12);
  });

  const images = idxBytes('u8', [4, 3, 3], range(36));
  const labels = idxBytes('u8', [4], [0, 1, 2, 1]);
  const floats = idxBytes('f32', [4, 2], range(8));
  it('IDX: one file, plain and gzip', async () => {
    const make = (random: Random, i: number) => {
      const source = i % 2 ? images : floats;
      // Plain; packed after the change; packed before it.
      return i % 3 === 0
        ? mutate(source, random)
        : i % 3 === 1
          ? gzipSync(mutate(source, random))
          : mutate(gzipSync(source), random);
    };
    check(await fuzz('idx', make, (bytes) => parseIdx(bytes, 'f').data.byteLength), 8);
  });
  it('IDX: datasets', async () => {
    const read = (bytes: Buffer, i: number) =>
      bytesIn(i % 2 ? idxDataset('f', images, bytes) : idxDataset('f', bytes, labels));
    check(await fuzz('idx datasets', (random, i) => mutate(i % 2 ? labels : images, random), read), 6);
  });

  it('CIFAR-10', async () => {
    const record = Buffer.concat([Buffer.of(3), Buffer.alloc(3072, 5), Buffer.of(9), Buffer.alloc(3072, 6)]);
    const read = (bytes: Buffer) => bytesIn(cifar10Dataset([{ bytes, name: 'f' }]));
    check(await fuzz('cifar', (random) => mutate(record, random), read), 2);
  });

  const header = "{'descr': '<f4', 'fortran_order': True, 'shape': (3, 4), }";
  it('npy', async () => {
    const sources = [npyBytes(header, Buffer.alloc(48)), npyBytes(header, Buffer.alloc(48), 2)];
    const read = (bytes: Buffer) => parseNpy(bytes, 'f').data.byteLength;
    check(await fuzz('npy', (random, i) => mutate(sources[i % 2], random), read), 6);
  });
  it('npz', async () => {
    const inputs = npyBytes(header, Buffer.alloc(48));
    const targets = npyBytes("{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }", Buffer.alloc(24));
    const make = (random: Random, i: number) => {
      if (i % 4 === 0) return mutate(numpyStored, random);
      if (i % 4 === 1) return mutate(numpyDeflated, random);
      const zipped = (a: Buffer, b: Buffer) =>
        zipBytes([
          { name: 'inputs.npy', data: a, deflate: true },
          { name: 'targets.npy', data: b, deflate: i % 4 === 2 },
        ]);
      // Changed inside, with checksums that are right.
      if (i % 8 < 4) return zipped(mutate(inputs, random), mutate(targets, random));
      return mutate(zipped(inputs, targets), random);
    };
    check(await fuzz('npz', make, (bytes) => bytesIn(parseArrays('npz', bytes, 'f'))), 15);
  });

  it('CSV', async () => {
    const table = Buffer.from('a,"b, c",kind\n1,2.5,cat\n-3,1e2,"dog"\n0.5,7,cat\n');
    const numbers = Buffer.from('1;2;3\r\n4;5;6\r\n7;8;9\r\n');
    const read = (bytes: Buffer, i: number) =>
      bytesIn(parseCsv(bytes, 'f', i % 4 < 2 ? {} : { task: 'regression', target: 0 }));
    check(await fuzz('csv', (random, i) => mutate(i % 2 ? table : numbers, random), read), 6);
  });

  it('tar', async () => {
    const archive = tarBytes([
      { name: 'a', data: 'x'.repeat(600) },
      { name: 'b', data: 'y' },
    ]);
    const read = async (bytes: Buffer) => {
      let sum = 0;
      for await (const { body } of readTar(
        (async function* () {
          yield bytes;
        })(),
        'f',
        1e6,
      ))
        // prettier-ignore
        for await (const chunk of body) sum += chunk.length;
      return sum;
    };
    check(await fuzz('tar', (random) => mutate(archive, random), read), 3);
  });
});
