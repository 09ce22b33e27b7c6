/** The values passed between the oracle's layers, and small shared loops. */
import { add, constant, multiply, scale } from './hyper-dual.ts';
import type { HyperDual } from './hyper-dual.ts';

export type DualWeights = Readonly<Record<string, readonly HyperDual[]>>;

/** Row-major. */
export interface Values {
  readonly shape: readonly number[];
  readonly x: readonly HyperDual[];
}

export const zero = constant(0);

export function positions(rows: number, width: number, value: (row: number, column: number) => HyperDual): HyperDual[] {
  return Array.from({ length: rows * width }, (_, at) => value(Math.floor(at / width), at % width));
}

export function mean(values: readonly HyperDual[]): HyperDual {
  return scale(values.reduce(add, zero), 1 / values.length);
}

/** Rows of `inner` numbers times a kernel [inner, outer], plus a bias [outer] if there is one. */
export function affine(
  x: readonly HyperDual[],
  inner: number,
  outer: number,
  kernel: (i: number, k: number) => HyperDual,
  bias: readonly HyperDual[] | null,
): HyperDual[] {
  return positions(x.length / inner, outer, (r, k) => {
    let sum = bias?.[k] ?? zero;
    for (let i = 0; i < inner; i++) sum = add(sum, multiply(x[r * inner + i], kernel(i, k)));
    return sum;
  });
}
