/**
 * Which of several measurements represents a parameter where one number or one figure is shown: in the runs table, in comparisons, in figures
 * and reports alike.
 *
 * At one step: the most samples; among those an exact one before a projected one; among those the newest. Without a step: the latest step first.
 */

interface Candidate {
  readonly step: number;
  /** Null if it failed. */
  readonly samples: number | null;
  readonly method: 'exact' | 'projected';
  /** Milliseconds since 1970. */
  readonly created: number;
}

/** Positive if `a` comes before `b` by the rule above; 0 if only the order in which they were stored distinguishes them. */
function compareCandidates(a: Candidate, b: Candidate): number {
  return (
    a.step - b.step ||
    (a.samples ?? -1) - (b.samples ?? -1) ||
    Number(a.method === 'exact') - Number(b.method === 'exact') ||
    a.created - b.created
  );
}

/** The same rule for the store: columns of its table of measurements, the representative first. `seq` counts them as they were stored. */
export const representativeFirst = "step DESC, samples DESC, method = 'exact' DESC, created DESC, seq DESC";

/** The representative measurement; `measurements` in the order in which they were stored. Undefined if there are none. */
export function representativeMeasurement<Measurement extends Candidate>(
  measurements: readonly Measurement[],
): Measurement | undefined {
  return measurements.reduce<Measurement | undefined>(
    (best, each) => (best === undefined || compareCandidates(each, best) >= 0 ? each : best),
    undefined,
  );
}

/**
 * Which layer represents a run where only one is shown: on its result card, and in the notice when it ends. The layer before the output of the paper's
 * network where it was measured, else the last one.
 * @param parameters names of parameters ("fc2.kernel"), or of layers ("fc2"), in the order of the network.
 */
export function mainParameter(parameters: readonly string[]): string | undefined {
  return parameters.find((name) => name === 'fc2.kernel' || name === 'fc2') ?? parameters.at(-1);
}
