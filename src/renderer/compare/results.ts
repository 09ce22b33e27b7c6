/** Results of runs as a comparison shows them: exponents at the cutoff chosen on the screen, everything else as stored. Pure. */
import { headlineCutoff, isSameCutoff } from '../../shared/estimands.ts';
import type { Estimand } from '../../shared/estimands.ts';
import type { MeasurementInfo, RunRow, SummaryValue } from '../../shared/contract/index.ts';
import { slopeOfRun } from './members.ts';
import type { Quantity } from './members.ts';

const slopes: readonly {
  readonly quantity: Quantity;
  readonly estimand: Estimand;
  readonly key: (layer: string) => string;
}[] = [
  { quantity: 'gamma', estimand: 'training_set', key: (layer) => `gamma.${layer}` },
  { quantity: 'gamma', estimand: 'cross_fitted', key: (layer) => `gamma.${layer}.cross_fitted` },
  { quantity: 'gamma_Q', estimand: 'training_set', key: (layer) => `gamma_Q.${layer}` },
];

/** Whether a result is a slope, which belongs to a cutoff. */
export function isSlope(key: string): boolean {
  return /^gamma(_Q)?\./.test(key);
}

/**
 * By run and summary key. A run's own summary has its slopes at `headlineCutoff` (src/main/store/summary.ts); at another cutoff they are taken from the measurement that
 * represents the layer, and slopes that were not fitted there are left out.
 */
export function resultsAt(
  values: ReadonlyMap<string, RunRow['values']>,
  measurements: readonly MeasurementInfo[],
  parameters: readonly string[],
  cutoff: number,
): ReadonlyMap<string, RunRow['values']> {
  if (isSameCutoff(cutoff, headlineCutoff)) return values;
  return new Map(
    [...values].map(([run, own]) => {
      const others = Object.entries(own).filter(([key]) => !isSlope(key));
      const there = parameters.flatMap((parameter) => {
        const layer = parameter.replace(/\.kernel$/, '');
        return slopes.flatMap(({ quantity, estimand, key }): [string, SummaryValue][] => {
          const slope = slopeOfRun(measurements, run, parameter, { estimand, quantity, cutoff });
          if (slope === null) return [];
          const [low, high] = slope.interval ?? [null, null];
          return [[key(layer), { value: slope.value, text: null, low, high }]];
        });
      });
      return [run, Object.fromEntries([...others, ...there])];
    }),
  );
}
