import { describe, expect, test } from 'vitest';
import { domainOf } from '../../../src/shared/figures/layout/scales.ts';
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
