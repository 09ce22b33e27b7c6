/** Measurements of a run: the JSON summary, the file of arrays, and what both give to the summary table. */
import { InputError } from '../../shared/errors.ts';
import { representativeFirst } from '../../shared/representative.ts';
import type { MeasurementSummary } from '../../shared/results.ts';
import { artifactColumns, safeName, type ArtifactRow, type ArtifactTable } from './artifacts.ts';
import { storedJson, type StoreContext } from './context.ts';
import { jsonText } from './experiments.ts';
import type { RunTable } from './runs.ts';
import { summaryKeys, type SummaryTable } from './summary.ts';
import type { Artifact, FailedMeasurement, Json, MeasurementRecord, NewMeasurement } from './types.ts';

interface Row extends Omit<MeasurementRecord, 'summary' | 'options' | 'arrays'> {
  readonly seq: number;
  readonly summary: string | null;
  readonly options: string;
  readonly artifact: string | null;
}

const select = `SELECT m.seq, m.id, r.id AS run, m.parameter, m.step, m.epoch, m.method, m.origin, m.state, m.samples, m.summary, m.error,
    m.options, m.created,
    CASE WHEN a.seq IS NULL THEN NULL ELSE json_object('seq', a.seq, 'kind', a.kind, 'name', a.name, 'path', a.path, 'bytes', a.bytes,
      'sha256', a.sha256, 'state', a.state) END AS artifact
  FROM measurements m JOIN runs r ON r.seq = m.run LEFT JOIN artifacts a ON a.seq = m.artifact`;

export function measurementOperations(
  context: StoreContext,
  runs: RunTable,
  summary: SummaryTable,
  artifacts: ArtifactTable,
) {
  const { prepare, pluck } = context;

  function recordOf(row: Row): MeasurementRecord {
    const { seq: _, artifact, summary: summaryText, options, ...rest } = row;
    return {
      ...rest,
      summary: summaryText === null ? null : storedJson<MeasurementSummary>(summaryText),
      options: storedJson<Json>(options),
      arrays: artifact === null ? null : artifacts.artifactOf(storedJson<ArtifactRow>(artifact)),
    };
  }

  function dropMeasurement(run: number, seq: number): void {
    summary.dropSource(run, seq);
    const artifact = prepare(
      `SELECT ${artifactColumns} FROM artifacts a JOIN measurements m ON m.artifact = a.seq WHERE m.seq = ?`,
    ).get(seq) as ArtifactRow | undefined;
    prepare('DELETE FROM measurements WHERE seq = ?').run(seq);
    if (artifact !== undefined) artifacts.drop(artifact);
  }

  /**
   * Drops what a new measurement or failure makes out of date: every earlier failure of the same parameter and step (of a failure: those of its own origin); and, of
   * the run's own schedule, which measures again after a resume, the earlier result of the same method.
   */
  function dropSuperseded(
    run: number,
    m: Pick<NewMeasurement, 'parameter' | 'step' | 'origin'>,
    method: string,
    state: 'done' | 'failed',
  ): void {
    const superseded = pluck(
      `SELECT seq FROM measurements WHERE run = $run AND parameter = $parameter AND step = $step
         AND ((state = 'failed' AND ($state = 'done' OR origin = $origin))
           OR (origin = 'schedule' AND $origin = 'schedule' AND method = $method))`,
    ).all({ run, parameter: m.parameter, step: m.step, origin: m.origin, method, state }) as number[];
    for (const seq of superseded) dropMeasurement(run, seq);
  }

  /** The summary table shows, of each parameter, its representative measurement (shared/representative.ts). */
  function refreshSummary(run: number, parameter: string): void {
    const all = prepare(
      `SELECT seq, summary FROM measurements WHERE run = ? AND parameter = ? AND state = 'done'
       ORDER BY ${representativeFirst}`,
    ).all(run, parameter) as { seq: number; summary: string }[];
    for (const { seq } of all) summary.dropSource(run, seq);
    const best = all[0];
    if (best !== undefined) summary.setValues(run, summaryKeys(storedJson<MeasurementSummary>(best.summary)), best.seq);
  }

  return {
    /** Stores a measurement, its arrays and its summary keys together, or nothing. Returns its id. */
    addMeasurement(runId: string, m: NewMeasurement): string {
      checkStep(m.step);
      if (m.summary.parameter !== m.parameter) {
        throw new InputError(`measurement: of ${m.parameter}, but its summary is of ${m.summary.parameter}`);
      }
      const text = jsonText(m.summary as unknown as Json, 'summary');
      return context.write(() => {
        const run = runs.runSeq(runId);
        dropSuperseded(run, m, m.summary.method, 'done');
        const id = context.newId();
        const file = `${safeName(m.parameter)}-step-${m.step}-${id}.safetensors`;
        const artifact =
          m.arrays === undefined ? null : artifacts.place(run, runId, 'measurement', m.parameter, file, m.arrays);
        prepare(
          `INSERT INTO measurements (id, run, parameter, step, epoch, method, origin, state, samples, summary, options, artifact, created)
           VALUES (?, ?, ?, ?, ?, ?, ?, 'done', ?, ?, ?, ?, ?)`,
        ).run(
          id,
          run,
          m.parameter,
          m.step,
          m.epoch ?? null,
          m.summary.method,
          m.origin,
          m.summary.samples,
          text,
          jsonText(m.options ?? null, 'options'),
          artifact,
          m.created ?? context.now(),
        );
        refreshSummary(run, m.parameter);
        return id;
      });
    },

    /** Stores the reason why a measurement failed. Returns its id. */
    addFailedMeasurement(runId: string, m: FailedMeasurement): string {
      checkStep(m.step);
      return context.write(() => {
        const run = runs.runSeq(runId);
        dropSuperseded(run, m, m.method, 'failed');
        const id = context.newId();
        prepare(
          `INSERT INTO measurements (id, run, parameter, step, epoch, method, origin, state, error, options, created)
           VALUES (?, ?, ?, ?, ?, ?, ?, 'failed', ?, ?, ?)`,
        ).run(
          id,
          run,
          m.parameter,
          m.step,
          m.epoch ?? null,
          m.method,
          m.origin,
          m.error,
          jsonText(m.options ?? null, 'options'),
          m.created ?? context.now(),
        );
        return id;
      });
    },

    getMeasurement(id: string): MeasurementRecord | undefined {
      const row = prepare(`${select} WHERE m.id = ?`).get(id) as Row | undefined;
      return row && recordOf(row);
    },

    /** Of one run or of many, by run, step and parameter. */
    measurements(
      runIds: string | readonly string[],
      options: { readonly parameter?: string } = {},
    ): MeasurementRecord[] {
      const seqs = runs.runSeqs(typeof runIds === 'string' ? [runIds] : runIds);
      const rows = prepare(
        `${select} WHERE m.run IN (SELECT value FROM json_each(?)) AND (? IS NULL OR m.parameter = ?)
         ORDER BY m.run, m.step, m.parameter, m.seq`,
      ).all(JSON.stringify(seqs), options.parameter ?? null, options.parameter ?? null) as Row[];
      return rows.map(recordOf);
    },

    /** Removes a measurement with its arrays; the summary keys then show the next best. Cannot be undone. */
    deleteMeasurement(id: string): void {
      context.write(() => {
        const row = prepare('SELECT seq, run, parameter FROM measurements WHERE id = ?').get(id) as
          { seq: number; run: number; parameter: string } | undefined;
        if (row === undefined) throw new InputError(`no measurement has the id ${JSON.stringify(id)}`);
        dropMeasurement(row.run, row.seq);
        refreshSummary(row.run, row.parameter);
      });
    },

    artifactOfMeasurement(id: string): Artifact | undefined {
      const row = prepare(
        `SELECT ${artifactColumns} FROM artifacts a JOIN measurements m ON m.artifact = a.seq WHERE m.id = ?`,
      ).get(id) as ArtifactRow | undefined;
      return row && artifacts.artifactOf(row);
    },
  };
}

export type MeasurementTable = ReturnType<typeof measurementOperations>;

export function checkStep(step: number): void {
  if (!(Number.isSafeInteger(step) && step >= 0))
    throw new InputError(`step: expected a whole number >= 0, got ${step}`);
}
