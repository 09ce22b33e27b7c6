/** Standard errors along directions against their textbook values on drawn samples. */
import { expect, it } from 'vitest';
import { directionErrors } from '../../../src/engine/curvature/direction-errors.ts';
import { chooseDirections, emptySums, planBlocks } from '../../../src/engine/statistics/index.ts';
import type { ProjectedDirections } from '../../../src/engine/statistics/index.ts';
import { Random } from '../../../src/shared/random.ts';

const P = 4000;
/** Spread of v_i . h_p v_i and of |h_p v_i|^2 over samples, and of g_p . v_i, along three directions. */
const spreads = [3, 1, 0.2];

function drawn(seed: number) {
  const random = new Random(seed);
  const blocks = planBlocks([P / 2, P / 2]);
  const directions = chooseDirections([9, 3, 1]);
  const along = (from: number, to: number): ProjectedDirections => {
    const sums = emptySums(to - from, 3);
    for (let b = from; b < to; b++) {
      for (let p = blocks[b].start; p < blocks[b].end; p++) {
        spreads.forEach((spread, i) => {
          const at = (b - from) * 3 + i;
          const [h, q, g] = [random.normal(), random.normal(), random.normal()].map((x) => x * spread);
          sums.curvature[at] += 5 + h;
          sums.squaredCurvature[at] += 40 + q;
          sums.gradient[at] += g;
          sums.squaredGradient[at] += g * g;
        });
      }
    }
    return { directions, sums };
  };
  const firstOfB = blocks.findIndex(({ quarter }) => quarter >= 2);
  return directionErrors({
    blocks,
    training_set: along(0, blocks.length),
    cross_fitted: [along(firstOfB, blocks.length), along(0, firstOfB)],
  });
}

it('are those of means and of a variance, within the scatter of 64 blocks', () => {
  // Means have s / sqrt(P); the variance of normal numbers has s^2 sqrt(2 / P). A jackknife of B blocks scatters by 1 / sqrt(2 (B - 1)): 9 % of 64, 13 % of 32.
  const errors = drawn(7);
  expect([...errors.error_directions]).toEqual([0, 1, 2]);
  expect(errors.cross_fitted_error_directions.length).toBe(6);
  spreads.forEach((spread, i) => {
    const near = (found: number, expected: number, scatter: number): void => {
      expect(Math.abs(found / expected - 1)).toBeLessThan(3.5 * scatter);
    };
    near(errors.H_error[i], spread / Math.sqrt(P), 0.09);
    near(errors.Q_error[i], spread / Math.sqrt(P), 0.09);
    near(errors.C_error[i], spread ** 2 * Math.sqrt(2 / P), 0.09);
    for (const half of [0, 3]) near(errors.cross_fitted_H_error[half + i], spread / Math.sqrt(P / 2), 0.13);
  });
});
