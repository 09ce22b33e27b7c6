import { expect, it } from 'vitest';

/** The window's own types need a DOM, which tests of the main side do not have. */
const { tableOf } = (await import(new URL('../../../src/renderer/figures/csv.ts', import.meta.url).href)) as {
  readonly tableOf: (text: string) => {
    readonly columns: readonly string[];
    readonly count: number;
    readonly row: (index: number) => readonly (number | string | null)[];
  };
};

it('reads quotes, line ends of both kinds, empty cells and numbers', () => {
  const table = tableOf('# a remark, with a comma\r\nname,"x, of ""H""",y\r\n"two\nlines",1e-5,\r\nrun,-0.25,NaN\r\n');
  expect(table.columns).toEqual(['name', 'x, of "H"', 'y']);
  expect([0, 1].map((i) => table.row(i))).toEqual([
    ['two\nlines', 1e-5, null],
    ['run', -0.25, 'NaN'],
  ]);
  expect(table.count).toBe(2);
});
