import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { sourceFigure } from '../../../src/main/figures/sources.ts';
import type { JobEvent } from '../../../src/main/jobs/protocol.ts';
import { gatherProvenance } from '../../../src/main/provenance.ts';
import { recordMeasurement, type MeasurementEvent } from '../../../src/main/services/record-measurement.ts';
import { Recorder } from '../../../src/main/services/recorder.ts';
import type { Store } from '../../../src/main/store/index.ts';
import { parseExperiment } from '../../../src/shared/experiment.ts';
import { parseRecipe } from '../../../src/shared/figures/recipe.ts';
import { summaryOf, workplace } from '../store/support/stores.ts';

const { open } = workplace();

const experiment = {
  name: 'a',
  dataset: { source: 'glyphs', train: 100 },
  model: { input: [784], layers: [{ type: 'dense', name: 'fc2', units: 10 }], loss: 'cross-entropy' },
  optimiser: { lr: 0.1 },
  batch_size: 10,
  epochs: 1,
  seed: 1,
  measurements: [{ parameters: ['fc2.kernel'], method: 'projected', top: 7 }],
};
const spec = parseExperiment(experiment).measurements[0];

function done(store: Store, gamma: number, samples: number): MeasurementEvent {
  const file = store.stagingPath('result.safetensors');
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, 'arrays');
  const summary = summaryOf('fc2.kernel', gamma, samples);
  return { kind: 'measurement', step: 10, epoch: 1, spec, summary, file: { file, bytes: 6 } };
}
const failed: MeasurementEvent = {
  kind: 'measurement-failed',
  step: 10,
  epoch: 1,
  parameter: 'fc2.kernel',
  spec,
  method: 'projected',
  error: 'out of memory',
  isInput: true,
};

/** Both ways in which a measurement comes to be stored: of the run's own schedule, and by hand. */
const ways: readonly [string, (store: Store, run: string, event: MeasurementEvent) => void][] = [
  [
    'schedule',
    (store, run, event) => {
      new Recorder(store, run, gatherProvenance(), 0).record(event satisfies JobEvent);
    },
  ],
  [
    'manual',
    (store, run, event) => {
      recordMeasurement(store, run, { step: 10, epoch: 1, origin: 'manual' }, event);
    },
  ],
];

test.each(ways)('%s: a failed measurement keeps the method it failed by and its options', (origin, record) => {
  const store = open();
  const run = store.createRun({ name: 'a', experiment });
  record(store, run, failed);
  expect(store.measurements(run)).toMatchObject([
    { state: 'failed', origin, method: 'projected', error: 'out of memory', options: { top: 7 } },
  ]);
});

test.each(ways)('%s: a measurement keeps the options it was taken with', (origin, record) => {
  const store = open();
  const run = store.createRun({ name: 'a', experiment });
  record(store, run, done(store, 1.2, 100));
  expect(store.measurements(run)).toMatchObject([{ state: 'done', origin, step: 10, options: { top: 7 } }]);
});

test('measured again with fewer samples, the table and a figure show the same measurement', () => {
  const store = open();
  const run = store.createRun({ name: 'a', experiment });
  const point = { step: 10, epoch: 1, origin: 'manual' } as const;
  const all = recordMeasurement(store, run, point, done(store, 1.2, 8000));
  const few = recordMeasurement(store, run, point, done(store, 1.9, 500));
  expect(few).not.toBe(all);
  expect(store.getRun(run)?.values['gamma.fc2'].value).toBe(1.2);
  const { data } = sourceFigure(
    store,
    parseRecipe({
      format: 'covature-figure-recipe',
      version: 1,
      name: 'a',
      figure: 'C_H',
      sources: [{ run }],
      options: {},
    }),
  );
  expect(data).toMatchObject([{ item: { id: all } }]);
});
