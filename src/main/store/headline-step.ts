/**
 * The step to version 2: `gamma.L`, `gamma.L.cross_fitted`, `gamma_Q.L` and `C_on_Q.L` were read off at a cutoff of 1e-4 and stand for 1e-2 from now on, so that
 * a column never mixes the two. They are read off again from the stored summaries of the measurements that they came from; one without a fit there goes.
 *
 * Written out in full: a step that has been released says the same whatever the program that runs it has become.
 */
import type Database from 'better-sqlite3';

const keys = [
  { estimand: 'training_set', relation: 'gamma', key: (layer: string) => `gamma.${layer}` },
  { estimand: 'training_set', relation: 'gamma_Q', key: (layer: string) => `gamma_Q.${layer}` },
  { estimand: 'training_set', relation: 'C_on_Q', key: (layer: string) => `C_on_Q.${layer}` },
  { estimand: 'cross_fitted', relation: 'gamma', key: (layer: string) => `gamma.${layer}.cross_fitted` },
] as const;

interface StoredRow {
  readonly cutoff: number;
  readonly [relation: string]: unknown;
}

interface StoredSlopes {
  readonly ols?: number | null;
  readonly interval?: { readonly ols?: readonly [number, number] };
}

export function readHeadlinesAgain(db: Database.Database): void {
  const sources = db
    .prepare(
      `SELECT DISTINCT m.seq, m.run, m.parameter, m.summary FROM measurements m JOIN summary s ON s.source = m.seq AND s.run = m.run
       WHERE m.summary IS NOT NULL`,
    )
    .all() as { seq: number; run: number; parameter: string; summary: string }[];
  const update = db.prepare(
    `UPDATE summary SET value = ?, low = ?, high = ?
     WHERE run = ? AND source = ? AND key = (SELECT seq FROM summary_keys WHERE key = ?)`,
  );
  const remove = db.prepare(
    'DELETE FROM summary WHERE run = ? AND source = ? AND key = (SELECT seq FROM summary_keys WHERE key = ?)',
  );
  for (const { seq, run, parameter, summary } of sources) {
    const { gamma } = JSON.parse(summary) as { gamma?: Record<string, readonly StoredRow[]> };
    const layer = parameter.endsWith('.kernel') ? parameter.slice(0, -'.kernel'.length) : parameter;
    for (const { estimand, relation, key } of keys) {
      const row = gamma?.[estimand]?.find((each) => Math.abs(each.cutoff / 1e-2 - 1) < 1e-6);
      const slopes = row?.[relation] as StoredSlopes | undefined;
      const value = slopes?.ols;
      if (typeof value !== 'number' || !Number.isFinite(value)) remove.run(run, seq, key(layer));
      else {
        const [low, high] = slopes?.interval?.ols ?? [null, null];
        update.run(value, low, high, run, seq, key(layer));
      }
    }
  }
}
