/** Columns of the table of runs: what each is called and how its cells read. */
import { ago, duration, integerText, numberText, percentText, plainText, summaryText } from '../format.ts';
import { settingName } from '../../shared/settings.ts';
import type { RunGroup, RunRow } from '../../shared/contract/index.ts';

export interface Column {
  readonly key: string;
  readonly title: string;
  /** CSS pixels. */
  readonly width: number;
  readonly number: boolean;
  /** Delivered in `values`, so it has to be requested. */
  readonly value: boolean;
}

const known: Readonly<Record<string, Partial<Omit<Column, 'key'>>>> = {
  name: { title: 'Name', width: 200, number: false, value: false },
  status: { title: 'Status', width: 112, number: false, value: false },
  dataset: { title: 'Dataset', width: 88, number: false },
  model: { title: 'Model', width: 112, number: false },
  loss: { title: 'Loss', width: 96 },
  test_loss: { title: 'Test loss', width: 96 },
  accuracy: { title: 'Accuracy', width: 88 },
  test_accuracy: { title: 'Test acc.', width: 80 },
  constant_loss: { title: 'Loss of a constant', width: 120 },
  learning: { title: 'Learning', width: 112, number: false },
  batch_size: { title: 'Batch size', width: 80 },
  'optimiser.lr': { title: 'Learning rate', width: 96 },
  'optimiser.momentum': { title: 'Momentum', width: 88 },
  epochs: { title: 'Epochs', width: 72 },
  'model.loss': { title: 'Loss function', width: 112, number: false },
  activation: { title: 'Activation', width: 88, number: false },
  seed: { title: 'Seed', width: 56, number: true, value: false },
  step: { title: 'Step', width: 88, number: true, value: false },
  steps: { title: 'Steps', width: 88, number: true, value: false },
  seconds: { title: 'Time', width: 96, number: true, value: false },
  priority: { title: 'Priority', width: 72, number: true, value: false },
  started: { title: 'Started', width: 96, number: false, value: false },
  created: { title: 'Created', width: 96, number: false, value: false },
  ended: { title: 'Ended', width: 96, number: false, value: false },
  updated: { title: 'Changed', width: 96, number: false, value: false },
  tags: { title: 'Tags', width: 96, number: false, value: false },
  notes: { title: 'Notes', width: 200, number: false, value: false },
  error: { title: 'Error', width: 240, number: false, value: false },
  id: { title: 'Id', width: 136, number: false, value: false },
  project: { title: 'Project', width: 112, number: false, value: false },
  setup: { title: 'Setup', width: 104, number: false, value: false },
  parent: { title: 'Parent', width: 136, number: false, value: false },
  relation: { title: 'Relation', width: 80, number: false, value: false },
};

export const firstColumns: readonly string[] = [
  'name',
  'status',
  'dataset',
  'model',
  'optimiser.lr',
  'batch_size',
  'loss',
  'test_accuracy',
  'gamma.fc2',
  'started',
  'tags',
];

/** Not shown by `cellText`, so not offered. */
export const withoutCells: ReadonlySet<string> = new Set(['host', 'colour']);

export function columnOf(key: string, width?: number): Column {
  const column: Column = {
    key,
    title: titleOf(key),
    width: key.startsWith('gamma') ? 120 : 112,
    number: true,
    value: true,
    ...known[key],
  };
  return width === undefined ? column : { ...column, width };
}

/** Column widths that can be chosen, CSS pixels. */
export const narrowest = 48;
export const widest = 640;

/** Results of a layer, by the first part of their key (src/main/store/summary.ts). */
const resultNames: Readonly<Record<string, string>> = {
  gamma: 'γ',
  gamma_Q: 'γ_Q',
  C_on_Q: 'C on Q',
  cosine_CH: 'cos(C, H)',
  cosine_CQ: 'cos(C, Q)',
  commutator_ratio: 'commutator',
  sharpness: 'largest H',
  trace: 'tr H',
  convergence: 'convergence',
};

/** A setting by its name with a capital; a result by its name and its layer. */
export function titleOf(key: string): string {
  const title = known[key]?.title;
  if (title !== undefined) return title;
  const [, first = '', rest = ''] = /^(\w+)\.(.+)$/.exec(key) ?? [];
  if (!Object.hasOwn(resultNames, first)) {
    const name = settingName(key);
    return name.charAt(0).toUpperCase() + name.slice(1);
  }
  const [place, cutoff] = rest.split('@');
  const layer = place.replace(/^(training_set|cross_fitted)\.|\.cross_fitted$/, '');
  const isCrossFitted = place !== layer && !place.startsWith('training_set.');
  return `${resultNames[first]} ${layer}${isCrossFitted ? ', cross-fitted' : ''}${cutoff === undefined ? '' : `, cutoff ${cutoff}`}`;
}

export function cellText(row: RunRow, key: string, now: number, projects: ReadonlyMap<string, string>): string {
  switch (key) {
    case 'name':
    case 'status':
    case 'id':
    case 'notes':
      return row[key];
    case 'setup':
      return row.setup.slice(0, 10);
    case 'error':
    case 'parent':
    case 'relation':
      return row[key] ?? '';
    case 'project':
      return row.project === null ? '' : (projects.get(row.project) ?? '');
    case 'seed':
    case 'steps':
      return row[key] === null ? '' : integerText(row[key]);
    case 'step':
    case 'priority':
      return integerText(row[key]);
    case 'seconds':
      return duration(runningSeconds(row, now));
    case 'started':
    case 'ended':
      return row[key] === null ? '' : ago(row[key], now);
    case 'created':
    case 'updated':
      return ago(row[key], now);
    case 'tags':
      return row.tags.join(', ');
    case 'loss':
      // The name of the loss, which goes by the same key, is in `model.loss`.
      return row.values['loss']?.value === null ? '' : summaryText(row.values['loss'], key);
    default:
      return summaryText(row.values[key], key);
  }
}

/** The content of a column for a group: mean and interval over its runs, or the texts they share. */
export function groupText(group: RunGroup, key: string, now: number, projects: ReadonlyMap<string, string>): string {
  const statistics = group.values[key];
  if (statistics !== undefined) {
    const { mean, interval, smallest, largest } = statistics;
    if (key === 'started' || key === 'ended' || key === 'created' || key === 'updated') return ago(largest, now);
    if (key === 'seconds') return duration(mean);
    const alone = smallest === largest ? smallest : interval === null ? mean : null;
    if (alone !== null || interval === null)
      return summaryText({ value: alone, text: null, low: null, high: null }, key);
    // The interval of a mean over runs, not of an estimate.
    return summaryText({ value: mean, text: null, low: interval[0], high: interval[1] }, key.replace(/^trace\./, ''));
  }
  const texts = group.texts[key];
  if (texts === undefined || key === 'loss') return '';
  if (texts.distinct > 1) return `${integerText(texts.distinct)} different`;
  return key === 'project' ? (projects.get(texts.text) ?? texts.text) : texts.text;
}

/** The same in a sentence, for a title. */
export function groupTitle({ values }: RunGroup, key: string): string | undefined {
  const statistics = values[key];
  if (statistics === undefined || statistics.n < 2) return undefined;
  const { n, mean, standard_deviation: deviation, smallest, largest } = statistics;
  return `mean ${numberText(mean, 4)} over ${integerText(n)} runs, standard deviation ${numberText(deviation ?? 0, 3)}, ${numberText(smallest, 4)} to ${numberText(largest, 4)}; ± is the 95 % interval of the mean (Student's t)`;
}

/** The name of a group: the values of its fields, or its newest run. */
export function groupName({ key, name }: RunGroup, projects: ReadonlyMap<string, string>): string {
  const entries = Object.entries(key).filter(([field]) => field !== 'setup');
  if (entries.length === 0) return name;
  return entries
    .map(([field, value]) => {
      const text =
        value === null
          ? 'none'
          : field === 'project'
            ? (projects.get(String(value)) ?? String(value))
            : typeof value === 'number'
              ? field.endsWith('accuracy')
                ? percentText(value)
                : plainText(value)
              : value;
      return `${titleOf(field).toLowerCase()} ${text}`;
    })
    .join(', ');
}

/** Running time goes on between two readings of the row. */
export function runningSeconds(row: Pick<RunRow, 'seconds' | 'resumed' | 'status'>, now: number): number {
  return row.status === 'running' && row.resumed !== null
    ? row.seconds + Math.max(0, (now - row.resumed) / 1000)
    : row.seconds;
}
