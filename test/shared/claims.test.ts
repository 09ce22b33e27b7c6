import type { CutoffRow, Interval, SlopeDifference, Slopes } from '../../src/shared/slopes.ts';
import type { Estimand } from '../../src/shared/estimands.ts';
import { describe, expect, it } from 'vitest';
import { intervalDoubts, intervalLabel } from '../../src/shared/interval-trust.ts';
import { judgeClaims, type Claim, type Verdict } from '../../src/shared/claims.ts';
import type { MeasurementSummary } from '../../src/shared/results.ts';

interface Part {
  readonly gamma?: Interval | null;
  readonly C_on_Q?: Interval | null;
  readonly difference?: Interval | null;
  readonly scatter?: Interval | null;
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
    scatter = [0.01, 0.02],
    r_squared = 0.98,
    n = 500,
    decades = 4,
  } = part;
  const less: SlopeDifference = { ols: 0.005, ...(difference && { interval: { ols: difference } }) };
  return {
    cutoff: 1e-2,
    selected: n,
    non_positive: 0,
    below_floor: 0,
    n,
    decades,
    gamma: around(gamma),
    gamma_Q: around([1.1, 1.2]),
    C_on_Q: { ...around(C_on_Q), r_squared },
    gamma_minus_gamma_Q: less,
    ...(scatter && { scatter_difference: { value: (scatter[0] + scatter[1]) / 2, interval: scatter } }),
  };
}

const shuffled = (observed: number) => ({
  observed,
  mean: 0.26,
  standard_deviation: 0.01,
  median: 0.26,
  percentile_1: 0.23,
  shuffles: 12,
});

/** @param nulls observed ratios within the directions of either null; null: not measured. */
function measurement(
  training: Part,
  crossed: Part,
  nulls: readonly [number, number] | null = [0.1, 0.1],
  calibrated: Interval | null = [1.1, 1.2],
): Parameters<typeof judgeClaims>[0] {
  return {
    gamma: { training_set: [row(training)], cross_fitted: [row(crossed)] },
    commutator_ratio: 0.1,
    ...(nulls && {
      commutator_nulls: {
        seed: 1,
        samples: 1000,
        directions: 32,
        delta: shuffled(nulls[0]),
        hessian: shuffled(nulls[1]),
      },
    }),
    ...(calibrated && {
      calibration: {
        seed: 1,
        draws: 8,
        effective_samples: 500,
        directions: 200,
        rows: [
          {
            cutoff: 1e-2,
            measured: { value: 1.1, interval: [1.05, 1.15] },
            simulated: { value: (calibrated[0] + calibrated[1]) / 2, interval: calibrated },
            extrapolated: null,
          },
        ],
      },
    }),
  };
}

function verdictOf(claim: Claim, input: Parameters<typeof judgeClaims>[0]) {
  return judgeClaims(input).find((result) => result.claim === claim)!;
}

type Row = {
  claim: Claim;
  training?: Part;
  crossed?: Part;
  calibrated?: Interval | null;
  verdict: Verdict;
  reason: RegExp;
};

const cases: Row[] = [
  { claim: 'C_on_Q', verdict: 'pass', reason: /training set: .*within.*; cross-fitted: .*within/ },
  { claim: 'C_on_Q', training: { C_on_Q: [0.9, 1.1] }, verdict: 'pass', reason: /within/ },
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
    verdict: 'inconclusive',
    reason: /training set does not agree.*extends beyond/,
  },
  {
    claim: 'C_on_Q',
    crossed: { r_squared: 0.94 },
    verdict: 'inconclusive',
    reason: /cross-fitted does not agree: R\^2 is 0\.940/,
  },
  { claim: 'C_on_Q', crossed: { r_squared: null }, verdict: 'inconclusive', reason: /R\^2 is undefined/ },
  {
    claim: 'C_on_Q',
    crossed: { C_on_Q: [1.2, 1.3] },
    verdict: 'inconclusive',
    reason: /disagree: pass for training set.*fail for cross-fitted/,
  },
  // Without a margin gamma = 1, which the theory allows, could never pass.
  { claim: 'gamma_between_1_and_2', training: { gamma: [0.95, 2.05] }, verdict: 'pass', reason: /within/ },
  {
    claim: 'gamma_between_1_and_2',
    training: { gamma: [0.99, 1.01] },
    crossed: { gamma: [0.98, 1.02] },
    verdict: 'pass',
    reason: /within \[0\.95, 2\.05\]/,
  },
  {
    claim: 'gamma_between_1_and_2',
    training: { gamma: [0.94, 1.2] },
    verdict: 'inconclusive',
    reason: /training set does not agree.*\[0\.940, 1\.200\]/,
  },
  {
    claim: 'gamma_between_1_and_2',
    training: { gamma: [0.8, 0.94] },
    crossed: { gamma: [2.06, 2.2] },
    verdict: 'fail',
    reason: /outside/,
  },
  { claim: 'gamma_between_1_and_2', crossed: { gamma: [0.8, 0.9] }, verdict: 'inconclusive', reason: /disagree/ },
  {
    claim: 'superlinear',
    crossed: { gamma: [1.0501, 3] },
    verdict: 'pass',
    reason: /above 1\.05; the calibrated value 1\.150 .*above/,
  },
  {
    claim: 'superlinear',
    training: { gamma: [0.96, 1.04] },
    crossed: { gamma: [0.97, 1.03] },
    calibrated: [0.98, 1.04],
    verdict: 'fail',
    reason: /is linear within 0\.05.*ends below 1\.05/,
  },
  {
    claim: 'superlinear',
    training: { gamma: [0.9, 1] },
    crossed: { gamma: [0.8, 0.9] },
    calibrated: [0.9, 1],
    verdict: 'fail',
    reason: /lies below 1\.05/,
  },
  // Leakage pulls cross-fitted slopes towards 1: no failure without the calibrated value, nor against it.
  {
    claim: 'superlinear',
    training: { gamma: [0.96, 1.04] },
    crossed: { gamma: [0.97, 1.03] },
    calibrated: null,
    verdict: 'inconclusive',
    reason: /no calibrated value/,
  },
  {
    claim: 'superlinear',
    training: { gamma: [0.96, 1.04] },
    crossed: { gamma: [0.97, 1.03] },
    calibrated: [1, 1.2],
    verdict: 'inconclusive',
    reason: /does not end below/,
  },
  { claim: 'superlinear', calibrated: [0.9, 1.1], verdict: 'inconclusive', reason: /does not lie above/ },
  {
    claim: 'superlinear',
    crossed: { gamma: [0.97, 1.06] },
    verdict: 'inconclusive',
    reason: /cross-fitted does not agree: .*holds 1\.05/,
  },
  {
    claim: 'superlinear',
    training: { gamma: [1.1, 1.2] },
    crossed: { gamma: [0.9, 0.95] },
    verdict: 'inconclusive',
    reason: /the estimands disagree: pass for training set.*fail for cross-fitted/,
  },
  { claim: 'Q_rather_than_H', verdict: 'pass', reason: /about a line of slope 1 on Q/ },
  {
    claim: 'Q_rather_than_H',
    training: { scatter: [-0.02, -0.01] },
    crossed: { scatter: [-0.2, -0.1] },
    verdict: 'fail',
    reason: /difference -0\.015, interval/,
  },
  {
    claim: 'Q_rather_than_H',
    training: { scatter: [-0.02, 0.01] },
    crossed: { scatter: [-0.02, 0.01] },
    verdict: 'inconclusive',
    reason: /no difference that these samples can show/,
  },
  // Equal up to rounding, as where C, H and Q are multiples of each other.
  {
    claim: 'Q_rather_than_H',
    training: { scatter: [1e-12, 2e-12] },
    crossed: { scatter: [-2e-12, -1e-12] },
    verdict: 'inconclusive',
    reason: /no difference/,
  },
  {
    claim: 'Q_rather_than_H',
    training: { scatter: null },
    crossed: { scatter: null },
    verdict: 'inconclusive',
    reason: /were not compared/,
  },
  { claim: 'gamma_equals_gamma_Q', verdict: 'pass', reason: /narrower than 0\.1/ },
  {
    claim: 'gamma_equals_gamma_Q',
    training: { difference: [-0.06, 0.06] },
    verdict: 'inconclusive',
    reason: /not narrower/,
  },
  {
    claim: 'gamma_equals_gamma_Q',
    training: { difference: [0.02, 0.06] },
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
    crossed: { n: 29.5 },
    verdict: 'inconclusive',
    reason: /cross-fitted does not agree: 29\.5 directions/,
  },
  {
    claim: 'superlinear',
    training: { decades: 1.49 },
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
  { claim: 'superlinear', training: { gamma: [NaN, NaN] }, verdict: 'inconclusive', reason: /not a number/ },
  {
    claim: 'gamma_equals_gamma_Q',
    training: { difference: null },
    crossed: { difference: null },
    verdict: 'inconclusive',
    reason: /no ols interval/,
  },
];

describe('judgeClaims', () => {
  it.each(cases)(
    '$claim: $training / $crossed, calibrated $calibrated -> $verdict',
    ({ claim, training = {}, crossed = {}, calibrated, verdict, reason }) => {
      const result = verdictOf(claim, measurement(training, crossed, [0.1, 0.1], calibrated));
      expect(result.verdict).toBe(verdict);
      expect(result.reason).toMatch(reason);
    },
  );

  it.each<{ nulls: [number, number] | null; n: number; verdict: Verdict; reason: RegExp }>([
    { nulls: [0.229, 0.229], n: 500, verdict: 'pass', reason: /shuffled delta: 0\.229 against a median of 0\.260/ },
    { nulls: [0.23, 0.1], n: 500, verdict: 'inconclusive', reason: /do not agree/ },
    { nulls: [0.1, 0.27], n: 500, verdict: 'inconclusive', reason: /do not agree/ },
    { nulls: [0.27, 0.261], n: 500, verdict: 'fail', reason: /shuffled S: 0\.261/ },
    { nulls: null, n: 500, verdict: 'inconclusive', reason: /random rotations have no power/ },
    { nulls: [0.1, 0.1], n: 10, verdict: 'inconclusive', reason: /10 directions/ },
    { nulls: [NaN, 0.1], n: 500, verdict: 'inconclusive', reason: /NaN/ },
  ])('commute: observed $nulls, $n directions -> $verdict', ({ nulls, n, verdict, reason }) => {
    const result = verdictOf('commute', measurement({ n }, {}, nulls));
    expect(result.verdict).toBe(verdict);
    expect(result.reason).toMatch(reason);
  });

  it('judges the point where every sample of the training set was measured', () => {
    const wide: Interval = [0.9, 1.3];
    const part = { gamma: wide };
    const sampled = measurement(part, {});
    const whole = { ...sampled, samples: 8000, population: 8000 };
    expect(verdictOf('superlinear', { ...sampled, samples: 8000, population: 60000 }).verdict).toBe('inconclusive');
    const result = verdictOf('superlinear', whole);
    expect(result.verdict).toBe('pass');
    expect(result.reason).toMatch(/training set: the value over all samples, 1\.100, lies above 1\.05/);
  });

  it('asks more of wider intervals, and of percentiles further out', () => {
    const base = measurement({ gamma: [1.1, 1.2] }, { gamma: [1.1, 1.2] }, [0.22, 0.22], [1.1, 1.2]);
    const verdict = (claim: Claim, widen: number) =>
      judgeClaims(base, { widen }).find((result) => result.claim === claim)!.verdict;
    expect([verdict('superlinear', 1), verdict('superlinear', 1.9), verdict('superlinear', 2.1)]).toEqual([
      'pass',
      'pass',
      'inconclusive',
    ]);
    // 0.26 - 0.22 is 4/3 of the distance to the 1st percentile.
    expect([verdict('commute', 1.3), verdict('commute', 1.4)]).toEqual(['pass', 'inconclusive']);
  });

  it('gives the numbers it decided by, and all claims in order', () => {
    const results = judgeClaims(measurement({}, {}));
    expect(results.map((result) => result.claim)).toEqual([
      'C_on_Q',
      'commute',
      'gamma_between_1_and_2',
      'superlinear',
      'Q_rather_than_H',
      'gamma_equals_gamma_Q',
    ]);
    const numbers = results[3].numbers.filter((number) => number.name === 'gamma');
    expect(numbers.map((number) => number.estimand)).toEqual(['training_set', 'cross_fitted']);
    expect(numbers[0].value).toBeCloseTo(1.15, 12);
    expect(numbers[0].interval).toEqual([1.1, 1.2]);
  });

  it('says the cutoff in force where a projected measurement stops above the one asked for', () => {
    const base = measurement({}, {});
    const gamma = { ...base.gamma, training_set: [{ ...row({}), reached: 0.03 }] };
    const numbers = judgeClaims({ ...base, gamma })[2].numbers.filter(({ name }) => name === 'cutoff_in_force');
    expect(numbers.map(({ value }) => value)).toEqual([0.03, 0.01]);
  });

  it('judges by another estimator and cutoff where asked', () => {
    const base = measurement({ gamma: [0.9, 1.1] }, {});
    const withIv = (estimand: Estimand): CutoffRow => {
      const found = base.gamma[estimand][0];
      return { ...found, gamma: { ...found.gamma, iv: 1.3, interval: { ...found.gamma.interval, iv: [1.2, 1.4] } } };
    };
    const gamma: MeasurementSummary['gamma'] = {
      training_set: [withIv('training_set'), { ...row({ gamma: [1.3, 1.4] }), cutoff: 1e-4 }],
      cross_fitted: [withIv('cross_fitted'), { ...row({}), cutoff: 1e-4 }],
    };
    const between = (options: Parameters<typeof judgeClaims>[1]) => judgeClaims({ ...base, gamma }, options)[2].verdict;
    expect(between({})).toBe('inconclusive');
    expect(between({ estimators: { training_set: 'iv', cross_fitted: 'iv' } })).toBe('pass');
    expect(between({ cutoff: 1e-4 })).toBe('pass');
    expect(() => between({ cutoff: 1e-3 })).toThrow(/the measurement has 0.01, 0.0001/);
  });
});

describe('intervalDoubts', () => {
  const summary = {
    samples: 8000,
    bootstrap: { seed: 1, resamples: 2000, blocks: 64, directions: [1, 1, 1] as const },
  };
  it.each([
    { name: 'nothing known against it', row: { block_share: 0.3 }, more: {}, doubts: [] },
    { name: 'one block', row: { block_share: 0.92 }, more: {}, doubts: [/one of 64 blocks .* 92 %/] },
    {
      name: 'one sample of the noise',
      row: {},
      more: { noise_share: { sample: 0.1, block: 0.12 } },
      doubts: [/one sample carries 10 % of tr C/],
    },
    { name: 'few samples', row: {}, more: { samples: 200 }, doubts: [/only 200 samples/] },
    { name: 'no intervals', row: { block_share: 0.9 }, more: { bootstrap: undefined }, doubts: [] },
  ])('$name', ({ row: found, more, doubts }) => {
    const said = intervalDoubts(found, { ...summary, ...more } as never);
    expect(said).toHaveLength(doubts.length);
    doubts.forEach((pattern, i) => {
      expect(said[i]).toMatch(pattern);
    });
    expect(intervalLabel(said)).toBe(doubts.length === 0 ? '95 %' : 'nominal 95 %');
  });
});
