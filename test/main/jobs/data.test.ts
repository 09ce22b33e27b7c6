/** The order in which a model takes the numbers of a dataset's images: kept, or turned where a PyTorch model has it otherwise. */
import * as path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { tensor, writeSafetensors } from '../../../src/data/formats/safetensors.ts';
import { prepareData, type ReadingFields } from '../../../src/main/jobs/data.ts';
import { parseDataset } from '../../../src/shared/dataset.ts';
import { parseModel } from '../../../src/shared/model.ts';
import { temporaryFolder } from '../../support/cli.ts';

const folder = temporaryFolder();
const folders = { baseFolder: folder, dataFolder: folder };
const [height, width, channels] = [2, 4, 3];
const size = height * width * channels;

/** One image whose number says where it stands: 100 channel + 10 row + column. */
const planes = Float64Array.from({ length: size }, (_, i) => {
  const [c, rest] = [Math.floor(i / (height * width)), i % (height * width)];
  return 100 * c + 10 * Math.floor(rest / width) + (rest % width);
});
const pixels = Float64Array.from({ length: size }, (_, i) => {
  const [place, c] = [Math.floor(i / channels), i % channels];
  return 100 * c + 10 * Math.floor(place / width) + (place % width);
});

const model = (input: number[]) =>
  parseModel({ input, loss: 'cross-entropy', layers: [{ type: 'flatten' }, { type: 'dense', name: 'fc', units: 2 }] });
const two = { type: 'cross-entropy', positions: 1, width: 2 } as const;
const imageModel = model([height, width, channels]);
const flatModel = model([size]);

beforeAll(async () => {
  const targets = tensor(Int32Array.of(1));
  const files: Record<string, [Float64Array, number[]]> = {
    'planes.safetensors': [planes, [1, channels, height, width]],
    'pixels.safetensors': [pixels, [1, height, width, channels]],
    'flat.safetensors': [planes, [1, size]],
  };
  for (const [name, [values, shape]] of Object.entries(files))
    await writeSafetensors(path.join(folder, name), { inputs: tensor(values, shape), targets });
});

interface Case {
  readonly title: string;
  readonly file: string;
  readonly layout: 'torch' | 'covature';
  readonly model?: typeof imageModel;
  readonly spec?: object;
  readonly expected: Float64Array;
  readonly reading: ReadingFields | null;
  readonly note?: RegExp;
}

const cases: readonly Case[] = [
  {
    title: 'images with channels first of a PyTorch model are turned',
    file: 'planes.safetensors',
    layout: 'torch',
    expected: pixels,
    reading: { channels_first: true },
    note: /^images: read as \[channels, height, width\] of \[3, 2, 4\], as PyTorch has them$/,
  },
  {
    title: 'images with channels last stay',
    file: 'pixels.safetensors',
    layout: 'torch',
    expected: pixels,
    reading: null,
  },
  {
    title: 'rows of numbers of a PyTorch model of images are channel, row, column',
    file: 'flat.safetensors',
    layout: 'torch',
    expected: pixels,
    reading: { shape: [channels, height, width], channels_first: true },
    note: /^inputs: each row of 24 numbers read as \[3, 2, 4\]: channel, row, column/,
  },
  {
    title: 'rows of numbers of a model of ours are row, column, channel',
    file: 'flat.safetensors',
    layout: 'covature',
    expected: planes,
    reading: null,
    note: /^inputs: each row of 24 numbers read as \[2, 4, 3\]: row, column, channel \("shape" and "channels_first"/,
  },
  {
    title: 'images that were channels first are flattened so for a PyTorch model of rows',
    file: 'planes.safetensors',
    layout: 'torch',
    model: flatModel,
    spec: { channels_first: true },
    expected: planes,
    reading: { flatten: 'channels-first' },
    note: /^images: flattened channel by channel/,
  },
  {
    title: 'rows for a model of rows stay',
    file: 'flat.safetensors',
    layout: 'torch',
    model: flatModel,
    expected: planes,
    reading: null,
  },
];

describe('inputs as a model takes them', () => {
  test.each(cases)('$title', async ({ file, layout, expected, reading, note, ...each }) => {
    const spec = parseDataset({ source: 'safetensors', path: file, ...each.spec });
    const wanted = each.model ?? imageModel;
    const data = await prepareData(spec, wanted, two, folders, layout);
    expect([...data.train.inputs]).toEqual([...expected]);
    expect(data.reading).toEqual(reading);
    if (note === undefined) expect(data.summary.notes).toBeUndefined();
    else expect(data.summary.notes).toEqual([expect.stringMatching(note)]);
    if (reading === null) return;
    // What the run's specification then says gives the same without the layout.
    const again = await prepareData(parseDataset({ ...spec, ...reading }), wanted, two, folders);
    expect([...again.train.inputs]).toEqual([...expected]);
  });

  test('channels first are refused where nothing says that they are', async () => {
    const spec = parseDataset({ source: 'safetensors', path: 'planes.safetensors' });
    await expect(prepareData(spec, imageModel, two, folders)).rejects.toThrow(/channels first as PyTorch has them/);
  });

  describe('token numbers', () => {
    const language = parseModel({
      input: [3],
      loss: 'cross-entropy',
      layers: [
        { type: 'embedding', name: 'wte', tokens: 5, units: 2 },
        { type: 'meanpool' },
        { type: 'dense', name: 'fc', units: 2 },
      ],
    });
    const rows: { readonly title: string; readonly inputs: Float64Array | Uint8Array; readonly message: RegExp | null }[] = [
      { title: 'of the table are taken', inputs: Float64Array.of(0, 1, 2, 2, 4, 0), message: null },
      { title: 'beyond it', inputs: Float64Array.of(0, 1, 2, 2, 5, 0), message: /training part: sample 1, place 1 holds 5; the embedding wte takes token numbers, whole from 0 to 4$/ },
      { title: 'below 0', inputs: Float64Array.of(0, 1, -1, 2, 4, 0), message: /sample 0, place 2 holds -1;/ },
      { title: 'that are not whole', inputs: Float64Array.of(0, 1, 2, 2.5, 4, 0), message: /sample 1, place 0 holds 2.5;/ },
      { title: 'kept as bytes, which are scaled', inputs: Uint8Array.of(0, 1, 2, 2, 4, 0), message: /sample 0, place 1 holds 0\.0039.*"scale": 1 in the specification/ },
    ]; // prettier-ignore
    test.each(rows)('$title', async ({ inputs, message }) => {
      const file = 'tokens.safetensors';
      await writeSafetensors(path.join(folder, file), { inputs: tensor(inputs, [2, 3]), targets: tensor(Int32Array.of(0, 1)) }); // prettier-ignore
      const taken = prepareData(parseDataset({ source: 'safetensors', path: file }), language, two, folders);
      if (message === null) expect([...(await taken).train.inputs]).toEqual([...inputs]);
      else await expect(taken).rejects.toThrow(message);
    });
  });

  test('a target beyond single precision is refused where the inputs are single', async () => {
    await writeSafetensors(path.join(folder, 'large.safetensors'), {
      inputs: tensor(new Float32Array(4), [2, 2]),
      targets: tensor(Float64Array.of(1, 1e39)),
    });
    const regression = parseModel({ input: [2], loss: 'mse', layers: [{ type: 'dense', name: 'fc', units: 1 }] });
    const spec = parseDataset({ source: 'safetensors', path: 'large.safetensors' });
    await expect(prepareData(spec, regression, { type: 'mse', positions: 1, width: 1 }, folders)).rejects.toThrow(
      /sample 1 has the target 1e\+39, which is beyond single precision/,
    );
  });
});
