/** The lines of the table as they are read: by few requests, because each sorts or groups every run of the store. */
import { describe, expect, it } from 'vitest';
import { groupPage, runPage, stretchesOf } from '../../../src/renderer/runs/lines.ts';
import type { RunsWanted } from '../../../src/renderer/runs/lines.ts';
import { RunsReader } from '../../../src/renderer/runs/reading.ts';
import type { Asking } from '../../../src/renderer/runs/reading.ts';

interface Asked {
  readonly method: string;
  readonly params: { readonly offset: number; readonly limit: number };
}

/** A store of 1,000 runs or groups, numbered. */
function reader(): { readonly asked: Asked[]; readonly reader: RunsReader } {
  const asked: Asked[] = [];
  const request = (method: string, params: Asked['params']) => {
    asked.push({ method, params });
    const list = Array.from({ length: Math.min(params.limit, 1000 - params.offset) }, (_, i) => ({
      id: `run ${params.offset + i}`,
      key: { setup: `group ${params.offset + i}` },
    }));
    return Promise.resolve(
      method === 'runs.list'
        ? { total: 1000, rows: list, place: null, revision: 7 }
        : { total: 1000, runs: 5000, groups: list, places: [], revision: 7 },
    );
  };
  return { asked, reader: new RunsReader({ request } as unknown as Asking) };
}

const wanted: RunsWanted = { where: {}, sort: { key: 'created', descending: true }, columns: ['loss'], by: [] };
const standing = { lines: null, active: null, open: [] };

describe('lines in view that are on several pages come by one request', () => {
  it('of runs', async () => {
    const { asked, reader: of } = reader();
    const { lines, revision } = await of.read(wanted, { ...standing, visible: [runPage - 20, runPage + 30] });
    expect(asked).toHaveLength(1);
    expect([...lines.rows].map(([page, rows]) => [page, rows.length, rows[0].id])).toEqual([
      [0, runPage, 'run 0'],
      [1, runPage, `run ${runPage}`],
    ]);
    expect([lines.total, revision]).toEqual([1000, 7]);
  });

  it('of groups', async () => {
    const { asked, reader: of } = reader();
    const visible = [groupPage + 1, 3 * groupPage + 1] as const;
    const { lines } = await of.read({ ...wanted, by: ['setup'] }, { ...standing, visible });
    expect(asked.map(({ method, params: { offset, limit } }) => [method, offset, limit])).toEqual([
      ['runs.groups', groupPage, 3 * groupPage],
    ]);
    expect([...lines.groups].map(([page, groups]) => [page, groups[0].key])).toEqual([
      [1, { setup: `group ${groupPage}` }],
      [2, { setup: `group ${2 * groupPage}` }],
      [3, { setup: `group ${3 * groupPage}` }],
    ]);
  });
});

it('pages without a gap are one stretch', () => {
  expect(stretchesOf([1, 2, 3, 7, 8, 10])).toEqual([[1, 2, 3], [7, 8], [10]]);
  expect(stretchesOf([])).toEqual([]);
});
