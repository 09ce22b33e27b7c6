/** "C follows Q rather than H" on problems where the answer is known: a tie, Q, and H (linear regression with label noise, where C = s^2 Sigma and H = Sigma). */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { knownGamma } from '../../../src/data/generators/known-gamma.ts';
import { measureExact } from '../../../src/engine/curvature/exact.ts';
import { Pool } from '../../../src/engine/parallel/pool.ts';
import { shared } from '../../../src/engine/parallel/shared.ts';
import { judgeClaims } from '../../../src/shared/claims.ts';
import { parseModel } from '../../../src/shared/model.ts';
import { Random } from '../../../src/shared/random.ts';
import { engines } from '../../support/engines.ts';
import { describeWhere } from '../../support/skips.ts';

for (const engine of engines)
  describeWhere(engine.available, `Q rather than H, ${engine.title}`, () => {
    let pool: Pool;
    beforeAll(async () => {
      pool = new Pool(await engine.open(), { threads: 1 });
    });
    afterAll(() => pool.close());

    const judged = async (input: Parameters<typeof measureExact>[1], parameter: string) => {
      const { summary, release } = await measureExact(pool, input, { parameter, seed: 1, libraryThreads: 1 });
      release();
      return { summary, verdict: judgeClaims(summary).find(({ claim }) => claim === 'Q_rather_than_H')! };
    };

    test.each([
      { gamma: 1, verdict: 'inconclusive' },
      { gamma: 2, verdict: 'pass' },
    ] as const)('known gamma $gamma: $verdict', async ({ gamma, verdict }) => {
      const { data, model, weights, parameter } = knownGamma({
        gamma,
        seed: 1,
        dimensions: 48,
        decades: 1.9,
        samples: 512,
      });
      const { train } = data;
      const found = await judged(
        {
          model,
          weights: new Map(Object.entries(weights).map(([name, { data: values }]) => [name, values as Float64Array])),
          inputs: shared(train.inputs as Float64Array),
          targets: shared(train.targets.values as Float64Array),
          classes: false,
        },
        parameter,
      );
      expect(found.verdict.verdict, found.verdict.reason).toBe(verdict);
    });

    test('linear regression at its optimum: fail', async () => {
      const [d, samples] = [40, 4000];
      const random = new Random(4, 'regression');
      const x = Float64Array.from(
        { length: samples * d },
        (_, at) => 10 ** ((-0.95 * (at % d)) / (d - 1)) * random.normal(),
      );
      const noise = Float64Array.from({ length: samples }, () => random.normal());
      const found = await judged(
        {
          model: parseModel({
            input: [d],
            loss: 'mse',
            layers: [{ type: 'dense', name: 'fc', units: 1, bias: false }],
          }),
          // The optimum of the population; targets are the noise alone.
          weights: new Map([['fc.kernel', new Float64Array(d)]]),
          inputs: shared(x),
          targets: shared(noise),
          classes: false,
        },
        'fc.kernel',
      );
      expect(found.verdict.verdict, found.verdict.reason).toBe('fail');
      const row = found.summary.gamma.cross_fitted.find(({ cutoff }) => cutoff === 1e-2)!;
      // gamma = 1, gamma_Q > 1.
      expect(row.gamma.interval!.ols![0]).toBeLessThan(1);
      expect(row.gamma_Q.ols).toBeGreaterThan(1.02);
    });
  });
