/** How far the intervals of a measurement can be trusted: reasons to read them as less than 95 %, and the label that they get. */
import type { MeasurementSummary } from './results.ts';
import type { CutoffRow } from './slopes.ts';

/** Beyond these limits the intervals are known to cover less than 95 % (docs/statistics.md). */
const trusted = { blockOfGamma: 0.5, sampleOfNoise: 0.05, samples: 256 } as const;

/**
 * Why the intervals of a row should not be read as 95 %, in words; empty if there is no known reason. It also decides the label of the interval:
 * "95 %" is not printed if the coverage is known to be less.
 */
export function intervalDoubts(
  row: Pick<CutoffRow, 'block_share'>,
  { bootstrap, noise_share, samples }: Pick<MeasurementSummary, 'bootstrap' | 'noise_share' | 'samples'>,
): string[] {
  if (bootstrap === undefined) return [];
  const reservations: string[] = [];
  const percent = (share: number): string => `${Math.round(100 * share)} %`;
  const share = row.block_share ?? 0;
  if (share > trusted.blockOfGamma)
    reservations.push(
      `one of ${bootstrap.blocks} blocks of samples carries ${percent(share)} of the variance of gamma: few samples decide it`,
    );
  const sample = noise_share?.sample ?? 0;
  if (sample > trusted.sampleOfNoise)
    reservations.push(
      `one sample carries ${percent(sample)} of tr C: another set of this many samples may contain none like it`,
    );
  if (samples < trusted.samples) reservations.push(`only ${samples} samples`);
  return reservations;
}

/** "95 %" unless the coverage is known to be less, else "nominal 95 %". */
export function intervalLabel(doubts: readonly string[]): string {
  return doubts.length === 0 ? '95 %' : 'nominal 95 %';
}

/** A warning if few samples decide gamma; null if enough do, or gamma has no interval to doubt. */
export function fewSamples(
  row: Pick<CutoffRow, 'block_share' | 'gamma'>,
  summary: Pick<MeasurementSummary, 'bootstrap' | 'noise_share' | 'samples'>,
): string | null {
  if (row.gamma.interval?.ols === undefined) return null;
  const doubts = intervalDoubts(row, summary);
  return doubts.length === 0 ? null : `${doubts.join('; ')}; its interval covers less than 95 %`;
}
