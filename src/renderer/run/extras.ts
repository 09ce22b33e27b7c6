/** What can be measured in addition to C, H and Q, and which of it a measurement has. Pure except for the forecast of the time. */
import type { Json, MeasurementInfo, RunDetail } from '../../shared/contract/index.ts';
import { definedOf } from '../../shared/defined.ts';
import type { ExtraOption, MeasurementWanted } from '../../shared/experiment.ts';
import type { MeasurementSummary } from '../../shared/results.ts';
import type { App } from '../state/app.svelte.ts';

export const extraKinds = ['duality', 'assumptions', 'minibatches', 'fluctuations', 'density'] as const;
export type ExtraKind = (typeof extraKinds)[number];

export const extraTitles: Readonly<Record<ExtraKind, string>> = {
  duality: 'activity–weight duality',
  assumptions: 'C against Gauss–Newton, Fisher and others',
  minibatches: 'noise of drawn minibatches',
  fluctuations: 'fluctuations of the weights as SGD continues',
  density: 'spectral density of H',
};

const has: Readonly<Record<ExtraKind, (summary: MeasurementSummary) => boolean>> = {
  duality: ({ duality }) => duality !== undefined,
  assumptions: ({ assumptions }) => assumptions !== undefined,
  minibatches: ({ minibatch_noise }) => minibatch_noise !== undefined,
  fluctuations: ({ weight_fluctuations }) => weight_fluctuations !== undefined,
  density: ({ density }) => density !== undefined,
};

/** Those of layers that see one vector a sample, measured exactly. */
const ofSingleVectors: ReadonlySet<ExtraKind> = new Set(['duality', 'assumptions']);

/** Why an extra that was asked for is missing; undefined if it was not asked for, or was measured. */
function unavailable(summary: MeasurementSummary, kind: ExtraKind): string | undefined {
  switch (kind) {
    case 'duality':
      return summary.duality_unavailable;
    case 'minibatches':
      return summary.minibatch_noise_unavailable;
    case 'fluctuations':
      return summary.weight_fluctuations_unavailable;
    default:
      return undefined;
  }
}

/**
 * What this measurement lacks and another could have. Duality and assumptions are those of layers that see one vector a sample, measured exactly; what was asked for
 * without success is not asked for again.
 */
export function lackingExtras(summary: MeasurementSummary): readonly ExtraKind[] {
  const isExact = summary.method === 'exact';
  return extraKinds.filter(
    (kind) =>
      !has[kind](summary) && unavailable(summary, kind) === undefined && (isExact || !ofSingleVectors.has(kind)),
  );
}

/** What a view may lack: one of the extras, or what the exact method alone has (matrices, the mechanism, noise at work). */
export type Lacking = ExtraKind | 'exact';

/** Views that the exact method alone fills. */
const exactViews: Readonly<Record<string, (summary: MeasurementSummary) => boolean>> = {
  mechanism: ({ mechanism }) => mechanism !== undefined,
  noise: ({ noise_at_work }) => noise_at_work !== undefined,
  heatmaps: ({ method }) => method === 'exact',
};

/** What has to be measured for a view to show something; empty if it does, or if measuring again would not help. */
export function lackingForView(summary: MeasurementSummary, view: string): readonly Lacking[] {
  const isExact = summary.method === 'exact';
  const extra = extraKinds.find((kind) => kind === view);
  if (extra !== undefined) {
    if (has[extra](summary) || unavailable(summary, extra) !== undefined) return [];
    return lackingExtras(summary).includes(extra) ? [extra] : [extra, 'exact'];
  }
  // An exact measurement without intervals has too few samples for the mechanism.
  if (exactViews[view]?.(summary) !== false || (isExact && summary.bootstrap === undefined)) return [];
  return ['exact'];
}

/** Whether a measurement has everything that was missing. */
export function hasResults(summary: MeasurementSummary, kinds: readonly Lacking[]): boolean {
  return kinds.every((kind) => (kind === 'exact' ? summary.method === 'exact' : has[kind](summary)));
}

/** The options that ask for some of the extras. */
export function optionsOf(isWanted: (kind: ExtraKind) => boolean): {
  readonly [Option in ExtraOption]: MeasurementWanted[Option];
} {
  return {
    duality: isWanted('duality') || undefined,
    assumptions: isWanted('assumptions') || undefined,
    minibatch_noise: isWanted('minibatches') ? {} : undefined,
    weight_fluctuations: isWanted('fluctuations') ? {} : undefined,
    density: isWanted('density') || undefined,
  };
}

/** The same measurement with more extras: those it has are measured again. */
export function withExtras(
  info: MeasurementInfo,
  summary: MeasurementSummary,
  more: readonly Lacking[],
): MeasurementWanted {
  const parameters: string[] = [info.parameter];
  return definedOf({
    parameters,
    method: more.includes('exact') ? 'exact' : summary.method,
    samples: summary.samples,
    ...optionsOf((kind) => has[kind](summary) || more.includes(kind)),
  });
}

/** What a measurement will take on this machine: seconds, null if they are not known; or why it cannot be. */
export async function forecastOfMeasurement(
  app: App,
  run: Pick<RunDetail, 'experiment'>,
  measurement: MeasurementWanted,
  summary: MeasurementSummary,
): Promise<{ readonly seconds: number | null; readonly problem: string }> {
  const experiment = { ...(run.experiment as Record<string, Json>), epochs: 0, measurements: [measurement] };
  // The time of another method says nothing about this one.
  const before = measurement.method === summary.method ? (summary.seconds['total'] ?? null) : null;
  try {
    const { forecast, problems } = await app.client.request('experiments.check', { experiment });
    const [problem = ''] = problems.filter((each) => each.includes('measurements['));
    return { seconds: forecast?.seconds ?? before, problem };
  } catch {
    // An imported model whose training is not known: what it took before says enough.
    return { seconds: before, problem: '' };
  }
}
