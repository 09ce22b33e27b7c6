/** Measurements with their arrays, series, logs, checkpoints. Arrays cross as typed arrays. */
import * as v from 'valibot';
import { diagonalNames, errorNames, splitNames } from '../../array-names.ts';
import type { Estimand } from '../../estimands.ts';
import type { CutoffRow } from '../../slopes.ts';
import { integer } from '../../validation.ts';
import { measurementSchema } from '../../experiment.ts';
import { id, keys, method, textUpTo } from '../define.ts';
import type { LogLine, MeasurementInfo, SeriesData, SeriesInfo, SeriesUpdate } from '../records.ts';

/** Arrays of at most a few numbers per direction; cross-fitted ones [2, d]. Errors are left out of an answer where the measurement has none. What each holds: `ResultArrays` and `ExtraArrays` in src/shared/results.ts. */
export const diagonals = [
  ...diagonalNames,
  // Present if further random splits were measured.
  ...splitNames,
  // Present if duality or assumptions were measured, as the summary says.
  'C_dual_diagonal',
  'dual_spread',
  'C_dual_within_diagonal',
  'dual_within_spread',
  'G_diagonal',
  'F_diagonal',
  'E_diagonal',
  // Present if intervals were computed.
  ...errorNames,
] as const;
export type DiagonalName = (typeof diagonals)[number];

export const matrices = ['C', 'H', 'Q', 'gauss_newton'] as const;
export type MatrixName = (typeof matrices)[number];

export interface MatrixPicture {
  /** Side of the whole matrix. */
  readonly d: number;
  /** Side of the picture: rows and columns from `from` on, `block` x `block` entries per cell. */
  readonly size: number;
  readonly from: number;
  readonly to: number;
  readonly block: number;
  /** [size, size]: the entry of largest absolute value in each cell (so that no outlier is averaged away). */
  readonly cells: Float64Array;
  /** Largest absolute value on and off the diagonal, over the part shown. */
  readonly largestDiagonal: number;
  readonly largestOffDiagonal: number;
}

export interface Eigenvector {
  readonly index: number;
  readonly eigenvalue: number;
  /** The parameter's shape; dense kernels [in, out]. */
  readonly shape: readonly number[];
  /** Of length 1, row-major; the entry of largest absolute value is positive. */
  readonly values: Float64Array;
}

const step = integer(0);
const seriesNames = v.exactOptional(keys(100));
const points = v.exactOptional(integer(5, 100_000));

export const results = {
  /** Of one run or of many, by run, step and parameter. */
  'measurements.list': method<readonly MeasurementInfo[]>()(
    v.strictObject({
      runs: v.pipe(v.array(id), v.minLength(1), v.maxLength(500)),
      parameter: v.exactOptional(textUpTo(200)),
    }),
  ),
  'measurements.arrays': method<Readonly<Partial<Record<DiagonalName, Float64Array>>>>()(
    v.strictObject({ id, names: v.pipe(v.array(v.picklist(diagonals)), v.minLength(1)) }),
  ),
  /** Fits with intervals at any cutoff, by estimand; takes seconds. Null if the measurement does not keep the sums that intervals are computed from. */
  'measurements.atCutoff': method<Readonly<Record<Estimand, CutoffRow>> | null>()(
    v.strictObject({ id, cutoff: v.pipe(v.number(), v.minValue(1e-8), v.maxValue(1)) }),
  ),
  /** A matrix as a picture: in the parameter's own basis, or in the eigenbasis of H (computed the first time, which takes seconds, then kept). */
  'measurements.heatmap': method<MatrixPicture>()(
    v.strictObject({
      id,
      matrix: v.picklist(matrices),
      basis: v.exactOptional(v.picklist(['parameter', 'eigen']), 'eigen'),
      /** Rows and columns [from, to); default all. */
      from: v.exactOptional(integer(0), 0),
      to: v.exactOptional(integer(1)),
      /** The most cells along a side. */
      size: v.exactOptional(integer(1, 1024), 256),
    }),
  ),
  /** v_i of H, i from 0 in decreasing order of eigenvalues. */
  'measurements.eigenvector': method<Eigenvector>()(v.strictObject({ id, index: integer(0) })),
  /** Measures a run again at one of its checkpoints (default the last), as a job; its result is stored with the run. */
  'measurements.start': method<{ readonly job: string }>()(
    v.strictObject({
      run: id,
      step: v.exactOptional(step),
      measurement: measurementSchema,
      priority: v.exactOptional(integer(-1000, 1000), 10),
    }),
  ),

  'series.names': method<readonly SeriesInfo[]>()(v.strictObject({ run: id })),
  /** Series of many runs, by id and name: each downsampled to at most `points`, keeping smallest and largest of every bucket. */
  'series.get': method<Readonly<Record<string, Readonly<Record<string, SeriesData>>>>>()(
    v.strictObject({
      runs: v.pipe(v.array(id), v.minLength(1), v.maxLength(2000)),
      names: seriesNames,
      /** Steps, both ends included. */
      from: v.exactOptional(integer(-1)),
      to: v.exactOptional(integer(0)),
      points,
    }),
  ),
  /** Points added since an earlier answer; all of them if there was none. */
  'series.since': method<SeriesUpdate>()(
    v.strictObject({
      run: id,
      last: v.exactOptional(v.strictObject({ revision: integer(0), nextBatch: integer(0) })),
      names: seriesNames,
    }),
  ),
  /** The newest `last` lines; `next` is the number to continue from with `since`. */
  'logs.get': method<{ readonly lines: readonly LogLine[]; readonly next: number }>()(
    v.strictObject({
      run: id,
      since: v.exactOptional(integer(0)),
      last: v.exactOptional(integer(1, 100_000), 2000),
    }),
  ),
};
