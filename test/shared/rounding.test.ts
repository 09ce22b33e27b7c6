/** What of a measurement is rounding alone, and how estimates are written. */
import { describe, expect, test } from 'vitest';
import { judgeConvergence } from '../../src/shared/convergence.ts';
import type { MeasurementSummary } from '../../src/shared/results.ts';
import { terminalStyle } from '../../src/main/cli/format.ts';
import { assumptionReason, definedMinibatchNoise, definedNoise } from '../../src/shared/defined-extras.ts';
import type { AssumptionColumn } from '../../src/shared/assumptions.ts';
import { pageStyle } from '../../src/shared/figures/numbers.ts';
import { assumptionsTable } from '../../src/shared/figures/table.ts';
import {
  commutatorAbove,
  definedPair,
  definedSharpness,
  isEstimate,
  isRounding,
  traceText,
  undefinedReason,
  withoutRounding,
} from '../../src/shared/rounding.ts';
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
    const names = ['trace_C', 'cosine_CH', 'cosine_CQ', 'commutator_ratio'];
    expect(names.filter((name) => number(name) !== undefined)).toEqual([]);
  });
});

test('a commutator along one direction is not defined, for two numbers always commute', () => {
  const one = { ...whole, projected: { k: 1 } } as unknown as MeasurementSummary;
  expect(undefinedReason(one, 'commutator_ratio')).toBe('there is only one direction');
  expect(definedPair(one, 'commutator_ratio')).toBeNull();
  expect(definedPair(one, 'cosine_CH')).not.toBeNull();
});

test('a cosine or commutator that rounding keeps from 0 is 0', () => {
  expect(definedPair({ ...whole, cosine_CH: -3e-17 }, 'cosine_CH')).toBe(0);
  expect(definedPair({ ...whole, cosine_CH: 1e-9 }, 'cosine_CH')).toBe(1e-9);
  expect(withoutRounding(-4e-16)).toBe(0);
  expect(definedPair({ ...whole, commutator_ratio: 9e-9 }, 'commutator_ratio')).toBe(0);
  expect([commutatorAbove(8e-9), commutatorAbove(0.06)]).toEqual([0, 0.06]);
});

describe('extras where C is 0 up to rounding', () => {
  test('the noise at work keeps what H alone gives', () => {
    const noise = { outputs: 2, trace_CH: 1e-17, norm_H: 4, gradient_curvature: 0.5, curvature_variance: 0.3, takeuchi: [] }; // prettier-ignore
    expect(definedNoise(withoutC, noise)).toEqual({
      scaledTrace: null,
      alignment: null,
      traceCH: null,
      gradientCurvature: 0.5,
      sharpness: withoutC.eigenvalues.largest,
      curvatureVariance: 0.3,
      reason: 'C is 0 up to rounding',
    });
    expect(definedNoise({ ...whole, cosine_CH: 1e-17 }, noise)).toMatchObject({ traceCH: 0, alignment: 0 });
    const alike = definedNoise({ ...whole, floor }, { ...noise, curvature_variance: -2e-16 });
    expect(alike).toMatchObject({ curvatureVariance: null, reason: 'Q is the square of H up to rounding' });
  });

  test('minibatches and the matrices taken for C have nothing to be held against', () => {
    const mode = { variance: {}, trace: {}, between: {}, epoch_sum: 0, measured: [1], predicted: [1], standard_error: [1], z: [1] }; // prettier-ignore
    const minibatch_noise = { modes: [mode] } as unknown as NonNullable<MeasurementSummary['minibatch_noise']>;
    const found = definedMinibatchNoise({ ...withoutC, minibatch_noise })!.modes[0];
    expect(found).toMatchObject({ variance: null, trace: null, between: null, epoch_sum: null, z: [] });
    expect(definedMinibatchNoise({ ...whole, minibatch_noise })).toBe(minibatch_noise);
    expect(assumptionReason(withoutC, { matrices: ['H', 'G', 'F'] })).toBe('C is 0 up to rounding');
    expect(assumptionReason(withoutAny, { matrices: ['Q'] })).toBe('C and Q are 0 up to rounding');
    expect(assumptionReason(whole, { matrices: ['H2'] })).toBeNull();
  });
});

test('the table for LaTeX has dashes there, and the reason in its caption', () => {
  const column = { matrices: ['H'], cosine: 1e-17, commutator_ratio: 0.3, commutator_baseline: { mean: 0.4 }, rows: { training_set: [], cross_fitted: [] } } as unknown as AssumptionColumn; // prettier-ignore
  const table = (summary: MeasurementSummary): string =>
    assumptionsTable([{ summary: { ...summary, parameter: 'fc_2.kernel', assumptions: { columns: [column], identities: [], within: 'whole' } }, arrays: {} }]); // prettier-ignore
  expect(table(withoutC)).toContain('fc\\_2.kernel & $H$ & -- & -- &');
  expect(table(withoutC)).toContain('Not defined (--) of fc\\_2.kernel: $C$ is 0 up to rounding.');
  expect(table(whole)).toContain('fc\\_2.kernel & $H$ & $0.000$ & $0.300$ ($0.400$) &');
  expect(table(whole)).not.toContain('Not defined');
});

describe('a trace', () => {
  const projected = { trace_probes: 64, trace_standard_error: { H: 0.01, Q: 0.02 } } as NonNullable<
    MeasurementSummary['projected']
  >;
  const estimated: MeasurementSummary = { ...whole, floor, trace: { C: 0.5, H: -0.0476, Q: 1.8186 }, projected };
  const { projected: _, ...exact } = estimated;

  test('that was estimated is written with its error', () => {
    expect(traceText(estimated, 'H', pageStyle)).toBe('≈ −0.048 ± 0.020');
    expect(traceText(estimated, 'Q', terminalStyle)).toBe('≈ 1.819 ± 0.039');
    expect(traceText({ ...estimated, trace: { C: 0, H: 4e-5, Q: 0 } }, 'H', terminalStyle)).toBe('≈ 0.000 ± 0.020');
    expect(isEstimate('trace.fc2', { low: 1, high: 2 })).toBe(true);
    expect(isEstimate('trace.fc2', { low: null, high: null })).toBe(false);
    expect(isEstimate('gamma.fc2', { low: 1, high: 2 })).toBe(false);
  });

  test('that is exact is written as it is', () => {
    expect(traceText(estimated, 'C', terminalStyle)).toBe('0.5000');
    const all = { ...estimated, projected: { ...projected, trace_probes: 0 } };
    expect(traceText(all, 'H', terminalStyle)).toBe('-0.04760');
    expect(traceText(exact, 'H', pageStyle)).toBe('−0.04760');
  });

  test('that is 0 up to rounding is a dash, and exactly 0 is 0', () => {
    expect(traceText(withoutC, 'C', terminalStyle)).toBe('-');
    expect(traceText(withoutC, 'C', pageStyle)).toBe('–');
    expect(traceText(withoutAny, 'C', pageStyle)).toBe('0');
    expect(definedSharpness({ ...whole, floor: { ...floor, H: 2 * whole.eigenvalues.largest } })).toBeNull();
  });
});
