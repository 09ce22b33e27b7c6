/** What of a measurement is rounding alone, and how estimates are written. */
import { describe, expect, test } from 'vitest';
import { judgeConvergence } from '../../src/shared/convergence.ts';
import type { MeasurementSummary } from '../../src/shared/results.ts';
import { definedPair, isRounding, traceText, undefinedReason } from '../../src/shared/rounding.ts';
import { measurement } from './figures/data.ts';

const whole = measurement({ d: 100 }).summary;
const floor = { H: 1e-16, C: 1e-16, Q: 1e-16 };
/** C of rounding alone: the trace of 100 errors of the floor's size. */
const withoutC: MeasurementSummary = { ...whole, floor, trace: { ...whole.trace, C: 9e-16 } };
const withoutAny: MeasurementSummary = {
  ...whole,
  floor: { H: 0, C: 0, Q: 0 },
  trace: { C: 0, H: 0, Q: 0 },
  eigenvalues: { ...whole.eigenvalues, largest: 0, smallest: 0 },
};

describe('a matrix that is 0 up to rounding', () => {
  test('is found by its floor, whatever the sign of the error', () => {
    expect(isRounding(withoutC, 'C')).toBe(true);
    expect(isRounding({ ...withoutC, trace: { ...whole.trace, C: -9e-16 } }, 'C')).toBe(true);
    expect(isRounding({ ...withoutC, trace: { ...whole.trace, C: 2e-15 } }, 'C')).toBe(false);
    expect(isRounding(withoutC, 'H')).toBe(false);
    expect((['C', 'H', 'Q'] as const).map((matrix) => isRounding(withoutAny, matrix))).toEqual([true, true, true]);
  });

  test('C of one sample is a difference of equal numbers: below a few roundings of the gradient it is 0', () => {
    const one = {
      ...whole,
      floor: { ...floor, C: 1e-32 },
      norm_mean_gradient: 0.7,
      trace: { ...whole.trace, C: -5e-18 },
    };
    expect(isRounding(one, 'C')).toBe(true);
    expect(isRounding({ ...one, trace: { ...whole.trace, C: 1e-14 } }, 'C')).toBe(false);
  });

  test('leaves what it takes part in undefined, with the reason', () => {
    expect(undefinedReason(withoutC, 'cosine_CH')).toBe('C is 0 up to rounding');
    expect(undefinedReason(withoutAny, 'cosine_CQ')).toBe('C and Q are 0 up to rounding');
    expect(definedPair(withoutC, 'commutator_ratio')).toBeNull();
    expect(undefinedReason(whole, 'cosine_CH')).toBeNull();
    expect(definedPair(whole, 'cosine_CH')).toBe(whole.cosine_CH);
  });
});

describe('the verdict on the half-sample', () => {
  const errors = { trace: { C: 0, H: 1e-18, Q: 1e-18 }, largest_eigenvalue: 1e-18 };
  const half = {
    samples: whole.samples / 2,
    gamma: whole.gamma,
    trace: { C: -3e-16, H: whole.trace.H + 4e-16, Q: whole.trace.Q },
    largest_eigenvalue: whole.eigenvalues.largest + 5e-17,
    cosine_CH: 0.4,
    cosine_CQ: 0.4,
    commutator_ratio: 0.4,
  };
  const judged = judgeConvergence({ ...withoutC, standard_errors: errors, half_sample: half })!;
  const number = (name: string) => judged.numbers.find((each) => each.name === name);

  test('takes no change of the size of rounding for a drift', () => {
    expect(judged.reason).not.toMatch(/trace|eigenvalue/);
    expect(number('trace_H')!.state).toBe('converged');
    expect(number('largest_eigenvalue')!.state).toBe('converged');
  });

  test('still sees a change beyond it', () => {
    const drifted = judgeConvergence({
      ...withoutC,
      standard_errors: errors,
      half_sample: { ...half, trace: { ...half.trace, H: whole.trace.H + 1e-13 } },
    })!;
    expect(drifted.numbers.find((each) => each.name === 'trace_H')!.state).toBe('drifting');
  });

  test('judges nothing that is not defined', () => {
    expect(number('trace_C')!.judged).toBe(false);
    expect(['cosine_CH', 'cosine_CQ', 'commutator_ratio'].map(number)).toEqual([undefined, undefined, undefined]);
  });
});

describe('a trace', () => {
  const write = (value: number, digits: number): string => value.toPrecision(digits);
  const projected = { trace_probes: 64, trace_standard_error: { H: 0.01, Q: 0.02 } } as NonNullable<
    MeasurementSummary['projected']
  >;
  const trace = { C: 0.5, H: -0.0476, Q: 1.8186 };

  test('that was estimated is written with its error', () => {
    expect(traceText({ trace, projected }, 'H', write)).toBe('≈ -0.04760 ± 0.020');
    expect(traceText({ trace, projected }, 'Q', write)).toBe('≈ 1.819 ± 0.039');
  });

  test('that is exact is written as it is', () => {
    expect(traceText({ trace, projected }, 'C', write)).toBe('0.5000');
    expect(traceText({ trace, projected: { ...projected, trace_probes: 0 } }, 'H', write)).toBe('-0.04760');
    expect(traceText({ trace }, 'H', write)).toBe('-0.04760');
  });
});
