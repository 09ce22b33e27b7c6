/**
 * Simulated exponents with noise in both variables: the five cases whose figures are in the project's survey of estimators (true slope
 * 1.5, 500 points, mean of 200 simulations), each also held against its value in closed form. Compared within 3 standard errors.
 */
import { describe, expect, it } from 'vitest';
import {
  inverseLeastSquares,
  leastSquares,
  moments,
  orthogonal,
  theilSen,
} from '../../../src/engine/statistics/index.ts';
import { Random } from '../../../src/shared/random.ts';
import { splitHalf } from '../../support/lines.ts';
import { summarise } from './support.ts';

const gamma = 1.5;
const points = 500;
const replicates = 200;

/** Standard deviations in dex: of true log H, of the noise in H and in C, of intrinsic scatter; correlation of the noise within a half. */
interface Case {
  readonly id: string;
  readonly spread: number;
  readonly noiseH: number;
  readonly noiseC: number;
  readonly scatter: number;
  readonly correlation: number;
  /** Figures of the survey (mean of 200, three decimals). */
  readonly survey: {
    readonly ols: number;
    readonly theil_sen?: number;
    readonly orthogonal: number;
    readonly iv: number;
  };
}

const cases: readonly Case[] = [
  {
    id: 'little noise',
    spread: 2,
    noiseH: 0.1,
    noiseC: 0.1,
    scatter: 0,
    correlation: 0,
    survey: { ols: 1.496, theil_sen: 1.496, orthogonal: 1.5, iv: 1.5 },
  },
  {
    id: 'noise in H',
    spread: 1,
    noiseH: 0.3,
    noiseC: 0.1,
    scatter: 0,
    correlation: 0,
    survey: { ols: 1.375, theil_sen: 1.376, orthogonal: 1.464, iv: 1.501 },
  },
  {
    id: 'more noise than signal allows',
    spread: 0.5,
    noiseH: 0.3,
    noiseC: 0.1,
    scatter: 0,
    correlation: 0,
    survey: { ols: 1.103, theil_sen: 1.103, orthogonal: 1.355, iv: 1.5 },
  },
  {
    id: 'intrinsic scatter',
    spread: 0.5,
    noiseH: 0.3,
    noiseC: 0.1,
    scatter: 0.3,
    correlation: 0,
    survey: { ols: 1.104, theil_sen: 1.103, orthogonal: 1.524, iv: 1.505 },
  },
  {
    id: 'noise of H and C correlated',
    spread: 0.5,
    noiseH: 0.3,
    noiseC: 0.3,
    scatter: 0,
    correlation: 0.8,
    survey: { ols: 1.314, orthogonal: 1.408, iv: 1.498 },
  },
];

/** Slopes for infinitely many points. */
function limits({ spread, noiseH, noiseC, scatter, correlation }: Case) {
  const varX = spread ** 2 + noiseH ** 2;
  const varY = (gamma * spread) ** 2 + noiseC ** 2 + scatter ** 2;
  const cov = gamma * spread ** 2 + correlation * noiseH * noiseC;
  const principal = Math.atan2(2 * cov, varX - varY) / 2;
  return { ols: cov / varX, ols_inverse: varY / cov, orthogonal: Math.tan(principal), iv: gamma };
}

function simulate(test: Case, random: Random) {
  const { spread, noiseH, noiseC, scatter, correlation } = test;
  const half = () => ({ H: new Float64Array(points), C: new Float64Array(points) });
  const [one, two] = [half(), half()];
  for (let i = 0; i < points; i++) {
    const H = spread * random.normal();
    const C = gamma * H + scatter * random.normal();
    for (const part of [one, two]) {
      const shared = random.normal();
      const own = random.normal();
      part.H[i] = H + noiseH * shared;
      part.C[i] = C + noiseC * (correlation * shared + Math.sqrt(1 - correlation ** 2) * own);
    }
  }
  const m = moments(one.H, one.C);
  return {
    ols: leastSquares(m).slope,
    ols_inverse: inverseLeastSquares(m),
    theil_sen: theilSen(one.H, one.C),
    orthogonal: orthogonal(m),
    iv: splitHalf(one.H, one.C, two.H, two.C),
  };
}

describe('slopes with errors in both variables', () => {
  it.each(cases)('$id', (test) => {
    const random = new Random(2026, test.id);
    const found = Array.from({ length: replicates }, () => simulate(test, random));
    const expected = limits(test);
    for (const estimator of ['ols', 'ols_inverse', 'theil_sen', 'orthogonal', 'iv'] as const) {
      const { mean, error } = summarise(found.map((slopes) => slopes[estimator]));
      // Ratios of moments of 500 points are off by the order of 1/500.
      if (estimator !== 'theil_sen')
        expect(Math.abs(mean - expected[estimator]), `${estimator} in the limit`).toBeLessThan(3 * error + 0.003);
      const survey = estimator === 'ols_inverse' ? undefined : test.survey[estimator];
      // The survey's figure is itself a mean of 200, rounded to three decimals.
      if (survey !== undefined)
        expect(Math.abs(mean - survey), `${estimator} ${mean} against the survey's ${survey}`).toBeLessThan(
          3 * Math.SQRT2 * error + 0.0005,
        );
    }
  });

  it('only the instrument is right where H is noisy', () => {
    const random = new Random(2027);
    const found = Array.from({ length: replicates }, () => simulate(cases[3], random));
    const misses = (estimator: keyof (typeof found)[number]) => {
      const { mean, error } = summarise(found.map((slopes) => slopes[estimator]));
      return Math.abs(mean - gamma) / error;
    };
    expect(misses('iv')).toBeLessThan(3);
    for (const estimator of ['ols', 'theil_sen', 'ols_inverse'] as const) expect(misses(estimator)).toBeGreaterThan(10);
  });
});
