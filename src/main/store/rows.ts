/** Rows of the table of runs, read for a page at once. */
import type { StoreContext } from './context.ts';
import type { RunRow, SummaryValue } from './types.ts';

interface StoredRow extends Omit<RunRow, 'tags' | 'archived' | 'values'> {
  readonly seq: number;
  readonly archived: number;
  readonly tags: string | null;
}

const select = `SELECT r.seq, r.id, r.name, p.id AS project, r.status, r.colour, r.seed, r.setup, r.priority, r.created, r.started, r.ended,
    r.updated, r.seconds, r.resumed, r.step, r.steps, r.parent, r.relation, t.notes, t.error, r.archived, r.deleted,
    (SELECT json_group_array(g.name ORDER BY g.name) FROM run_tags rt JOIN tags g ON g.seq = rt.tag WHERE rt.run = r.seq) AS tags
  FROM json_each(?) wanted
  CROSS JOIN runs r ON r.seq = wanted.value
  JOIN run_texts t ON t.run = r.seq
  LEFT JOIN projects p ON p.seq = r.project
  ORDER BY wanted.key`;

/** Runs by `seq`, in the order given. `values`: what `SummaryTable.valuesOf` answered for them. */
export function readRows(
  context: StoreContext,
  seqs: readonly number[],
  values?: ReadonlyMap<number, Record<string, SummaryValue>>,
): RunRow[] {
  const rows = context.prepare(select).all(JSON.stringify(seqs)) as StoredRow[];
  return rows.map(({ seq, tags, archived, ...row }) => ({
    ...row,
    archived: archived === 1,
    tags: JSON.parse(tags ?? '[]') as string[],
    values: values?.get(seq) ?? {},
  }));
}
