/**
 * 2,000 mutated `.covature` files, in their bytes and in their document with checksums that are right: each is imported whole or refused with an InputError, and
 * the store that they are offered to stays sound.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unzipSync, zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { importRunFile, writeRunFile } from '../../../src/main/services/run-file.ts';
import { InputError } from '../../../src/shared/errors.ts';
import { Random } from '../../../src/shared/random.ts';
import { mutate } from '../../support/mutate.ts';
import { experiment, summaryOf, workplace } from './support/stores.ts';

const count = 2000;

describe('mutated run files', () => {
  const place = workplace();

  it('are imported whole or refused, and leave the store sound', { timeout: 300_000 }, async () => {
    const source = place.open();
    const run = source.createRun({ name: 'small', experiment, tags: ['paper'] });
    source.setRunStatus(run, 'running');
    source.appendBatch(run, { number: 0, metrics: { loss: { steps: [1, 2], values: [1, 0.5] } }, log: [], step: 2 });
    const arrays = { chunks: [Buffer.from('arrays')] };
    source.addMeasurement(run, {
      parameter: 'fc.kernel',
      step: 2,
      origin: 'schedule',
      summary: summaryOf('fc.kernel', 1.2),
      arrays,
    });
    source.addCheckpoint(run, { step: 2, file: { chunks: [Buffer.from('weights')] }, state: { lr: 0.1 } });
    source.setRunStatus(run, 'done');
    const file = join(place.folder(), 'small.covature');
    await writeRunFile(source.exportRun(run), file);
    const whole = readFileSync(file);
    const parts = unzipSync(whole);
    const document = Buffer.from(parts['run.json']);

    const target = place.open();
    const random = new Random(2026, 'fuzz run files');
    const messages = new Set<string>();
    let imported = 0;
    for (let i = 0; i < count; i++) {
      const bytes =
        i % 2 === 0 ? mutate(whole, random) : zipSync({ ...parts, 'run.json': mutate(document, random) }, { level: 0 });
      writeFileSync(file, bytes);
      try {
        const { id } = await importRunFile(target, file);
        expect(target.getRun(id)?.name).toBeTypeOf('string');
        target.series(id);
        target.measurements(id);
        imported++;
      } catch (error) {
        if (!(error instanceof InputError)) throw new Error(`mutation ${i}: ${String(error)}`, { cause: error });
        messages.add(error.message.replace(/"[^"]*"|\d+/g, '#').slice(0, 60));
      }
    }
    expect(imported).toBeGreaterThan(20);
    expect(messages.size).toBeGreaterThan(20);
    expect((await target.doctor({ repair: false })).problems).toEqual([]);
  });
});
