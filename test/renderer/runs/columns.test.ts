/** What the columns of the table of runs, and of a comparison's results, are called. */
import { expect, test } from 'vitest';
import { columnOf } from '../../../src/renderer/runs/columns.ts';

test.each([
  ['optimiser.lr', 'Learning rate'],
  ['gamma.fc2', 'γ fc2'],
  ['gamma_Q.fc2', 'γ_Q fc2'],
  ['gamma.fc2.cross_fitted', 'γ fc2, cross-fitted'],
  ['gamma.cross_fitted.ln1.gain@1e-4', 'γ ln1.gain, cross-fitted, cutoff 1e-4'],
  ['gamma.training_set.fc2@1e-2', 'γ fc2, cutoff 1e-2'],
  ['C_on_Q.fc2', 'C on Q fc2'],
  ['cosine_CH.network', 'cos(C, H) network'],
  ['cosine_CQ.fc3', 'cos(C, Q) fc3'],
  ['commutator_ratio.fc3', 'commutator fc3'],
  ['sharpness.attn.query.kernel', 'largest H attn.query.kernel'],
  ['trace.fc1', 'tr H fc1'],
  ['convergence.fc1', 'convergence fc1'],
])('%s is called "%s"', (key, title) => {
  expect(columnOf(key).title).toBe(title);
});
