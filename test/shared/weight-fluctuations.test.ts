/** What is said of a stretch whose ratios do not test the theory alone. */
import { expect, test } from 'vitest';
import { stretchCaveats } from '../../src/shared/weight-fluctuations.ts';
import type { FluctuationMode, WeightFluctuationsSummary } from '../../src/shared/weight-fluctuations.ts';

const stretch = (frozen: boolean, ...losses: readonly (readonly [number, number])[]) =>
  ({
    frozen,
    modes: losses.map((loss): Partial<FluctuationMode> => ({ mode: 'epoch', loss })),
  }) as Pick<WeightFluctuationsSummary, 'frozen' | 'modes'>;

test('a stretch at rest with the other layers held needs no caveat', () => {
  expect(stretchCaveats(stretch(true, [0.0105, 0.0101]))).toEqual([]);
});

test('layers that move and a loss that changes are said, with the numbers', () => {
  expect(stretchCaveats(stretch(false, [0.0105, 0.0101]))).toEqual([expect.stringMatching(/^All layers move/)]);
  const [moving, unsettled] = stretchCaveats(stretch(false, [0.0105, 0.01], [0.010493, 0.0041296]));
  expect(moving).toMatch(/test both together/);
  expect(unsettled).toContain('the loss went from 0.0105 to 0.00413 (epoch shuffling) over the stretch');
  // A loss that grows is no rest either.
  expect(stretchCaveats(stretch(true, [0.01, 0.012]))).toHaveLength(1);
});
