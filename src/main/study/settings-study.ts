/**
 * What the exponent depends on: one fully connected network, one setting varied at a time from a base, over seeds: epochs of training, batch size, width, learning rate, label
 * noise and loss, with the first dense layer (projected) beside the middle one. A part of the built-in study with its own table and figure.
 */
import { existsSync } from 'node:fs';
import * as path from 'node:path';
import { resolveDataset } from '../../data/resolve.ts';
import { parseDataset } from '../../shared/dataset.ts';
import { InputError } from '../../shared/errors.ts';
import { findRow } from '../../shared/estimands.ts';
import { parseExperiment } from '../../shared/experiment.ts';
import { gammaAgainstHyperparameter } from '../../shared/figures/figures/gamma.ts';
import { composePanels } from '../../shared/figures/figures/panels.ts';
import type { FigureSpec } from '../../shared/figures/types.ts';
import { statisticsOf } from '../../shared/group-statistics.ts';
import type { GroupStatistics } from '../../shared/group-statistics.ts';
import type { LossName } from '../../shared/model.ts';
import type { MeasurementSummary } from '../../shared/results.ts';
import { studyModel } from './architectures.ts';
import { studyCutoff } from './results.ts';
import type { StudyPart, StudyPlan } from './study.ts';

/** What is varied, the base's value first. */
const varied = {
  'batch size': [50, 10, 250],
  width: [50, 30, 70],
  'learning rate': [0.1, 0.03, 0.2],
  'label noise': [0, 0.1, 0.3],
  loss: ['cross-entropy', 'mse', 'binary-cross-entropy'],
} as const;
export type SettingName = keyof typeof varied;
export const settingNames = Object.keys(varied) as SettingName[];

/** Epochs after which the base is measured; everything else at the end. */
const epochs = [0, 1, 3, 10, 20] as const;
/** Directions of the first layer. */
const top = 50;

export interface SettingsScale {
  readonly train: number;
  readonly seeds: readonly number[];
  /** Settings that are varied; default all. The base is measured over training in any case. */
  readonly vary?: readonly SettingName[] | undefined;
}

/** The study as it is meant; less is said beside its figure. */
export const wholeSettings = { train: 8000, seeds: [1, 2, 3, 4, 5] } as const satisfies SettingsScale;

/** What a study with fewer settings, samples or seeds leaves out, for its figure and its table; null if nothing is. */
export function settingsLack({ train, seeds, vary = settingNames }: SettingsScale): string | null {
  const settings = settingNames.filter((name) => !vary.includes(name));
  const lacking = [
    ...(settings.length === 0 ? [] : [settings.join(', ')]),
    ...(train < wholeSettings.train ? [`samples (${train} of ${wholeSettings.train})`] : []),
    ...(seeds.length < wholeSettings.seeds.length ? [`seeds (${seeds.length} of ${wholeSettings.seeds.length})`] : []),
  ];
  return lacking.length === 0 ? null : `left out of the study: ${lacking.join('; ')}`;
}

/** The value of every setting of a part; a part of the base has all of the first values. */
export type SettingsPart = StudyPart & { readonly settings: Readonly<Record<SettingName, number | string>> };

/** @param dataset as an experiment has it, without targets @param shape of an image */
export function planSettings(
  { train, seeds, vary = settingNames }: SettingsScale,
  source: string,
  dataset: object,
  shape: readonly number[],
  outputs: number,
): SettingsPart[] {
  const base = Object.fromEntries(settingNames.map((name) => [name, varied[name][0]])) as SettingsPart['settings'];
  const all = [
    base,
    ...settingNames
      .filter((name) => vary.includes(name))
      .flatMap((name) => varied[name].slice(1).map((value) => ({ ...base, [name]: value }))),
  ];
  return all.flatMap((settings) =>
    seeds.map((seed): SettingsPart => {
      const loss = settings['loss'] as LossName;
      const width = Number(settings['width']);
      const isBase = settings === base;
      const noise = Number(settings['label noise']);
      const { model } = studyModel('mlp', shape, outputs, loss, width);
      const differs = settingNames.filter((name) => settings[name] !== base[name]);
      const experiment = parseExperiment({
        name: `${source}, ${isBase ? 'base' : differs.map((name) => `${name} ${settings[name]}`).join(', ')}`,
        dataset: {
          ...dataset,
          ...(noise > 0 && { label_noise: { share: noise } }),
          ...(loss !== 'cross-entropy' && { targets: 'one-hot' }),
        },
        model,
        optimiser: { lr: settings['learning rate'] },
        batch_size: settings['batch size'],
        epochs: epochs[epochs.length - 1],
        seed,
        measurements: [
          {
            parameters: ['fc2.kernel'],
            samples: train,
            ...(isBase && { when: { kind: 'epochs', epochs: [...epochs] } }),
          },
          { parameters: ['fc1.kernel'], method: 'projected', top, samples: train },
        ],
      });
      return { dataset: source, architecture: 'mlp', loss, seed, experiment, settings };
    }),
  );
}

export interface SettingsPlan extends StudyPlan {
  readonly parts: readonly SettingsPart[];
}

/** The study of what the exponent depends on on MNIST if it is here and else on glyphs. */
export async function planSettingsStudy(
  dataFolder: string,
  own?: string,
  scale: SettingsScale = wholeSettings,
): Promise<SettingsPlan> {
  const absent: { dataset: string; reason: string }[] = [];
  const { train } = scale;
  for (const source of ['mnist', 'glyphs'] as const) {
    const place = own === undefined || !existsSync(path.join(own, source)) ? {} : { path: path.join(own, source) };
    const spec =
      source === 'glyphs'
        ? { source, train, test: 1000 }
        : { source, ...place, subset: { count: train }, test_subset: { count: 1000 } };
    try {
      const { shape, outputs } = await resolveDataset(parseDataset(spec), { dataFolder });
      return {
        name: 'settings',
        tag: 'reproduce-settings',
        parts: planSettings(scale, source, spec, shape, outputs),
        absent,
      };
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      absent.push({ dataset: source, reason: error.message.split('\n')[0] });
    }
  }
  return { name: 'settings', tag: 'reproduce-settings', parts: [], absent };
}

/** One measurement of one run of the study. */
export interface SettingsRow {
  readonly part: SettingsPart;
  readonly parameter: string;
  readonly epoch: number | null;
  readonly summary: MeasurementSummary | null;
}

/** One value of one setting and layer, over seeds. */
export interface SettingsCells {
  readonly setting: SettingName | 'epoch';
  readonly value: number | string;
  readonly layer: string;
  readonly method: string;
  /** Smallest over the seeds; the largest cutoff in force of a projected measurement. */
  readonly directions: number;
  readonly cutoff_in_force: number;
  readonly gamma: GroupStatistics | null;
  readonly cross_fitted_gamma: GroupStatistics | null;
  readonly calibrated_gamma: GroupStatistics | null;
  readonly gamma_Q: GroupStatistics | null;
  readonly C_on_Q: GroupStatistics | null;
}

interface Group {
  readonly setting: SettingName | 'epoch';
  readonly value: number | string;
  readonly layer: string;
  readonly summaries: readonly MeasurementSummary[];
}

const isBase = ({ settings }: SettingsPart): boolean =>
  settingNames.every((name) => settings[name] === varied[name][0]);

/** Measurements by setting, value and layer, in the order of the study; the base stands in every setting that was varied. */
function groupsOf(rows: readonly SettingsRow[]): Group[] {
  const last = epochs[epochs.length - 1];
  const layers = [...new Set(rows.map(({ parameter }) => parameter))];
  const group = (
    setting: Group['setting'],
    value: number | string,
    layer: string,
    own: (row: SettingsRow) => boolean,
  ): Group[] => {
    const summaries = rows.flatMap((row) =>
      row.parameter === layer && row.summary !== null && own(row) ? [row.summary] : [],
    );
    return summaries.length === 0 ? [] : [{ setting, value, layer, summaries }];
  };
  const atEnd = ({ epoch }: SettingsRow): boolean => epoch === null || epoch >= last;
  return layers.flatMap((layer) => [
    ...epochs.flatMap((epoch) => group('epoch', epoch, layer, (row) => isBase(row.part) && row.epoch === epoch)),
    // What was not varied has the base alone, which stands under the last epoch.
    ...settingNames
      .filter((name) => new Set(rows.map(({ part }) => part.settings[name])).size > 1)
      .flatMap((name) =>
        varied[name]
          .toSorted((a, b) => (typeof a === 'number' && typeof b === 'number' ? a - b : 0))
          .flatMap((value) =>
            group(
              name,
              value,
              layer,
              (row) =>
                atEnd(row) &&
                row.part.settings[name] === value &&
                settingNames.every((other) => other === name || row.part.settings[other] === varied[other][0]),
            ),
          ),
      ),
  ]);
}

export function settingsCells(rows: readonly SettingsRow[]): SettingsCells[] {
  return groupsOf(rows).map(({ setting, value, layer, summaries }) => {
    const rowsOf = (estimand: 'training_set' | 'cross_fitted') =>
      summaries.flatMap(({ gamma }) => findRow(gamma[estimand], studyCutoff) ?? []);
    const over = (values: readonly (number | null | undefined)[]): GroupStatistics | null => {
      const numbers = values.filter((each): each is number => typeof each === 'number');
      return numbers.length === 0 ? null : statisticsOf(numbers);
    };
    const training = rowsOf('training_set');
    return {
      setting,
      value,
      layer,
      method: summaries[0].method,
      directions: Math.min(...training.map(({ n }) => n)),
      cutoff_in_force: Math.max(...training.map(({ cutoff, reached }) => Math.max(cutoff, reached ?? 0))),
      gamma: over(training.map(({ gamma }) => gamma.ols)),
      cross_fitted_gamma: over(rowsOf('cross_fitted').map(({ gamma }) => gamma.ols)),
      calibrated_gamma: over(
        summaries.map(({ calibration }) => calibration && findRow(calibration.rows, studyCutoff)?.simulated?.value),
      ),
      gamma_Q: over(training.map(({ gamma_Q }) => gamma_Q.ols)),
      C_on_Q: over(training.map(({ C_on_Q }) => C_on_Q.ols)),
    };
  });
}

const statisticNames = ['gamma', 'cross_fitted_gamma', 'calibrated_gamma', 'gamma_Q', 'C_on_Q'] as const;

/** Comma-separated, a line of heads first: mean, standard deviation and number over the seeds of every slope. */
export function settingsCsv(rows: readonly SettingsRow[]): string {
  const heads = [
    'setting', 'value', 'layer', 'method', 'directions', 'cutoff_in_force',
    ...statisticNames.flatMap((name) => [name, `${name}_deviation`, `${name}_runs`]),
  ]; // prettier-ignore
  const lines = settingsCells(rows).map((cells) => [
    cells.setting, cells.value, cells.layer, cells.method, cells.directions, cells.cutoff_in_force,
    ...statisticNames.flatMap((name) => [cells[name]?.mean ?? '', cells[name]?.standard_deviation ?? '', cells[name]?.n ?? '']),
  ]); // prettier-ignore
  return [heads, ...lines].map((line) => line.join(',')).join('\n') + '\n';
}

/** gamma of the middle layer against each setting and over training, seeds averaged; null if nothing was measured. @param lack what the study leaves out */
export function settingsFigure(rows: readonly SettingsRow[], lack: string | null = null): FigureSpec | null {
  const groups = groupsOf(rows).filter(({ layer }) => layer === 'fc2.kernel');
  const panels = (['epoch', ...settingNames] as const).flatMap((setting) => {
    const groupsOfSetting = groups.filter((group) => group.setting === setting);
    if (groupsOfSetting.length < 2) return [];
    const points = groupsOfSetting.map(({ value, summaries }) => ({
      value,
      measurements: summaries.map((summary) => ({ summary, arrays: {} })),
    }));
    return [gammaAgainstHyperparameter(points, { parameter: setting, cutoff: studyCutoff })];
  });
  if (panels.length === 0) return null;
  const spec = composePanels(panels, {
    columns: Math.min(3, panels.length),
    width_mm: 180,
    shareY: true,
    title: 'What the exponent depends on',
  });
  const notes = [`fc2, least squares above ${studyCutoff} of the largest eigenvalue`, ...(lack === null ? [] : [lack])];
  return { ...spec, notes: [...spec.notes, ...notes] };
}
