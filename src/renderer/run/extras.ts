/** What may be measured beside C, H and Q, and what of it a measurement has. Pure but for the question how long it takes. */
import type { Json, MeasurementInfo, RunDetail } from '../../shared/contract/index.ts';
import type { MeasurementSummary } from '../../shared/results.ts';
import type { App } from '../state/app.svelte.ts';

export const extraKinds = ['duality', 'assumptions', 'minibatches', 'fluctuations', 'density'] as const;
export type ExtraKind = (typeof extraKinds)[number];

export const extraTitles: Readonly<Record<ExtraKind, string>> = {
  duality: 'activity–weight duality',
  assumptions: 'C against Gauss–Newton, Fisher and others',
  minibatches: 'noise of drawn minibatches',
  fluctuations: 'fluctuations of the weights as SGD goes on',
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

/** What this measurement lacks. Duality and assumptions are those of layers that see one vector a sample, measured exactly. */
export function lackingExtras(summary: MeasurementSummary): readonly ExtraKind[] {
  const isExact = summary.method === 'exact';
  return extraKinds.filter((kind) => !has[kind](summary) && (isExact || !ofSingleVectors.has(kind)));
}

/** As a person writes it into an experiment. */
export interface MeasurementWanted {
  readonly parameters: string[];
  readonly method: MeasurementSummary['method'];
  readonly samples: number;
  readonly duality?: true;
  readonly assumptions?: true;
  readonly minibatch_noise?: Record<string, never>;
  readonly weight_fluctuations?: Record<string, never>;
  readonly density?: true;
}

/** The same measurement again with more: what it has stays in the new one. */
export function withExtras(
  info: MeasurementInfo,
  summary: MeasurementSummary,
  more: readonly ExtraKind[],
): MeasurementWanted {
  const wanted = extraKinds.filter((kind) => has[kind](summary) || more.includes(kind));
  return {
    parameters: [info.parameter],
    method: summary.method,
    samples: summary.samples,
    ...(wanted.includes('duality') && { duality: true }),
    ...(wanted.includes('assumptions') && { assumptions: true }),
    ...(wanted.includes('minibatches') && { minibatch_noise: {} }),
    ...(wanted.includes('fluctuations') && { weight_fluctuations: {} }),
    ...(wanted.includes('density') && { density: true }),
  };
}

/** Seconds that it will take on this machine; null where that is not known. */
export async function secondsOfMeasurement(
  app: App,
  run: Pick<RunDetail, 'experiment'>,
  measurement: MeasurementWanted,
  summary: MeasurementSummary,
): Promise<number | null> {
  const experiment = { ...(run.experiment as Record<string, Json>), epochs: 0, measurements: [measurement] };
  try {
    const { forecast } = await app.client.request('experiments.check', { experiment });
    if (forecast?.seconds !== null && forecast?.seconds !== undefined) return forecast.seconds;
  } catch {
    // An imported model whose training is not known: what it took before says enough.
  }
  return summary.seconds['total'] ?? null;
}
