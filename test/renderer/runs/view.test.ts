/** What another version stored of the table: each part is used if it is valid, and falls back alone. */
import { describe, expect, it } from 'vitest';
import { firstPosition, firstView, readPosition, readView } from '../../../src/renderer/runs/view.ts';

describe('the view of the table of runs', () => {
  it('is read back as it was stored', () => {
    const view = {
      ...firstView,
      columns: ['name', 'loss'],
      widths: { loss: 80 },
      sort: { key: 'loss', descending: false },
      groups: ['setup'],
      status: 'done',
      tags: ['paper'],
      project: 'none',
    };
    expect(readView(JSON.parse(JSON.stringify(view)))).toEqual(view);
  });

  it.each([
    ['columns that are no list', { columns: 'name' }, {}],
    ['columns without the name', { columns: ['loss'] }, {}],
    ['a column twice', { columns: ['name', 'loss', 'loss'] }, { columns: ['name', 'loss'] }],
    ['widths that are no widths', { widths: { loss: 'wide', name: 20, seed: 56 } }, { widths: { seed: 56 } }],
    ['half a sort', { sort: { key: 'loss' } }, {}],
    ['a status that there is not', { status: 'asleep', filter: 'loss < 1' }, { filter: 'loss < 1' }],
    ['nine groups', { groups: [...'abcdefghi'] }, { groups: [...'abcdefgh'] }],
    ['a field of another version', { zoom: 3, archived: true }, { archived: true }],
  ])('with %s', (_, stored, read) => {
    expect(readView(stored)).toEqual({ ...firstView, ...read });
  });

  it('is none where no object was stored', () => {
    for (const stored of [null, 'view', 3]) expect(readView(stored)).toBeUndefined();
  });
});

it('reads where the table stood', () => {
  const position = { scroll: 120, active: 'a', chosen: ['a', 'b'], open: [] };
  expect(readPosition(position)).toEqual(position);
  expect(readPosition({ ...position, scroll: -1, open: 3 })).toEqual({ ...position, scroll: 0 });
  expect(readPosition({})).toEqual(firstPosition);
});
