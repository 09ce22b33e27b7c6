import { describe, expect, test } from 'vitest';
import { domainOf } from '../../../src/shared/figures/layout/scales.ts';
import { linearTicks, logTicks } from '../../../src/shared/figures/ticks.ts';
import type { Axis, Panel } from '../../../src/shared/figures/types.ts';

const panel = (x: Partial<Axis>): Panel => ({
  row: 0,
  column: 0,
  x: { scale: 'linear', label: 'x', ...x },
  y: { scale: 'linear', label: 'y' },
  marks: [{ kind: 'line', name: 'line', x: [1, 2], y: [3, 4], colour: 0, what: 'values' }],
});

describe('limits that are given', () => {
  test('the wrong way round: the axis is named, and what to change', () => {
    expect(() => domainOf([panel({ min: 3, max: 1 })], 'x')).toThrow(
      /^the horizontal axis cannot run from 3 to 1: .*x\.max.*x\.min/,
    );
  });

  test('not positive on a logarithmic axis: likewise', () => {
    expect(() => domainOf([panel({ scale: 'log', min: 0 })], 'x')).toThrow(
      /^the horizontal axis is logarithmic: .*not 0 to by the data.*x\.min/,
    );
  });

  test('one limit beyond all data is kept, and the other makes room', () => {
    expect(domainOf([panel({ max: -5 })], 'x')).toMatchObject({ min: -6, max: -5 });
    expect(domainOf([panel({ min: 9 })], 'x')).toMatchObject({ min: 9, max: 10 });
    expect(domainOf([panel({ scale: 'log', max: 0.01 })], 'x')).toMatchObject({ min: 0.001, max: 0.01 });
  });
});

describe('data at the size of rounding', () => {
  const spread = (values: readonly number[], x: Partial<Axis> = {}): Panel => ({
    ...panel(x),
    marks: [{ kind: 'line', name: 'line', x: values, y: values.map(() => 1), colour: 0, what: 'values' }],
  });
  const unit = 2 ** -52;

  test.each([
    ['two neighbouring doubles', [2.302585, 2.302585 * (1 + unit)]],
    ['a loss that only rounding moves', [1.0986122886681096, 1.0986122886681098, 1.0986122886681091]],
    ['large numbers a unit apart', [2 ** 53, 2 ** 53 + 2]],
    ['numbers without full precision', [3e-310, 5e-320]],
    ['one number', [7, 7]],
    ['negative numbers', [-1e15, -1e15 - 0.125]],
  ])('%s: one value, with a tenth of it as room', (_, values) => {
    const { min, max } = domainOf([spread(values)], 'x');
    const size = Math.max(...values.map(Math.abs));
    expect(max - min).toBeGreaterThanOrEqual(0.19 * size);
    for (const value of values) expect(value > min && value < max).toBe(true);
    const ticks = linearTicks(min, max, 150, 15);
    expect(ticks.length).toBeGreaterThan(1);
    expect(ticks.length).toBeLessThan(100);
  });

  test('on a logarithmic axis: one value, with more than a decade of room', () => {
    const { min, max } = domainOf([spread([3, 3 * (1 + unit)], { scale: 'log' })], 'x');
    expect(max / min).toBeGreaterThan(10);
    expect(logTicks(min, max, 150, 20).length).toBeGreaterThan(1);
  });

  test.each([
    ['linear', [-Number.MAX_VALUE, Number.MAX_VALUE]],
    ['log', [Number.MIN_VALUE, Number.MAX_VALUE]],
  ] as const)('a %s axis over all that doubles hold has limits and ticks', (scale, values) => {
    const { min, max } = domainOf([spread([...values], { scale })], 'x');
    expect(Number.isFinite(max - min)).toBe(true);
    const ticks = scale === 'log' ? logTicks(min, max, 150, 20) : linearTicks(min, max, 150, 20);
    expect(ticks.length).toBeGreaterThan(1);
    expect(ticks.length).toBeLessThan(6000);
  });

  test('limits given as one value are refused by name; one of them alone makes room', () => {
    expect(() => domainOf([panel({ min: 1, max: 1 + unit })], 'x')).toThrow(
      /^the horizontal axis cannot run from 1 to 1.0000000000000002, which is one value up to rounding: .*x\.max/,
    );
    const { min, max } = domainOf([panel({ min: 1e20 })], 'x');
    expect(min).toBe(1e20);
    expect(max).toBeGreaterThan(1.05e20);
  });
});
