/** The built-in study: what it consists of, and its table and figure of stored measurements. */
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RunRecord } from '../../../src/main/store/index.ts';
import { cellsOf, studyCsv, studyFigure } from '../../../src/main/study/results.ts';
import type { StudyRow } from '../../../src/main/study/results.ts';
import {
  planSettingsStudy,
  settingsCells,
  settingsCsv,
  settingsFigure,
  settingsLack,
} from '../../../src/main/study/settings-study.ts';
import { planStudy } from '../../../src/main/study/study.ts';
import type { MeasurementSummary } from '../../../src/shared/results.ts';
import { summaryOf } from '../store/support/samples.ts';
import { temporaryFolder } from '../../support/cli.ts';

const folder = temporaryFolder();

describe('the plan', () => {
  test('leaves out what is not here, with the reason, and takes every network, loss and seed of what is', async () => {
    const plan = await planStudy('full', folder);
    expect(plan.absent.map((each) => each.dataset)).toEqual(['mnist', 'fashion-mnist', 'cifar-10']);
    for (const { reason } of plan.absent) expect(reason).toMatch(/is not on this machine yet/);
    expect(plan.parts.length).toBe(4 * 3 * 5);
    expect(new Set(plan.parts.map((part) => part.dataset))).toEqual(new Set(['glyphs']));
    expect(new Set(plan.parts.map((part) => part.loss))).toEqual(
      new Set(['cross-entropy', 'mse', 'binary-cross-entropy']),
    );
  });

  test('the full study has the first dense layer of the networks that it trains on 8,000 samples, the quick one neither it nor a third loss', async () => {
    const [full, quick] = [await planStudy('full', folder), await planStudy('quick', folder)];
    const first = ({ parts }: typeof full) =>
      parts
        .filter(({ experiment }) => experiment.measurements.some(({ parameters }) => parameters.includes('fc1.kernel')))
        .filter(({ architecture }) => architecture === 'mlp');
    expect(first(full).length).toBe(3 * 5);
    for (const { experiment } of first(full))
      expect(experiment.measurements[1]).toMatchObject({ method: 'projected', samples: 8000, top: 100 });
    expect(first(quick)).toEqual([]);
    expect(quick.parts.length).toBe(4 * 2);
    expect(quick.parts.every(({ loss }) => loss !== 'binary-cross-entropy')).toBe(true);
  });

  test('reads a part of CIFAR-10 from a folder of the user', async () => {
    const own = path.join(folder, 'own');
    mkdirSync(path.join(own, 'cifar-10'), { recursive: true });
    // 1,000 records of a label and 3,072 bytes.
    const batch = Buffer.alloc(1000 * 3073, 7);
    for (let i = 0; i < 1000; i++) batch[i * 3073] = i % 10;
    writeFileSync(path.join(own, 'cifar-10', 'data_batch_1.bin'), batch);
    writeFileSync(path.join(own, 'cifar-10', 'test_batch.bin'), batch);
    const plan = await planStudy('quick', folder, own);
    const part = plan.parts.find((each) => each.dataset === 'cifar-10');
    expect(part?.experiment.dataset).toMatchObject({ path: path.join(own, 'cifar-10') });
    expect(part?.experiment.model.input).toEqual([32, 32, 3]);
  });
});

test('the table says what the figure leaves out, and why', async () => {
  const { parts } = await planStudy('quick', folder);
  const run = { status: 'done', error: null, values: { loss: { value: 0.5, text: null } } } as unknown as RunRecord;
  const measured = (parameter: string, n: number, decades: number): MeasurementSummary => {
    const summary = summaryOf(parameter, 1.25);
    const slopes = { ...summary.gamma.training_set[0].gamma, ols: 1.25, interval: { ols: [1.2, 1.3] as const } };
    const row = { ...summary.gamma.training_set[0], cutoff: 1e-2, n, decades, gamma: slopes, gamma_Q: slopes };
    return { ...summary, gamma: { ...summary.gamma, training_set: [row] } };
  };
  const part = parts[0];
  const rows: StudyRow[] = [
    { part, run, parameter: 'fc2.kernel', summary: measured('fc2.kernel', 50, 1.9), error: null },
    { part, run, parameter: 'fc3.kernel', summary: measured('fc3.kernel', 4, 1.9), error: null },
    { part, run, parameter: 'fc4.kernel', summary: null, error: 'too large, by far' },
  ];
  expect(rows.map((row) => cellsOf(row).remark)).toEqual(['', 'only 4 directions', 'too large, by far']);
  expect(cellsOf(rows[0])).toMatchObject({ gamma: 1.25, gamma_low: 1.2, gamma_high: 1.3, loss_reached: 0.5 });
  const lines = studyCsv(rows).trim().split('\n');
  expect(lines.length).toBe(4);
  expect(lines[0]).toMatch(/^dataset,network,loss,seed,layer,method,directions,decades,gamma,/);
  expect(lines[3]).toMatch(/"too large, by far"$/);
  const figure = studyFigure(rows);
  expect(figure?.left).toBe(2);
  expect(figure?.spec.panels.map((panel) => panel.title)).toEqual(['glyphs, MLP']);
  expect(studyFigure(rows.slice(1))).toBeNull();
});

describe('the study of settings', () => {
  test('varies one setting at a time about a base that is measured over training, over seeds, with the first layer projected', async () => {
    const { parts, absent } = await planSettingsStudy(folder);
    expect(absent.map(({ dataset }) => dataset)).toEqual(['mnist']);
    expect(parts.length).toBe((1 + 5 * 2) * 5);
    const names = [...new Set(parts.map(({ experiment }) => experiment.name))];
    expect(names).toContain('glyphs, base');
    expect(names).toContain('glyphs, label noise 0.3');
    const base = parts[0].experiment;
    expect(base.measurements[0].when).toEqual({ kind: 'epochs', epochs: [0, 1, 3, 10, 20] });
    expect(base.measurements[1]).toMatchObject({ parameters: ['fc1.kernel'], method: 'projected' });
    expect(new Set(parts.map(({ loss }) => loss))).toEqual(new Set(['cross-entropy', 'mse', 'binary-cross-entropy']));
    for (const { experiment } of parts)
      expect(experiment.measurements.every(({ samples }) => samples === 8000)).toBe(true);
  });

  test('of part of the settings it has the base and those, and its figure says what was left out', async () => {
    const scale = { train: 4000, seeds: [1, 2], vary: ['batch size'] } as const;
    const { parts } = await planSettingsStudy(folder, undefined, scale);
    expect(parts.length).toBe((1 + 2) * 2);
    const lack =
      'left out of the study: width, learning rate, label noise, loss; samples (4000 of 8000); seeds (2 of 5)';
    expect(settingsLack(scale)).toBe(lack);
    expect(settingsLack({ train: 8000, seeds: [1, 2, 3, 4, 5] })).toBeNull();
    const rows = parts.map((part) => ({
      part,
      parameter: 'fc2.kernel',
      epoch: 20,
      summary: summaryOf('fc2.kernel', 1),
    }));
    expect(settingsFigure(rows, lack)?.notes).toContain(lack);
    expect(settingsFigure(rows)?.panels.length).toBe(1);
    expect(new Set(settingsCells(rows).map(({ setting }) => setting))).toEqual(new Set(['epoch', 'batch size']));
  });

  test('its table has mean and deviation over the seeds of every value, its figure a panel a setting', async () => {
    const { parts } = await planSettingsStudy(folder, undefined, { train: 100, seeds: [1, 2] });
    const rows = parts.map((part) => ({
      part,
      parameter: 'fc2.kernel',
      epoch: 20,
      summary: summaryOf('fc2.kernel', 1 + Number(part.settings['batch size']) / 1000 + part.seed / 100),
    }));
    const cells = settingsCells(rows);
    const batches = cells.filter(({ setting }) => setting === 'batch size');
    expect(batches.map(({ value }) => value)).toEqual([10, 50, 250]);
    expect(batches[0].gamma?.n).toBe(2);
    expect(batches[0].gamma?.mean).toBeCloseTo(1 + 0.01 + 0.015, 10);
    expect(batches[0].gamma?.standard_deviation).toBeCloseTo(0.01 / Math.SQRT2, 10);
    // The base stands in every setting.
    for (const setting of ['width', 'loss', 'label noise'] as const)
      expect(cells.filter((each) => each.setting === setting).length).toBe(3);
    expect(settingsCsv(rows).trim().split('\n').length).toBe(cells.length + 1);
    expect(settingsFigure(rows)?.panels.length).toBe(5);
    expect(settingsFigure([])).toBeNull();
  });
});
