/** What series are called on the axes of figures. */

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
