import * as fs from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { countClasses } from '../../../src/data/dataset.ts';
import { cifar10Classes, parseCifar10, readCifar10 } from '../../../src/data/formats/cifar10.ts';
import { InputError } from '../../../src/shared/errors.ts';
import { describeWhere } from '../../support/skips.ts';
import { range, sharedData, temporaryFolder } from '../support.ts';

const folder = temporaryFolder();
/** A record whose bytes tell channel, row and column. */
const record = (label: number) =>
  Buffer.from([
    label,
    ...range(3072).map((i) => (85 * Math.floor(i / 1024) + 7 * (Math.floor(i / 32) % 32) + (i % 32)) % 256),
  ]);

describe('CIFAR-10', () => {
  it('turns planes into [row, column, channel]', () => {
    const { inputs, labels } = parseCifar10(Buffer.concat([record(3), record(9)]), 'x');
    expect([...labels]).toEqual([3, 9]);
    for (const [n, row, column, channel] of [
      [0, 0, 0, 0],
      [0, 5, 31, 2],
      [1, 31, 17, 1],
    ] as const)
      expect(inputs[((n * 32 + row) * 32 + column) * 3 + channel]).toBe((85 * channel + 7 * row + column) % 256);
  });

  it('reads the batches that are there, in order, in the folder or the archive’s', async () => {
    for (const at of [folder.at('plain'), folder.at('packed', 'cifar-10-batches-bin')]) {
      await fs.mkdir(at, { recursive: true });
      await fs.writeFile(`${at}/data_batch_3.bin`, record(3));
      await fs.writeFile(`${at}/data_batch_1.bin`, record(1));
    }
    await fs.writeFile(folder.at('plain', 'test_batch.bin'), record(0));
    const set = await readCifar10(folder.at('plain'));
    expect([set.shape, set.classes, set.train.count, set.test!.count]).toEqual([[32, 32, 3], cifar10Classes, 2, 1]);
    expect([...set.train.targets.values]).toEqual([1, 3]);
    expect((await readCifar10(folder.at('packed'))).test).toBeNull();
  });

  it.each([
    ['nothing', Buffer.alloc(0), /expected a multiple of 3073 bytes, found 0/],
    ['a record cut short', record(1).subarray(1), /multiple of 3073 bytes, found 3072/],
    ['a label above 9', Buffer.concat([record(1), record(10)]), /record 1 \(from 0\) has label 10; expected 0 to 9/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => parseCifar10(bytes, 'bad.bin')).toThrow(message);
    expect(() => parseCifar10(bytes, 'bad.bin')).toThrow(InputError);
  });

  it('says which files it expects', async () => {
    await fs.mkdir(folder.at('empty'));
    await expect(readCifar10(folder.at('empty'))).rejects.toThrow(/expected data_batch_1\.bin to data_batch_5\.bin/);
    await expect(readCifar10(folder.at('none'))).rejects.toThrow(/none: no such file or folder/);
  });
});

const cifar = sharedData('cifar-10');
describeWhere(cifar.available, 'CIFAR-10 images', () => {
  it('has 1,000 training and 200 test images a class', async () => {
    const set = await readCifar10(cifar.folder);
    expect(countClasses(set.train.targets, 10)).toEqual(new Array(10).fill(1000));
    expect(countClasses(set.test!.targets, 10)).toEqual(new Array(10).fill(200));
    // Neighbouring pixels of one channel are alike; were the planes mixed up, they would not be.
    const x = set.train.inputs;
    const jump = (step: number) => {
      let sum = 0;
      for (let i = 0; i + step < 3_072_000; i += 97) sum += Math.abs(x[i] - x[i + step]);
      return sum;
    };
    expect(jump(3)).toBeLessThan(0.9 * jump(1));
  });
});
