import { describe, expect, test } from 'vitest';
import { headlineCutoff } from '../../src/shared/estimands.ts';
import {
  comparedFamily,
  comparisonLines,
  familyLines,
  familyOutcomes,
  judgeFamily,
  overRuns,
  wideningAt,
} from '../../src/shared/claim-families.ts';
import type { CutoffRow, Interval, Slopes } from '../../src/shared/slopes.ts';

const slopes = (interval: Interval): Slopes => ({
  ols: (interval[0] + interval[1]) / 2,
  r_squared: 0.99,
  intercept: 0,
  interval: { ols: interval },
});

/** A measurement whose gamma lies at 1.5 with this half-width, so that it stands z = 1.96 x 0.55 / half above 0.95 (of 1 <= gamma <= 2). */
function member(name: string, half: number) {
  const row: CutoffRow = {
    cutoff: 1e-2,
    selected: 100,
    non_positive: 0,
    below_floor: 0,
    n: 100,
    decades: 2,
    gamma: slopes([1.5 - half, 1.5 + half]),
    gamma_Q: slopes([1, 2]),
    C_on_Q: slopes([0, 3]),
  };
  return { name, measurement: { gamma: { training_set: [row], cross_fitted: [row] }, commutator_ratio: 0.1 } };
}

describe('Holm over a family of verdicts', () => {
  test('widens as Bonferroni does at the first rank', () => {
    expect(wideningAt(0.05)).toBeCloseTo(1, 12);
    // z of 0.05 / 10, two-sided: 2.8070.
    expect(wideningAt(0.005)).toBeCloseTo(2.80703 / 1.95996, 4);
  });

  // Half-widths in units of the distance to the bound: a verdict stands up to a widening of 1 / u.
  test.each([
    { name: 'one member is not corrected', u: [0.95], stand: [true] },
    { name: 'of four close ones none stands', u: [0.95, 0.95, 0.95, 0.95], stand: [false, false, false, false] },
    // Widenings 1.274 (m = 4), 1.221 (3), 1.144 (2), 1 (1).
    {
      name: 'a strong one lets the next be judged less strictly',
      u: [0.5, 0.81, 0.86, 0.99],
      stand: [true, true, true, true],
    },
    { name: 'the first that falls ends it', u: [0.5, 0.83, 0.86, 0.99], stand: [true, false, false, false] },
  ])('$name', ({ u, stand }) => {
    const members = u.map((each, i) => member(`layer ${i}`, 0.55 * each));
    const found = judgeFamily(members, 'gamma_between_1_and_2');
    expect(found.map(({ alone }) => alone)).toEqual(u.map(() => 'pass'));
    expect(found.map(({ corrected }) => corrected === 'pass')).toEqual(stand);
  });

  test('says who stands and who does not', () => {
    const lines = familyLines([member('fc2', 0.1), member('fc3', 0.54)], '2 layers');
    expect(lines).toContain('1 <= gamma <= 2, 2 layers: pass for fc2, fc3');
    const three = familyLines([member('a', 0.54), member('b', 0.54), member('c', 0.54)], '3 layers');
    expect(three.find((line) => line.startsWith('1 <= gamma'))).toBe(
      '1 <= gamma <= 2, 3 layers: no verdict (not after correction: a, pass alone; b, pass alone; c, pass alone)',
    );
    expect(familyLines([member('fc2', 0.1)], 'one')).toEqual([]);
  });
});

describe('over runs of one setup, the run is the unit', () => {
  const run = (gamma: number) => {
    const { measurement } = member('run', 0.001);
    const [row] = measurement.gamma.training_set;
    const rows = [{ ...row, gamma: { ...row.gamma, ols: gamma } }];
    return { ...measurement, gamma: { training_set: rows, cross_fitted: rows } };
  };
  test("the mean with Student's interval over the runs, not the intervals of single runs", () => {
    const values = [1.1, 1.3, 1.2];
    const { gamma } = overRuns(values.map(run));
    expect(gamma.training_set[0].gamma.ols).toBeCloseTo(1.2, 12);
    // t(0.975, 2) = 4.3027, s = 0.1.
    const half = (4.30265 * 0.1) / Math.sqrt(3);
    expect(gamma.training_set[0].gamma.interval?.ols?.[0]).toBeCloseTo(1.2 - half, 4);
    expect(gamma.training_set[0].gamma.interval?.ols?.[1]).toBeCloseTo(1.2 + half, 4);
  });
  test('a slope that no run has, and a cutoff without a calibrated value in any, have no mean', () => {
    const without = [1, 2, 3].map(() => {
      const each = run(1);
      const [row] = each.gamma.training_set;
      const rows = [{ ...row, gamma: { ...row.gamma, ols: null } }];
      const calibrated = { cutoff: row.cutoff, measured: null, simulated: null, extrapolated: null };
      const calibration = { directions: 30, samples: 100, replicates: 4, seed: 1, rows: [calibrated] };
      return { ...each, gamma: { training_set: rows, cross_fitted: rows }, calibration } as unknown as typeof each;
    });
    const { gamma, calibration } = overRuns(without);
    expect(gamma.training_set[0].gamma.ols).toBeNull();
    expect(calibration).toBeUndefined();
  });
  test('one run alone keeps its own', () => {
    const alone = run(1.4);
    expect(overRuns([alone])).toBe(alone);
  });
  test('of a comparison are at the cutoff asked for, of those that were fitted there', () => {
    const of = (value: number) => [[{ parameter: 'fc2.kernel', measurement: run(value) }]];
    const setups = [
      { name: 'lr 0.1', runs: of(1.3) },
      { name: 'lr 0.2', runs: of(0.5) },
    ];
    expect(comparisonLines(setups)).toEqual(comparisonLines(setups, 1e-2));
    expect(comparisonLines(setups, 3e-3)).toEqual([]);
  });
  test('outcomes name each member once a claim: by its verdict after correction, or as lost with the one it has alone', () => {
    const of = (value: number) => [{ parameter: 'fc2.kernel', measurement: run(value) }];
    const setups = [1.3, 1.31, 0.5].map((value, k) => ({ name: `lr ${k}`, runs: [of(value)] }));
    const { members, words } = comparedFamily(setups, headlineCutoff);
    expect(words).toBe('over 3 members, 3 setups with one layer');
    const outcomes = familyOutcomes(members, { cutoff: headlineCutoff });
    expect(outcomes.length).toBeGreaterThan(0);
    for (const { claim, pass, fail, lost } of outcomes) {
      const judged = judgeFamily(members, claim, { cutoff: headlineCutoff });
      const named = (verdict: string): string[] =>
        judged.flatMap((each) => (each.corrected === verdict ? [each.name] : []));
      expect(pass).toEqual(named('pass'));
      expect(fail).toEqual(named('fail'));
      expect(lost.map(({ name }) => name)).toEqual(
        judged.flatMap(({ name, alone, corrected }) => (alone === corrected ? [] : [name])),
      );
    }
  });
  test('a family of two setups and one layer names both', () => {
    const of = (values: readonly number[]) =>
      values.map((value) => [{ parameter: 'fc2.kernel', measurement: run(value) }]);
    const lines = comparisonLines([
      { name: 'lr 0.1', runs: of([1.3, 1.31, 1.29]) },
      { name: 'lr 0.2', runs: of([0.5, 0.51, 0.49]) },
    ]);
    expect(lines.find((line) => line.startsWith('1 <= gamma'))).toBe(
      '1 <= gamma <= 2, over 2 members, 2 setups with one layer: pass for fc2.kernel of lr 0.1 (3 runs); fail for fc2.kernel of lr 0.2 (3 runs)',
    );
  });
});
