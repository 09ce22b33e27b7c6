import type { Estimand } from '../../../src/shared/estimands.ts';
import { describe, expect, it } from 'vitest';
import { judgeClaims, type Claim, type Verdict } from '../../../src/shared/claims.ts';
import type { CutoffRow, Interval, MeasurementSummary, SlopeDifference, Slopes } from '../../../src/shared/results.ts';

interface Part {
  readonly gamma?: Interval | null;
  readonly C_on_Q?: Interval | null;
  readonly difference?: Interval | null;
  readonly r_squared?: number | null;
  readonly n?: number;
  readonly decades?: number;
}

const around = (interval: Interval | null): Slopes => ({
  ols: interval ? (interval[0] + interval[1]) / 2 : null,
  r_squared: 0.99,
  intercept: 0,
  ...(interval && { interval: { ols: interval } }),
});

function row(part: Part): CutoffRow {
  const {
    gamma = [1.1, 1.2],
    C_on_Q = [0.97, 1.03],
    difference = [-0.02, 0.03],
    r_squared = 0.98,
    n = 500,
    decades = 4,
  } = part;
  const less: SlopeDifference = { ols: 0.005, ...(difference && { interval: { ols: difference } }) };
  return {
    cutoff: 1e-4,
    selected: n,
    non_positive: 0,
    below_floor: 0,
    n,
    decades,
    gamma: around(gamma),
    gamma_Q: around([1.1, 1.2]),
    C_on_Q: { ...around(C_on_Q), r_squared },
    gamma_minus_gamma_Q: less,
  };
}

function measurement(training: Part, crossed: Part, ratio = 0.1, rotations = 200): Parameters<typeof judgeClaims>[0] {
  return {
    gamma: { training_set: [row(training)], cross_fitted: [row(crossed)] },
    commutator_ratio: ratio,
    commutator_baseline: {
      mean: 0.5,
      standard_deviation: 0.1,
      percentile_1: 0.3,
      median: 0.5,
      rotations,
      seed: 1,
      truncated_C: 0,
      truncated_H: 0,
    },
  };
}

function verdictOf(claim: Claim, input: Parameters<typeof judgeClaims>[0]) {
  return judgeClaims(input).find((result) => result.claim === claim)!;
}

type Row = { claim: Claim; training: Part; crossed: Part; verdict: Verdict; reason: RegExp };

const cases: Row[] = [
  {
    claim: 'C_on_Q',
    training: {},
    crossed: {},
    verdict: 'pass',
    reason: /training set: .*within.*; cross-fitted: .*within/,
  },
  { claim: 'C_on_Q', training: { C_on_Q: [0.9, 1.1] }, crossed: {}, verdict: 'pass', reason: /within/ },
  {
    claim: 'C_on_Q',
    training: { C_on_Q: [1.101, 1.2] },
    crossed: { C_on_Q: [0.5, 0.89] },
    verdict: 'fail',
    reason: /outside/,
  },
  {
    claim: 'C_on_Q',
    training: { C_on_Q: [0.85, 1.0] },
    crossed: {},
    verdict: 'inconclusive',
    reason: /training set does not agree.*reaches out/,
  },
  {
    claim: 'C_on_Q',
    training: {},
    crossed: { r_squared: 0.94 },
    verdict: 'inconclusive',
    reason: /cross-fitted does not agree: R\^2 is 0\.940/,
  },
  { claim: 'C_on_Q', training: {}, crossed: { r_squared: null }, verdict: 'inconclusive', reason: /R\^2 is undefined/ },
  {
    claim: 'C_on_Q',
    training: {},
    crossed: { C_on_Q: [1.2, 1.3] },
    verdict: 'inconclusive',
    reason: /disagree: pass for training set.*fail for cross-fitted/,
  },
  { claim: 'gamma_between_1_and_2', training: { gamma: [1, 2] }, crossed: {}, verdict: 'pass', reason: /inside/ },
  {
    claim: 'gamma_between_1_and_2',
    training: { gamma: [0.99, 1.2] },
    crossed: {},
    verdict: 'inconclusive',
    reason: /training set does not agree.*\[0\.990, 1\.200\]/,
  },
  {
    claim: 'gamma_between_1_and_2',
    training: { gamma: [0.8, 0.99] },
    crossed: { gamma: [2.1, 2.2] },
    verdict: 'fail',
    reason: /outside/,
  },
  {
    claim: 'gamma_between_1_and_2',
    training: {},
    crossed: { gamma: [0.8, 0.99] },
    verdict: 'inconclusive',
    reason: /disagree/,
  },
  { claim: 'superlinear', training: {}, crossed: { gamma: [1.0001, 3] }, verdict: 'pass', reason: /above 1/ },
  {
    claim: 'superlinear',
    training: { gamma: [0.9, 1] },
    crossed: { gamma: [0.8, 0.9] },
    verdict: 'fail',
    reason: /at or below 1/,
  },
  {
    claim: 'superlinear',
    training: {},
    crossed: { gamma: [0.97, 1.01] },
    verdict: 'inconclusive',
    reason: /cross-fitted does not agree: .*holds 1/,
  },
  {
    claim: 'superlinear',
    training: {},
    crossed: { gamma: [1, 1.2] },
    verdict: 'inconclusive',
    reason: /cross-fitted does not agree/,
  },
  {
    claim: 'superlinear',
    training: { gamma: [1.1, 1.2] },
    crossed: { gamma: [0.9, 0.95] },
    verdict: 'inconclusive',
    reason: /the estimands disagree: pass for training set.*fail for cross-fitted/,
  },
  {
    claim: 'superlinear',
    training: { gamma: [0.9, 1.1] },
    crossed: { gamma: [0.9, 1.1] },
    verdict: 'inconclusive',
    reason: /training set: .*holds 1.*cross-fitted: .*holds 1/,
  },
  { claim: 'gamma_equals_gamma_Q', training: {}, crossed: {}, verdict: 'pass', reason: /narrower than 0\.1/ },
  {
    claim: 'gamma_equals_gamma_Q',
    training: { difference: [-0.06, 0.06] },
    crossed: {},
    verdict: 'inconclusive',
    reason: /not narrower/,
  },
  {
    claim: 'gamma_equals_gamma_Q',
    training: { difference: [0.02, 0.06] },
    crossed: {},
    verdict: 'inconclusive',
    reason: /excludes 0, by 0\.05 at most/,
  },
  {
    claim: 'gamma_equals_gamma_Q',
    training: { difference: [0.051, 0.06] },
    crossed: { difference: [-0.3, -0.051] },
    verdict: 'fail',
    reason: /excludes 0 by more/,
  },
  // Never a verdict from too little.
  {
    claim: 'superlinear',
    training: { n: 29 },
    crossed: { n: 29 },
    verdict: 'inconclusive',
    reason: /29 directions, fewer than 30/,
  },
  {
    claim: 'superlinear',
    training: {},
    crossed: { n: 29.5 },
    verdict: 'inconclusive',
    reason: /cross-fitted does not agree: 29\.5 directions/,
  },
  {
    claim: 'superlinear',
    training: { decades: 1.49 },
    crossed: {},
    verdict: 'inconclusive',
    reason: /1\.49 decades, fewer than 1\.5/,
  },
  {
    claim: 'superlinear',
    training: { n: 30, decades: 1.5 },
    crossed: { n: 30, decades: 1.5 },
    verdict: 'pass',
    reason: /above/,
  },
  {
    claim: 'superlinear',
    training: { gamma: null },
    crossed: { gamma: null },
    verdict: 'inconclusive',
    reason: /no ols interval/,
  },
  {
    claim: 'superlinear',
    training: { gamma: [NaN, NaN] },
    crossed: {},
    verdict: 'inconclusive',
    reason: /not a number/,
  },
  {
    claim: 'gamma_equals_gamma_Q',
    training: { difference: null },
    crossed: { difference: null },
    verdict: 'inconclusive',
    reason: /no ols interval/,
  },
];

describe('judgeClaims', () => {
  it.each(cases)('$claim: $training / $crossed -> $verdict', ({ claim, training, crossed, verdict, reason }) => {
    const result = verdictOf(claim, measurement(training, crossed));
    expect(result.verdict).toBe(verdict);
    expect(result.reason).toMatch(reason);
  });

  it.each([
    { ratio: 0.299, rotations: 200, n: 500, verdict: 'pass', reason: /below the 1st percentile/ },
    { ratio: 0.3, rotations: 200, n: 500, verdict: 'inconclusive', reason: /not below/ },
    { ratio: 0.5, rotations: 200, n: 500, verdict: 'inconclusive', reason: /not below/ },
    { ratio: 0.501, rotations: 200, n: 500, verdict: 'fail', reason: /above the median/ },
    { ratio: 0.1, rotations: 100, n: 500, verdict: 'inconclusive', reason: /100 random rotations/ },
    { ratio: 0.1, rotations: 200, n: 10, verdict: 'inconclusive', reason: /10 directions/ },
    { ratio: NaN, rotations: 200, n: 500, verdict: 'inconclusive', reason: /NaN/ },
  ])(
    'commute: ratio $ratio, $rotations rotations, $n directions -> $verdict',
    ({ ratio, rotations, n, verdict, reason }) => {
      const result = verdictOf('commute', measurement({ n }, {}, ratio, rotations));
      expect(result.verdict).toBe(verdict);
      expect(result.reason).toMatch(reason);
    },
  );

  it('gives the numbers it decided by, and all claims in order', () => {
    const results = judgeClaims(measurement({}, {}));
    expect(results.map((result) => result.claim)).toEqual([
      'C_on_Q',
      'commute',
      'gamma_between_1_and_2',
      'superlinear',
      'gamma_equals_gamma_Q',
    ]);
    const numbers = results[3].numbers.filter((number) => number.name === 'gamma');
    expect(numbers.map((number) => number.estimand)).toEqual(['training_set', 'cross_fitted']);
    expect(numbers[0].value).toBeCloseTo(1.15, 12);
    expect(numbers[0].interval).toEqual([1.1, 1.2]);
  });

  it('judges by another estimator and cutoff where asked', () => {
    const base = measurement({ gamma: [0.9, 1.1] }, {});
    const withIv = (estimand: Estimand): CutoffRow => {
      const found = base.gamma[estimand][0];
      return { ...found, gamma: { ...found.gamma, iv: 1.3, interval: { ...found.gamma.interval, iv: [1.2, 1.4] } } };
    };
    const gamma: MeasurementSummary['gamma'] = {
      training_set: [{ ...row({ gamma: [1.3, 1.4] }), cutoff: 1e-2 }, withIv('training_set')],
      cross_fitted: [{ ...row({}), cutoff: 1e-2 }, withIv('cross_fitted')],
    };
    const superlinear = (options: Parameters<typeof judgeClaims>[1]) =>
      judgeClaims({ ...base, gamma }, options)[3].verdict;
    expect(superlinear({})).toBe('inconclusive');
    expect(superlinear({ estimators: { training_set: 'iv', cross_fitted: 'iv' } })).toBe('pass');
    expect(superlinear({ cutoff: 0.01 })).toBe('pass');
    expect(() => superlinear({ cutoff: 1e-3 })).toThrow(/the measurement has 0.01, 0.0001/);
  });
});
