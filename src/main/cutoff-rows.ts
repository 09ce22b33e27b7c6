/** Fits of a stored measurement, with intervals, at one non-standard cutoff. */
import { bootstrap, fitByCutoff, fitCrossFitted, splitsOf, withIntervals } from '../engine/statistics/index.ts';
import type { Diagonals } from '../engine/statistics/index.ts';
import { unpackProjections } from '../engine/statistics/stored-blocks.ts';
import type { CutoffRows } from '../shared/cutoff-rows.ts';
import { diagonalArrays } from '../shared/estimands.ts';
import type { IntervalArrays, MeasurementSummary } from '../shared/results.ts';
import { intervalNames, splitNames } from '../shared/array-names.ts';
import { readResultArrays } from './results-file.ts';

type Fitted = Pick<MeasurementSummary, 'floor' | 'bootstrap' | 'splits'>;

/** The same bootstrap as at the standard cutoffs, with its seed and resamples. Null if the file does not keep the sums needed for it. */
export async function rowsAtCutoff(file: string, summary: Fitted, cutoff: number): Promise<CutoffRows | null> {
  const { floor, bootstrap: made } = summary;
  const intervalArrays = await readResultArrays(file, intervalNames);
  if (made === undefined || intervalNames.some((name) => intervalArrays[name] === undefined)) return null;
  const { training_set, cross_fitted } = await fitsAtCutoff(file, summary, cutoff);
  const projections = unpackProjections(intervalArrays as IntervalArrays);
  const { seed, resamples } = made;
  const { gamma } = withIntervals(
    { training_set: [training_set], cross_fitted: [cross_fitted] },
    bootstrap(projections, { seed, resamples, cutoffs: [cutoff], floors: floor }),
    projections,
  );
  return { training_set: gamma.training_set[0], cross_fitted: gamma.cross_fitted[0] };
}

/** Fits without intervals, which every measurement allows. */
export async function fitsAtCutoff(file: string, { floor, splits }: Fitted, cutoff: number): Promise<CutoffRows> {
  const names = Object.values(diagonalArrays).flatMap((each) => Object.values(each));
  const arrays = await readResultArrays(file, [...new Set(names), ...splitNames]);
  const halves = [0, 1].map((half): Diagonals => {
    const part = (array: Float64Array): Float64Array =>
      array.subarray((half * array.length) / 2, ((half + 1) * array.length) / 2);
    const { selection, H, C, Q } = diagonalArrays.cross_fitted;
    return { selection: part(arrays[selection]), H: part(arrays[H]), C: part(arrays[C]), Q: part(arrays[Q]) };
  });
  const { eigenvalues: H, C_diagonal: C, Q_diagonal: Q } = arrays;
  const more = splitsOf(arrays, (splits?.count ?? 1) - 1);
  return {
    training_set: fitByCutoff({ selection: H, H, C, Q }, floor, [cutoff])[0],
    cross_fitted: fitCrossFitted([halves[0], halves[1]], floor, [cutoff], {}, more)[0],
  };
}
