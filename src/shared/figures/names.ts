/** Names of series on the axes of figures. */
import { trainingTime } from '../training-time.ts';

const metrics: Readonly<Record<string, string>> = {
  loss: 'training loss',
  batch_loss: 'loss of the minibatch',
  test_loss: 'test loss',
  accuracy: 'training accuracy',
  test_accuracy: 'test accuracy',
  lr: 'learning rate',
  [trainingTime]: 'training time, s',
};

export function metricName(series: string): string {
  return metrics[series] ?? series.replace(/_/g, ' ').replace(/[$\\{}^]/g, '');
}
