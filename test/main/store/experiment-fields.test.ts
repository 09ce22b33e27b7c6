/** What the run table knows of an experiment's loss, whether it is a name or has settings. */
import { expect, test } from 'vitest';
import { fieldsOf } from '../../../src/main/store/index.ts';

test.each([
  { loss: 'mse', expected: { loss: 'mse', 'model.loss': 'mse' } },
  {
    loss: { type: 'cross-entropy', label_smoothing: 0.1 },
    expected: { loss: 'cross-entropy', 'model.loss': 'cross-entropy', 'model.loss.label_smoothing': 0.1 },
  },
])('$loss', ({ loss, expected }) => {
  expect(fieldsOf({ name: 'a', model: { input: [4], layers: [], loss } })).toMatchObject(expected);
});
