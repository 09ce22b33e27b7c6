import type { CutoffRow, Interval, Slopes } from '../../src/shared/slopes.ts';
import { describe, expect, it } from 'vitest';
import { judgeConvergence } from '../../src/shared/convergence.ts';
import { Random } from '../../src/shared/random.ts';
import type { HalfSample, MeasurementSummary } from '../../src/shared/results.ts';
import { deviation, mean, normals } from '../engine/statistics/support.ts';

type Measured = Pick<MeasurementSummary, 'parameter' | 'samples' | 'gamma'>;

const slope = (value: number | null, half?: number): Slopes => ({
  ols: value,
  r_squared: 1,
  intercept: 0,
  ...(half !== undefined && value !== null && { interval: { ols: [value - half, value + half] as Interval } }),
});

/** The same three slopes for both estimands but for gamma.cross_fitted. */
function measured(samples: number, gamma: number | null, half?: number, crossed = gamma): Measured {
  const row = (value: number | null): CutoffRow => ({
    cutoff: 1e-2,
    selected: 100,
    non_positive: 0,
    below_floor: 0,
    n: 100,
    decades: 3,
    gamma: slope(value, half),
    gamma_Q: slope(1.1, half),
    C_on_Q: slope(1, half),
  });
  return { parameter: 'fc2.kernel', samples, gamma: { training_set: [row(gamma)], cross_fitted: [row(crossed)] } };
}

/** `full` with `part` as its half-sample. */
function judge(full: Measured, part: Measured) {
  const half_sample: HalfSample = {
    samples: part.samples,
    gamma: part.gamma,
    trace: { C: null, H: null, Q: null },
    largest_eigenvalue: 1,
    cosine_CH: null,
    cosine_CQ: null,
    commutator_ratio: null,
  };
  return judgeConvergence({ ...full, half_sample })!;
}

describe('judgeConvergence', () => {
  it.each([
    {
      id: 'no change',
      full: measured(8000, 1.2, 0.03),
      part: measured(4000, 1.2),
      state: 'converged',
      first: 'converged',
    },
    {
      id: 'within',
      full: measured(8000, 1.2, 0.03),
      part: measured(4000, 1.229),
      state: 'converged',
      first: 'converged',
    },
    // Beyond a single number's bound, within that of six together (1.346 times as far).
    {
      id: 'one of six may',
      full: measured(8000, 1.2, 0.03),
      part: measured(4000, 1.235),
      state: 'converged',
      first: 'converged',
    },
    {
      id: 'drifting',
      full: measured(8000, 1.2, 0.03),
      part: measured(4000, 1.245),
      state: 'drifting',
      first: 'drifting',
    },
    {
      id: 'a quarter may move more',
      full: measured(8000, 1.2, 0.03),
      part: measured(2000, 1.245),
      state: 'converged',
      first: 'converged',
    },
    { id: 'no interval', full: measured(8000, 1.2), part: measured(4000, 1.2), state: 'unknown', first: 'unknown' },
    { id: 'no slope', full: measured(8000, 1.2, 0.03), part: measured(4000, null), state: 'unknown', first: 'unknown' },
    {
      id: 'drift beats unknown',
      full: measured(8000, 1.2, 0.03),
      part: measured(4000, null, undefined, 1.5),
      state: 'drifting',
      first: 'unknown',
    },
  ])('$id -> $state', ({ full, part, state, first }) => {
    const found = judge(full, part);
    expect(found.state).toBe(state);
    expect(found.numbers.length).toBe(6);
    expect(found.numbers[0].state).toBe(first);
    expect(found.samples).toEqual([full.samples, part.samples]);
  });

  it('says which number moved and by how much', () => {
    const found = judge(measured(8000, 1.2, 0.03), measured(4000, 1.2, undefined, 1.1));
    expect(found.reason).toMatch(/gamma \(cross-fitted\) by -0\.100 where 0\.040 is allowed/);
    const gamma = found.numbers.find((n) => n.name === 'gamma' && n.estimand === 'cross_fitted')!;
    expect(gamma.change).toBeCloseTo(-0.1, 12);
    expect(gamma.allowed! / 0.03).toBeCloseTo(2.6383 / 1.95996, 4);
  });

  it('refuses parts that are no smaller, and says nothing without a part', () => {
    expect(() => judge(measured(8000, 1), measured(8000, 1))).toThrow(/fewer than 8000/);
    expect(judgeConvergence(measured(8000, 1, 0.1))).toBeUndefined();
  });

  it('judges what has a standard error, and shows the rest without judging it', () => {
    const full = measured(8000, 1.2, 0.03);
    const { gamma } = measured(4000, 1.2);
    const found = judgeConvergence({
      ...full,
      trace: { C: 1, H: 10, Q: 5 },
      cosine_CH: 0.9,
      standard_errors: { trace: { C: 0.1, H: 0.1, Q: null }, largest_eigenvalue: null },
      half_sample: {
        samples: 4000,
        gamma: { training_set: gamma.training_set },
        trace: { C: 1.1, H: 11, Q: 9 },
        largest_eigenvalue: 3,
        cosine_CH: 0.1,
        cosine_CQ: null,
        commutator_ratio: null,
      },
    })!;
    expect(found.numbers.map(({ name, judged, state }) => [name, judged, state])).toEqual([
      ['gamma', true, 'converged'],
      ['gamma_Q', true, 'converged'],
      ['C_on_Q', true, 'converged'],
      ['trace_C', true, 'converged'],
      ['trace_H', true, 'drifting'],
      ['trace_Q', false, 'unknown'],
      ['cosine_CH', false, 'unknown'],
    ]);
    expect(found.state).toBe('drifting');
    expect(found.reason).toMatch(/trace H by \+1\.000 where 0\.2\d\d is allowed/);
  });

  it('rests on the variance of the change: that of the number itself on half of the samples', () => {
    const random = new Random(1);
    const [changes, wholes]: [number[], number[]] = [[], []];
    for (let r = 0; r < 2000; r++) {
      const x = normals(random, 40);
      wholes.push(mean(x));
      changes.push(mean(x.subarray(0, 20)) - mean(x));
    }
    // A standard deviation from 2,000 replicates is known to 1.6 %.
    expect(Math.abs(deviation(changes) / deviation(wholes) - 1)).toBeLessThan(0.07);
  });

  it('calls a steady measurement converged 95 % of the time at least', () => {
    const random = new Random(2);
    let drifting = 0;
    const replicates = 1000;
    for (let r = 0; r < replicates; r++) {
      // Both estimands' gammas move independently: the worst case for several looks.
      const full = measured(8000, 1.2, 1.96 * 0.01, 1.2);
      const part = measured(4000, 1.2 + 0.01 * random.normal(), undefined, 1.2 + 0.01 * random.normal());
      if (judge(full, part).state === 'drifting') drifting++;
    }
    expect(drifting / replicates).toBeLessThan(0.05);
    expect(drifting).toBeGreaterThan(0);
  });
});
