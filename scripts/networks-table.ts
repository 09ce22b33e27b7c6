/**
 * The table of docs/networks.md from the runs of one or more stores: a row a measured layer, with gamma and gamma_Q at one cutoff for both
 * estimands (least squares, 95 % intervals), directions and decades, and the verdicts on four claims. `node scripts/networks-table.ts STORE [STORE...]`
 */
import type { CutoffRow, Interval, Slopes } from '../src/shared/slopes.ts';
import { openStore } from '../src/main/store/index.ts';
import { judgeClaims } from '../src/shared/claims.ts';
import type { Claim, Verdict } from '../src/shared/claims.ts';

const folders = process.argv.slice(2);
if (folders.length === 0) throw new Error('usage: node scripts/networks-table.ts STORE [STORE...]');
const cutoff = 1e-4;
const lines = [
  '| network | layer | d | method | samples | training set: gamma | gamma_Q | n, decades | cross-fitted: gamma | gamma_Q | n, decades | 1 <= gamma <= 2 | gamma > 1 | C ~ Q | commute |',
  '| --- | --- | ---: | --- | ---: | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
];

const slopeText = ({ ols, interval }: Slopes): string => {
  if (ols === null) return '-';
  const bounds: Interval | undefined = interval?.ols;
  return bounds === undefined
    ? ols.toFixed(3)
    : `${ols.toFixed(3)} (${bounds[0].toFixed(2)} to ${bounds[1].toFixed(2)})`;
};
const rowText = (row: CutoffRow | undefined): readonly string[] =>
  row === undefined
    ? ['-', '-', '-']
    : [
        slopeText(row.gamma),
        slopeText(row.gamma_Q),
        `${row.n}, ${row.decades.toFixed(1)}${row.n < 30 || row.decades < 1.5 ? ' (inconclusive)' : ''}`,
      ];

const judged = ['gamma_between_1_and_2', 'superlinear', 'C_on_Q', 'commute'] as const satisfies Claim[];
const marks: Readonly<Record<Verdict, string>> = { pass: 'pass', fail: '**fail**', inconclusive: '–' };
const verdictsOn = (results: ReturnType<typeof judgeClaims>): readonly string[] =>
  judged.map((claim) => {
    const found = results.find((each) => each.claim === claim);
    return found === undefined ? '' : marks[found.verdict];
  });

for (const folder of folders) {
  using store = openStore(folder, { readOnly: true });
  for (const run of store.listRuns({ limit: 1000, sort: [{ key: 'created' }] }).rows) {
    for (const { summary } of store.measurements(run.id)) {
      if (summary === null) continue;
      const at = (rows: readonly CutoffRow[]): CutoffRow | undefined => rows.find((row) => row.cutoff === cutoff);
      const cells = [
        run.name,
        summary.parameter,
        String(summary.d),
        summary.method === 'exact' ? 'exact' : `projected, top ${summary.projected?.k ?? ''}`,
        String(summary.samples),
        ...rowText(at(summary.gamma.training_set)),
        ...rowText(at(summary.gamma.cross_fitted)),
        ...verdictsOn(judgeClaims(summary, { cutoff })),
      ];
      lines.push(`| ${cells.join(' | ')} |`);
    }
  }
}
process.stdout.write(`${lines.join('\n')}\n`);
