/** What is said of where a measurement was computed. */
import { expect, test } from 'vitest';
import type { MeasurementSummary } from '../../src/shared/results.ts';
import { whereComputed } from '../../src/shared/where-computed.ts';

const along = { cutoff: 1e-4, directions: 3, C: 1e-7, H: 1e-7, Q: 1e-7 };
const reached = { device: 'WebGPU (a card)', samples: 256 };
const summary = (more: object): MeasurementSummary =>
  ({ method: 'exact', gamma: {}, ...more }) as unknown as MeasurementSummary;

test('nothing is said of float64 throughout', () => {
  expect(whereComputed(summary({}))).toBeNull();
});

test('exact: the values along directions only where intervals were taken', () => {
  const without = whereComputed(summary({ precision_reached: { ...reached, sums: { C: 1, H: 1, Q: 1 } } }));
  expect(without?.single).toEqual(['passes', 'packed sums of C, H and Q by chunks']);
  const found = whereComputed(summary({ precision_reached: { ...reached, along } }));
  expect(found?.single.at(-1)).toBe("the samples' values along directions, by blocks");
  expect(found?.double.at(-1)).toBe('fits and intervals');
});

test("projected: values are the device's, and were the cpu's in earlier versions", () => {
  const values = "the samples' values along the directions";
  const products = { directions: 3, H: 1e-7 };
  const now = whereComputed(summary({ method: 'projected', precision_reached: { ...reached, along, products } }));
  expect(now?.single).toEqual(['products with H', values]);
  const before = whereComputed(summary({ method: 'projected', precision_reached: { ...reached, along } }));
  expect(before?.single).toEqual(['products with H']);
  expect(before?.double).toContain(values);
});

test('extras are named where they were asked for', () => {
  const extras = { duality: {}, assumptions: {}, minibatch_noise: {}, density: {} };
  const found = whereComputed(summary({ precision_reached: { ...reached, along }, ...extras }));
  expect(found?.single).toContain('products of the spectral density');
  for (const name of ['duality', 'the old assumption', 'minibatch noise']) expect(found?.double).toContain(name);
});

test("the sums of the old assumption are the device's, and were the cpu's in earlier versions", () => {
  const measured = (method: string, assumptions: object): MeasurementSummary =>
    summary({ method, precision_reached: { ...reached, along }, assumptions });
  expect(whereComputed(measured('exact', {}))?.double).toContain('the old assumption');
  const exact = whereComputed(measured('exact', { precision: 'float32' }));
  expect(exact?.single).toContain('packed sums of F and G');
  expect(exact?.double).toContain('products of C with E, F, G, Q and H^2');
  const projected = whereComputed(measured('projected', { precision: 'float32' }));
  expect(projected?.single).toContain('derivatives of the outputs for F and G');
});
