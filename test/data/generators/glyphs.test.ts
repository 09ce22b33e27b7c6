import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { glyphs } from '../../../src/data/generators/glyphs.ts';
import { countClasses } from '../../../src/data/dataset.ts';
import { Random } from '../../../src/shared/random.ts';

const set = glyphs();

/**
 * SGD on softmax cross-entropy in plain loops, no library: weights [out, in] without biases, ReLU between; batch 50, learning rate 0.1, constant.
 * Returns the accuracy on the test part.
 */
function testAccuracy(sizes: readonly number[], epochs: number): number {
  const random = new Random(1, 'test of glyphs');
  const last = sizes.length - 1;
  const weights = sizes.slice(1).map((out, l) => {
    const deviation = last > 1 ? Math.sqrt(2 / sizes[l]) : 0;
    return Float64Array.from({ length: sizes[l] * out }, () => deviation * random.normal());
  });
  const gradients = weights.map((w) => new Float64Array(w.length));
  const acts = sizes.map((n) => new Float64Array(n));
  const deltas = sizes.map((n) => new Float64Array(n));
  const forward = (inputs: ArrayLike<number>, row: number) => {
    for (let i = 0; i < 784; i++) acts[0][i] = inputs[row * 784 + i] / 255;
    for (let l = 0; l < last; l++) multiply(weights[l], acts[l], acts[l + 1], l + 1 < last);
    return acts[last];
  };
  for (let epoch = 0; epoch < epochs; epoch++) {
    random.permutation(set.train.count).forEach((row, n) => {
      const y = forward(set.train.inputs, row);
      const top = Math.max(...y);
      const total = y.reduce((sum, v) => sum + Math.exp(v - top), 0);
      for (let j = 0; j < 10; j++)
        deltas[last][j] = Math.exp(y[j] - top) / total - (j === set.train.targets.values[row] ? 1 : 0);
      for (let l = last - 1; l >= 0; l--) {
        addOuter(gradients[l], deltas[l + 1], acts[l]);
        if (l > 0) multiplyBack(weights[l], deltas[l + 1], acts[l], deltas[l]);
      }
      if (n % 50 !== 49) return;
      weights.forEach((w, l) => {
        const g = gradients[l];
        for (let i = 0; i < w.length; i++) w[i] -= (0.1 / 50) * g[i];
        g.fill(0);
      });
    });
  }
  const test = set.test!;
  let right = 0;
  for (let row = 0; row < test.count; row++) {
    const y = forward(test.inputs, row);
    if (y.indexOf(Math.max(...y)) === test.targets.values[row]) right++;
  }
  return right / test.count;
}

/** z = W a, then ReLU if asked. */
function multiply(w: Float64Array, a: Float64Array, z: Float64Array, relu: boolean): void {
  for (let j = 0, at = 0; j < z.length; j++) {
    let sum = 0;
    for (let i = 0; i < a.length; i++, at++) sum += w[at] * a[i];
    z[j] = relu && sum < 0 ? 0 : sum;
  }
}
/** G += d a^T. */
function addOuter(g: Float64Array, d: Float64Array, a: Float64Array): void {
  for (let j = 0, at = 0; j < d.length; j++) {
    const dj = d[j];
    for (let i = 0; i < a.length; i++, at++) g[at] += dj * a[i];
  }
}
/** below = W^T d where the unit is on. */
function multiplyBack(w: Float64Array, d: Float64Array, a: Float64Array, below: Float64Array): void {
  below.fill(0);
  for (let j = 0, at = 0; j < d.length; j++) for (let i = 0; i < a.length; i++, at++) below[i] += w[at] * d[j];
  for (let i = 0; i < a.length; i++) if (!(a[i] > 0)) below[i] = 0;
}

describe('glyphs', () => {
  it('are 8,000 + 2,000 grey images with as many of each digit', () => {
    expect(set.shape).toEqual([28, 28, 1]);
    expect(countClasses(set.train.targets, 10)).toEqual(new Array(10).fill(800));
    expect(countClasses(set.test!.targets, 10)).toEqual(new Array(10).fill(200));
    expect(new Set(set.train.inputs).size).toBe(256);
  });

  it('are the same bytes on every machine', () => {
    const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
    expect(sha(set.train.inputs as Uint8Array)).toMatchInlineSnapshot(
      `"96dc8c7a4f4dce1d85c3470b87de58de9d904252457ca9d1e608d94a7dac1242"`,
    );
    expect(sha(set.test!.inputs as Uint8Array)).toMatchInlineSnapshot(
      `"b6c7a8ed8e3bfcd09056fecb56762eec8ca420ead35d114f05efdcbf9c66fc63"`,
    );
  });

  it('do not depend on how many are asked for, and do on the seed', () => {
    const few = glyphs({ train: 25, test: 0 });
    expect(few.test).toBeNull();
    expect(few.train.inputs).toEqual(set.train.inputs.subarray(0, 25 * 784));
    expect(few.train.targets.values).toEqual(set.train.targets.values.subarray(0, 25));
    expect(glyphs({ seed: 1, train: 25, test: 0 }).train.inputs).not.toEqual(few.train.inputs);
  });

  it('are drawn inside the image: hardly any pen touches its border', () => {
    let bright = 0;
    for (let n = 0; n < 2000; n++)
      for (let i = 0; i < 28; i++)
        for (const at of [i, 27 * 28 + i, 28 * i, 28 * i + 27]) if (set.test!.inputs[n * 784 + at] > 120) bright++;
    expect(bright / (2000 * 112)).toBeLessThan(0.01);
  });

  it('keep a linear model under 90 %', () => {
    expect(testAccuracy([784, 10], 8)).toBeLessThan(0.88);
  });

  it('let 784-50-50-10 reach 97 % in 10 epochs', () => {
    expect(testAccuracy([784, 50, 50, 10], 10)).toBeGreaterThan(0.97);
    // Some 8 s on a machine that has nothing else to do.
  }, 600_000);
});
