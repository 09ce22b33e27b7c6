/**
 * Metric series and logs of a run, as its worker sends them: numbered batches, each stored in one transaction, each at most once.
 * A batch that comes again (its answer was lost) changes nothing; one that comes too early is refused.
 */
import { InputError } from '../../shared/errors.ts';
import { storedJson, type StoreContext } from './context.ts';
import { StoreError } from './errors.ts';
import { downsample } from '../../shared/downsample.ts';
import { emptySeries, packPoints, rangeOf, unpackPoints, type PackedPoints } from './packing.ts';
import type { RunTable } from './runs.ts';
import type { RecordedBatch, LogLine, SeriesData, SeriesPoints, SeriesQuery, SeriesUpdate } from './types.ts';

/** Points of a chunk after packing a finished run: 48 KiB. */
const packedPoints = 4096;
const maximumName = 200;

interface Chunk {
  readonly run: number;
  readonly name: string;
  readonly points: number;
  readonly step_bytes: number;
  readonly data: Uint8Array;
}

export function seriesMethods(context: StoreContext, runs: RunTable) {
  const { prepare, pluck } = context;

  function seriesSeq(run: number, name: string): { seq: number; last_step: number | null } {
    if (name === '' || name.length > maximumName)
      throw new InputError(`the name of a series has 1 to ${maximumName} characters`);
    const find = prepare('SELECT seq, last_step FROM series WHERE run = ? AND name = ?');
    const row = find.get(run, name) as { seq: number; last_step: number | null } | undefined;
    if (row !== undefined) return row;
    prepare('INSERT INTO series (run, name) VALUES (?, ?)').run(run, name);
    return find.get(run, name) as { seq: number; last_step: number | null };
  }

  function insertChunk(series: number, number: number, packed: PackedPoints): void {
    prepare(
      'INSERT INTO chunks (series, number, points, first_step, last_step, step_bytes, crc, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    ).run(series, number, packed.points, packed.firstStep, packed.lastStep, packed.stepBytes, packed.crc, packed.data);
    prepare('UPDATE series SET points = points + ?, last_step = ? WHERE seq = ?').run(
      packed.points,
      packed.lastStep,
      series,
    );
  }

  function appendBatch(runId: string, batch: RecordedBatch): boolean {
    const { number } = batch;
    if (!(Number.isSafeInteger(number) && number >= 0))
      throw new InputError(`batch: expected a number from 0, got ${number}`);
    const packed = Object.entries(batch.metrics ?? {}).map(([name, points]) => ({
      name,
      packed: packPoints(name, points),
    }));
    return context.writeLightly(() => {
      const run = runs.runSeq(runId);
      const { next, revision } = prepare('SELECT next_batch AS next, revision FROM runs WHERE seq = ?').get(run) as {
        next: number;
        revision: number;
      };
      if (number > next) {
        throw new StoreError(
          'batch-order',
          `run ${runId}: batch ${number} came where ${next} was due; it was not stored, earlier ones are. Send the missing ones first`,
        );
      }
      if (number < next) {
        // Chunks that were repacked or taken back since cannot be compared with what arrives.
        if (revision === 0) for (const each of packed) checkRepeated(runId, run, number, each.name, each.packed);
        return false;
      }
      for (const each of packed) {
        const series = seriesSeq(run, each.name);
        if (series.last_step !== null && !(each.packed.firstStep > series.last_step)) {
          throw new InputError(
            `series ${each.name}: steps increase, got ${each.packed.firstStep} after ${series.last_step} was stored ` +
              '(a run that resumes takes back later points first, with rewind)',
          );
        }
        insertChunk(series.seq, number, each.packed);
      }
      if (batch.log !== undefined && batch.log.length > 0) {
        const lines = batch.log.map(({ time, level, text }) => [time, level, text]);
        prepare('INSERT INTO logs (run, number, lines, data) VALUES (?, ?, ?, ?)').run(
          run,
          number,
          lines.length,
          JSON.stringify(lines),
        );
      }
      prepare('UPDATE runs SET next_batch = ?, updated = ?, step = coalesce(?, step) WHERE seq = ?').run(
        number + 1,
        context.now(),
        batch.step ?? null,
        run,
      );
      return true;
    });
  }

  /** The same number with other content is a fault of the sender's. */
  function checkRepeated(runId: string, run: number, number: number, name: string, packed: PackedPoints): void {
    const crc = pluck(
      'SELECT c.crc FROM chunks c JOIN series s ON s.seq = c.series WHERE s.run = ? AND s.name = ? AND c.number = ?',
    ).get(run, name, number) as number | undefined;
    if (crc !== undefined && crc !== packed.crc) {
      throw new StoreError(
        'batch-order',
        `run ${runId}: batch ${number} came twice with different values of ${name}; the first is kept. Two workers may be sending for one run`,
      );
    }
  }

  /** Chunks of runs, grouped into whole series; `since`: chunks numbered so or higher alone. */
  function readChunks(
    seqs: readonly number[],
    query: SeriesQuery,
    since: number,
  ): Map<number, Map<string, SeriesData>> {
    const { names, from = -Number.MAX_SAFE_INTEGER, to = Number.MAX_SAFE_INTEGER } = query;
    const chunks = prepare(
      `SELECT s.run, s.name, c.points, c.step_bytes, c.data
       FROM json_each(?) wanted CROSS JOIN series s ON s.run = wanted.value JOIN chunks c ON c.series = s.seq
       WHERE c.number >= ? AND c.last_step >= ? AND c.first_step <= ?
         AND (? IS NULL OR s.name IN (SELECT value FROM json_each(?)))
       ORDER BY s.run, s.name, c.number`,
    ).all(
      JSON.stringify(seqs),
      since,
      Math.max(from, -Number.MAX_SAFE_INTEGER),
      Math.min(to, Number.MAX_SAFE_INTEGER),
      names === undefined ? null : 1,
      JSON.stringify(names ?? []),
    ) as Chunk[];
    const result = new Map<number, Map<string, SeriesData>>();
    for (let start = 0, end = 0; start < chunks.length; start = end) {
      const { run, name } = chunks[start];
      let points = 0;
      for (; end < chunks.length && chunks[end].run === run && chunks[end].name === name; end++)
        points += chunks[end].points;
      const whole = emptySeries(points);
      for (let i = start, at = 0; i < end; at += chunks[i].points, i++) unpackPoints(chunks[i], whole, at);
      const part = rangeOf(whole, query.from, query.to);
      if (!result.has(run)) result.set(run, new Map());
      result.get(run)!.set(name, query.points === undefined ? part : downsample(part, query.points));
    }
    return result;
  }

  return {
    /**
     * Stores a batch; returns false for one that is already stored. Raises `StoreError` `batch-order` on a gap or a contradiction, InputError on
     * invalid points.
     */
    appendBatch,

    /** A batch of metrics alone. */
    appendMetrics(runId: string, number: number, metrics: Readonly<Record<string, SeriesPoints>>): boolean {
      return appendBatch(runId, { number, metrics });
    },

    /** Names of a run's series, with their number of points and last step. */
    seriesNames(runId: string): { readonly name: string; readonly points: number; readonly lastStep: number }[] {
      return prepare(
        'SELECT name, points, last_step AS lastStep FROM series WHERE run = ? AND points > 0 ORDER BY name',
      ).all(runs.runSeq(runId)) as { name: string; points: number; lastStep: number }[];
    },

    series(runId: string, query: SeriesQuery = {}): Record<string, SeriesData> {
      const seq = runs.runSeq(runId);
      return Object.fromEntries(readChunks([seq], query, 0).get(seq) ?? []);
    },

    /** Series of many runs at once, by id: what a comparison draws. */
    seriesOfRuns(runIds: readonly string[], query: SeriesQuery = {}): Record<string, Record<string, SeriesData>> {
      const seqs = runs.runSeqs(runIds);
      const all = readChunks(seqs, query, 0);
      return Object.fromEntries(runIds.map((id, i) => [id, Object.fromEntries(all.get(seqs[i]) ?? [])]));
    },

    /** What came since an earlier answer; everything if there is none, or if points were taken back or repacked since. */
    seriesSince(
      runId: string,
      last?: { readonly revision: number; readonly nextBatch: number },
      names?: readonly string[],
    ): SeriesUpdate {
      const seq = runs.runSeq(runId);
      const state = prepare('SELECT revision, next_batch AS nextBatch FROM runs WHERE seq = ?').get(seq) as {
        revision: number;
        nextBatch: number;
      };
      const reset = last === undefined || last.revision !== state.revision;
      const since = reset ? 0 : last.nextBatch;
      const chunks = readChunks([seq], names === undefined ? {} : { names }, since).get(seq) ?? [];
      return { ...state, reset, series: Object.fromEntries(chunks) };
    },

    /**
     * Takes back the points after `step`: what a run that resumes from a checkpoint at `step` does first. Batch numbers go on from where they were;
     * returns the next.
     */
    rewind(runId: string, step: number): number {
      return context.write(() => {
        const run = runs.runSeq(runId);
        const series = prepare('SELECT seq, name FROM series WHERE run = ? AND last_step > ?').all(run, step) as {
          seq: number;
          name: string;
        }[];
        for (const { seq, name } of series) {
          const straddling = prepare(
            'SELECT number, points, step_bytes, data FROM chunks WHERE series = ? AND first_step <= ? AND last_step > ?',
          ).get(seq, step, step) as (Chunk & { number: number }) | undefined;
          prepare('DELETE FROM chunks WHERE series = ? AND last_step > ?').run(seq, step);
          if (straddling !== undefined) {
            const whole = emptySeries(straddling.points);
            unpackPoints(straddling, whole, 0);
            insertChunk(seq, straddling.number, packPoints(name, rangeOf(whole, undefined, step)));
          }
          recount(seq);
        }
        prepare('UPDATE runs SET revision = revision + ?, step = max(0, min(step, ?)), updated = ? WHERE seq = ?').run(
          series.length > 0 ? 1 : 0,
          step,
          context.now(),
          run,
        );
        return pluck('SELECT next_batch FROM runs WHERE seq = ?').get(run) as number;
      });
    },

    /** Packs the small chunks of a run into few large ones; for a run that has ended. Values stay the same bit for bit. */
    packSeries(runId: string): void {
      context.write(() => {
        const run = runs.runSeq(runId);
        const all = prepare('SELECT s.seq, s.name FROM series s WHERE s.run = ?').all(run) as {
          seq: number;
          name: string;
        }[];
        let packed = false;
        for (const { seq, name } of all) {
          const sizes = prepare('SELECT count(*) AS chunks, sum(points) AS points FROM chunks WHERE series = ?').get(
            seq,
          ) as {
            chunks: number;
            points: number | null;
          };
          const points = sizes.points ?? 0;
          if (sizes.chunks <= Math.ceil(points / packedPoints)) continue;
          const whole = readChunks([run], { names: [name] }, 0)
            .get(run)!
            .get(name)!;
          const last = pluck('SELECT max(number) FROM chunks WHERE series = ?').get(seq) as number;
          prepare('DELETE FROM chunks WHERE series = ?').run(seq);
          const count = Math.ceil(points / packedPoints);
          for (let i = 0; i < count; i++) {
            const part = {
              steps: whole.steps.subarray(i * packedPoints, (i + 1) * packedPoints),
              values: whole.values.subarray(i * packedPoints, (i + 1) * packedPoints),
            };
            // Numbered backwards from the last, so that later batches still come after: there were more chunks than there are now.
            insertChunk(seq, last - (count - 1 - i), packPoints(name, part));
          }
          recount(seq);
          packed = true;
        }
        if (packed) prepare('UPDATE runs SET revision = revision + 1 WHERE seq = ?').run(run);
      });
    },

    /** Log lines of a run from batch `since` on; `last`: at most so many, the newest. */
    logs(runId: string, options: { readonly since?: number; readonly last?: number } = {}): LogLine[] {
      const run = runs.runSeq(runId);
      const newestFirst = pluck('SELECT data FROM logs WHERE run = ? AND number >= ? ORDER BY number DESC');
      const parts: LogLine[][] = [];
      let missing = options.last ?? Infinity;
      for (const row of newestFirst.iterate(run, options.since ?? 0)) {
        if (!(missing > 0)) break;
        const lines = storedJson<[number, LogLine['level'], string][]>(row as string);
        const missingLines = lines.slice(Math.max(0, lines.length - missing));
        missing -= missingLines.length;
        parts.push(missingLines.map(([time, level, text]) => ({ time, level, text })));
      }
      return parts.reverse().flat();
    },
  };

  function recount(series: number): void {
    prepare(
      `UPDATE series SET points = (SELECT coalesce(sum(points), 0) FROM chunks WHERE series = ?),
         last_step = (SELECT max(last_step) FROM chunks WHERE series = ?) WHERE seq = ?`,
    ).run(series, series, series);
  }
}

export type SeriesTable = ReturnType<typeof seriesMethods>;
