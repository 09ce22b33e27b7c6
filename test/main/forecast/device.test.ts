/** What a measurement on a device is forecast to take: what it took, else what calibration saves, else the cpu's time and a warning. */
import { describe, expect, test } from 'vitest';
import { deviceSeconds } from '../../../src/main/forecast/device.ts';
import type { DeviceTask } from '../../../src/main/forecast/device.ts';
import { usualProducts } from '../../../src/main/forecast/projected.ts';
import { calibrationName, measuredName, RateBook } from '../../../src/main/forecast/rates.ts';
import { parseExperiment } from '../../../src/shared/experiment.ts';

const experiment = parseExperiment({
  name: 'e',
  dataset: { source: 'glyphs' },
  model: { input: [784], layers: [{ type: 'dense', name: 'fc', units: 10 }], loss: 'mse' },
  optimiser: { lr: 0.1 },
  batch_size: 20,
  epochs: 1,
  measurements: [{ parameters: ['fc.kernel'] }],
});
const { model, measurements } = experiment;
const [spec] = measurements;
const task: DeviceTask = {
  model,
  parameter: 'fc.kernel',
  spec,
  method: 'exact',
  samples: 8000,
  available: 8000,
  top: 20,
  d: 7840,
};
const book = (rates: Record<string, number>): RateBook =>
  new RateBook('m', { m: Object.fromEntries(Object.entries(rates).map(([name, seconds]) => [name, { seconds }])) });
const calibration = (method: 'exact' | 'projected'): string => calibrationName(model, 'fc.kernel', method, 8000);
const measured = (method: 'exact' | 'projected'): string => measuredName(model, 'fc.kernel', spec, 8000, method);

const device = (rates: Record<string, number>, isCalibrated: boolean) => ({
  title: 'a card',
  book: book(rates),
  isCalibrated,
});

describe('a named device', () => {
  test('what the measurement took there the last time', () => {
    const found = deviceSeconds(device({ [measured('exact')]: 3 }, false), task, { seconds: 60, book: book({}) });
    expect(found).toEqual({ seconds: 3, warning: null });
  });

  test("the cpu's, and a warning, where nothing is known", () => {
    const found = deviceSeconds(device({}, false), task, { seconds: 60, book: book({ [calibration('exact')]: 2 }) });
    expect(found.seconds).toBe(60);
    expect(found.warning).toBe("fc.kernel: how long it takes on a card is not known yet; its time is the cpu's");
  });

  test('what calibration saves, for all samples and products', () => {
    const exact = { seconds: 60, book: book({ [calibration('exact')]: 2, [calibration('projected')]: 0.02 }) };
    const card = device({ [calibration('exact')]: 0.5, [calibration('projected')]: 0.01 }, false);
    expect(deviceSeconds(card, task, exact)).toEqual({ seconds: 60 - (1.5 * 8000) / 1024, warning: null });
    // Searches, residuals, the samples' values along 20 directions of all, both halves and one again, 16 probes.
    const products = 2 * usualProducts(20, 7840) + 20 + 50 + 16;
    const projected = deviceSeconds(card, { ...task, method: 'projected' }, exact);
    expect(projected.seconds).toBeCloseTo(60 - (0.01 * products * 8000) / 1024, 9);
  });

  test('never less than its own part', () => {
    const found = deviceSeconds(device({ [calibration('exact')]: 0.5 }, false), task, {
      seconds: 1,
      book: book({ [calibration('exact')]: 2 }),
    });
    expect(found.seconds).toBe((0.5 * 8000) / 1024);
  });
});

describe('under auto', () => {
  test("the cpu's where calibration found it the faster", () => {
    const card = device({ [calibration('exact')]: 3, [measured('exact')]: 9 }, true);
    const found = deviceSeconds(card, task, { seconds: 60, book: book({ [calibration('exact')]: 2 }) });
    expect(found).toEqual({ seconds: 60, warning: null });
  });

  test("the device's where it found that one the faster", () => {
    const card = device({ [calibration('exact')]: 1, [measured('exact')]: 9 }, true);
    const found = deviceSeconds(card, task, { seconds: 60, book: book({ [calibration('exact')]: 2 }) });
    expect(found).toEqual({ seconds: 9, warning: null });
  });

  test('a warning where the two were not compared yet', () => {
    const found = deviceSeconds(device({}, true), task, { seconds: 60, book: book({}) });
    expect(found.seconds).toBe(60);
    expect(found.warning).toContain("its time is the cpu's, which measures it if it is the faster");
  });
});

test('float32 has a name of its own, float64 that of the cpu unasked', () => {
  const name = (precision?: 'float32' | 'float64'): string =>
    measuredName(model, 'fc.kernel', { ...spec, ...(precision && { precision }) }, 8000, 'exact');
  expect(name('float32')).not.toBe(name());
  expect(name('float64')).toBe(name());
});
