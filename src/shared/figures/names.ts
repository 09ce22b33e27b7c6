/** What settings and series are called on the axes of figures. */

const settings: Readonly<Record<string, string>> = {
  'optimiser.lr': 'learning rate',
  'optimiser.momentum': 'momentum',
  'optimiser.weight_decay': 'weight decay',
  batch_size: 'batch size',
  epochs: 'epochs',
  'model.loss': 'loss',
  'dataset.source': 'dataset',
  'dataset.train': 'training samples',
  'dataset.subset.count': 'training samples',
  'initialisation.kind': 'initialisation',
  'initialisation.gain': 'gain of the initialisation',
};

/** "optimiser.lr" -> "learning rate"; a path without a name of its own as it is, without signs that TeX reads. */
export function settingName(path: string): string {
  return settings[path] ?? path.replace(/_/g, ' ').replace(/[$\\{}^]/g, '');
}

const metrics: Readonly<Record<string, string>> = {
  loss: 'training loss',
  batch_loss: 'loss of the minibatch',
  test_loss: 'test loss',
  accuracy: 'training accuracy',
  test_accuracy: 'test accuracy',
  lr: 'learning rate',
};

export function metricName(series: string): string {
  return metrics[series] ?? series.replace(/_/g, ' ').replace(/[$\\{}^]/g, '');
}
