/** Names of the settings of an experiment, and how their values are written: on axes, in legends, tables, names of runs and errors. */
import { integerText, numberText } from './figures/numbers.ts';

const names: Readonly<Record<string, string>> = {
  name: 'name',
  seed: 'seed',
  dataset: 'dataset',
  'dataset.source': 'kind of dataset',
  'dataset.name': 'name of the dataset',
  'dataset.path': 'path of the dataset',
  'dataset.test_path': 'path of the test data',
  'dataset.seed': 'seed of the data',
  'dataset.train': 'training samples',
  'dataset.test': 'test samples',
  'dataset.samples': 'samples',
  'dataset.subset.count': 'training samples',
  'dataset.subset.order': 'order of the subset',
  'dataset.subset.balanced': 'balanced subset',
  'dataset.subset.seed': 'seed of the subset',
  'dataset.test_subset.count': 'test samples',
  'dataset.test_subset.order': 'order of the test subset',
  'dataset.test_subset.balanced': 'balanced test subset',
  'dataset.test_subset.seed': 'seed of the test subset',
  'dataset.split.test': 'share of test samples',
  'dataset.split.seed': 'seed of the split',
  'dataset.scale': 'scale of the inputs',
  'dataset.standardise': 'standardisation',
  'dataset.label_noise.share': 'label noise',
  'dataset.label_noise.seed': 'seed of the label noise',
  'dataset.targets': 'targets',
  'dataset.classes': 'classes',
  'dataset.dimensions': 'dimensions',
  'dataset.clusters': 'clusters a class',
  'dataset.separation': 'separation of the classes',
  'dataset.hidden': "teacher's hidden widths",
  'dataset.outputs': "teacher's outputs",
  'dataset.activation': "teacher's activation",
  'dataset.noise': "noise of the teacher's outputs",
  'dataset.task': 'task',
  'dataset.gamma': 'known gamma',
  'dataset.decades': 'decades of curvature',
  model: 'model',
  activation: 'activation',
  'model.loss': 'loss function',
  'model.input': 'shape of the input',
  'initialisation.kind': 'initialisation',
  'initialisation.distribution': 'distribution of the initialisation',
  'initialisation.standard_deviation': 'standard deviation of the initialisation',
  'initialisation.scale': 'scale of the initialisation',
  'optimiser.lr': 'learning rate',
  'optimiser.momentum': 'momentum',
  'optimiser.nesterov': 'Nesterov momentum',
  'optimiser.weight_decay': 'weight decay',
  'optimiser.schedule.kind': 'schedule of the learning rate',
  'optimiser.schedule.warm_up_steps': 'warm-up steps',
  'optimiser.schedule.every_epochs': 'epochs between drops of the learning rate',
  'optimiser.schedule.factor': 'factor of a drop of the learning rate',
  'optimiser.schedule.final_lr': 'final learning rate',
  batch_size: 'batch size',
  sampling: 'sampling of minibatches',
  epochs: 'epochs',
  stop_at_loss: 'loss to stop at',
  precision: 'precision of training',
};

const fields: Readonly<Record<string, string>> = {
  units: 'units',
  filters: 'filters',
  kernel: 'kernel size',
  function: 'activation',
  bias: 'bias',
  size: 'size',
  rate: 'rate',
  heads: 'heads',
  type: 'kind',
  name: 'name',
  parameters: 'parameters',
  'when.kind': 'moments',
  'when.epochs': 'epochs',
  'when.count': 'number of moments',
  method: 'method',
  top: 'leading directions',
  which: 'end of the spectrum',
  'minibatch_noise.batch_size': 'batch size of the minibatch noise',
  'weight_fluctuations.steps': 'steps of the weight fluctuations',
  'weight_fluctuations.learning_rate': 'learning rate of the weight fluctuations',
  'density.probes': 'random vectors of the density',
  'density.steps': 'Lanczos steps of the density',
};

/** Shorter where several settings stand in one line: "learning rate 0.1, batch 50". */
const short: Readonly<Record<string, string>> = { batch_size: 'batch' };

/** Texts that make clear by themselves which setting they are a value of. */
const plainTexts: ReadonlySet<string> = new Set(['dataset', 'model', 'model.loss', 'activation']);

const lossNames: Readonly<Record<string, string>> = { mse: 'mean squared error' };
const initialisationNames: Readonly<Record<string, string>> = { he: 'He', glorot: 'Glorot', lecun: 'LeCun' };
const functionNames: Readonly<Record<string, string>> = { relu: 'ReLU', gelu: 'GELU' };

/** Without characters that have a meaning in TeX. */
const words = (text: string): string => text.replace(/[_.]+/g, ' ').replace(/[$\\{}^]/g, '');

/** "optimiser.lr" -> "learning rate", "model.layers[2].units" -> "units of layer 3"; a path without a name is written in its own words. */
export function settingName(path: string): string {
  const known = names[path];
  if (known !== undefined) return known;
  const listed = /^(model\.layers|measurements)\[(\d+)\](.*)$/.exec(path);
  if (listed !== null) {
    const [, list, index, rest] = listed;
    const owner = `${list === 'measurements' ? 'measurement' : 'layer'} ${Number(index) + 1}`;
    const inner = /^\.(?:layers|shortcut)\[(\d+)\]\.(.+)$/.exec(rest);
    if (inner !== null) return `${fields[inner[2]] ?? words(inner[2])} of layer ${Number(inner[1]) + 1} in ${owner}`;
    const field = rest.replace(/^\./, '');
    return field === '' ? owner : `${fields[field] ?? words(field)} of ${owner}`;
  }
  return words(path);
}

/** A setting's value as text: "0.1", "8 000", "on", "cross-entropy", "none" for none. */
export function settingValue(path: string, value: unknown): string {
  if (value === null || value === undefined) return 'none';
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (typeof value === 'number') return settingNumber(path, value);
  if (typeof value !== 'string') return JSON.stringify(value);
  if (path === 'model.loss') return lossNames[value] ?? value;
  if (path === 'initialisation.kind') return initialisationNames[value] ?? value;
  if (path === 'activation' || path.endsWith('.function')) return functionNames[value] ?? value;
  return value;
}

/** With all digits, so that two different values of a setting never look the same. A seed has no separators. */
function settingNumber(path: string, value: number): string {
  if (path.endsWith('seed')) return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e7) return integerText(value);
  const digits = String(Math.abs(value))
    .replace(/e.*$/, '')
    .replace('.', '')
    .replace(/^0+|0+$/g, '').length;
  const text = numberText(value, Math.max(1, digits));
  return text.includes('.') && !text.includes('×') ? text.replace(/\.?0+$/, '') : text;
}

/** "learning rate 0.1", "batch 50", "MNIST". */
export function settingText(path: string, value: unknown): string {
  const text = settingValue(path, value);
  return plainTexts.has(path) && typeof value === 'string' ? text : `${short[path] ?? settingName(path)} ${text}`;
}
