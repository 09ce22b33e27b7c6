import { describe, expect, it } from 'vitest';
import { parseExperiment } from '../../src/shared/experiment.ts';
import { learningReason, learningState } from '../../src/shared/learning.ts';
import { plausibility } from '../../src/shared/plausible.ts';
import { tiny } from '../main/queue/support.ts';

describe('what is allowed and hardly meant', () => {
  const rows: readonly (readonly [string, object, number | null, number | null, string, string])[] = [
    ['nothing odd', {}, 400, 10, '', ''],
    ['a batch larger than the data', { batch_size: 500 }, 400, null, 'batch_size: expected at most 400', ''],
    [
      'the same, with replacement',
      { batch_size: 500, sampling: 'with_replacement' },
      400,
      null,
      '',
      'batch_size: a batch of 500',
    ],
    ['a batch of everything', { batch_size: 400 }, 400, null, '', 'batch_size: every batch is the whole'],
    ['a batch where the data are not known', { batch_size: 1e6 }, null, null, '', ''],
    ['half an epoch', { epochs: 2.5 }, 400, null, '', 'epochs: training ends within an epoch, after step 50'],
    ['no epoch', { epochs: 0 }, 400, null, '', 'epochs: no step'],
    ['1e9 epochs, time unknown', { epochs: 1e9 }, 400, null, '', 'epochs: 20,000,000,000 steps'],
    ['1e9 epochs, 880 days', { epochs: 1e9 }, 400, 880 * 86_400, '', 'epochs: a run takes about 2 years'],
    ['a run of 30 days', { epochs: 1e5 }, 400, 30 * 86_400, '', 'epochs: a run takes about 30 days'],
    ['a huge rate', { optimiser: { lr: 11 } }, 400, null, '', 'optimiser.lr: a learning rate'],
    [
      'a huge decay',
      { optimiser: { lr: 0.1, weight_decay: 1 } },
      400,
      null,
      '',
      'optimiser.weight_decay: a weight decay',
    ],
    [
      'more samples measured than there are',
      { measurements: [{ parameters: ['fc2.kernel'], samples: 401 }] },
      400,
      null,
      'measurements[0].samples: expected at most 400',
      '',
    ],
  ];
  it.each(rows)('%s', (_, changes, samples, seconds, problem, warning) => {
    const { problems, warnings } = plausibility(parseExperiment({ ...tiny, ...changes }), samples, seconds);
    const texts = (list: typeof problems): string => list.map(({ path, text }) => `${path}: ${text}`).join('\n');
    if (problem === '') expect(texts(problems)).toBe('');
    else expect(texts(problems)).toContain(problem);
    if (warning === '') expect(texts(warnings)).toBe('');
    else expect(texts(warnings)).toContain(warning);
  });
});

describe('what a network has learned', () => {
  const rows = [
    ['constant outputs', { loss: Math.log(10), constant: Math.log(10), accuracy: 0.1 }, 'did not learn'],
    ['half a per cent better', { loss: 0.995, constant: 1, accuracy: 0.12 }, 'did not learn'],
    ['two per cent better', { loss: 0.98, constant: 1, accuracy: 0.12 }, 'learned'],
    ['all right', { loss: 0.02, constant: 2.3, accuracy: 1 }, 'fits perfectly'],
    ['one wrong', { loss: 0.02, constant: 2.3, accuracy: 0.9999 }, 'learned'],
    ['a regression at its limit', { loss: 1e-8, constant: 1, accuracy: null }, 'fits perfectly'],
    ['a regression', { loss: 1e-3, constant: 1, accuracy: null }, 'learned'],
    ['equal targets', { loss: 0, constant: 0, accuracy: 1 }, null],
    ['no number', { loss: NaN, constant: 1, accuracy: null }, null],
  ] as const;
  it.each(rows)('%s', (_, numbers, state) => {
    expect(learningState(numbers)).toBe(state);
    if (state !== null) expect(learningReason(state, numbers) === '').toBe(state === 'learned');
  });
});
