/**
 * The table of docs/networks.md from the runs of one or more stores: one row per measured layer, with gamma and gamma_Q at one cutoff for both
 * estimands (least squares, 95 % intervals), directions and decades, and the verdicts on five claims, corrected by Holm's procedure over all rows. `node scripts/networks-table.ts STORE [STORE...]`
 */
import type { CutoffRow, Interval, Slopes } from '../src/shared/slopes.ts';
import { openStore } from '../src/main/store/index.ts';
import { cutoffInForce } from '../src/shared/slopes.ts';
import type { Claim, Verdict } from '../src/shared/claims.ts';
import { judgeFamily } from '../src/shared/claim-families.ts';
import type { FamilyMember } from '../src/shared/claim-families.ts';
import { headlineCutoff as cutoff } from '../src/shared/estimands.ts';
import type { MeasurementSummary } from '../src/shared/results.ts';

const folders = process.argv.slice(2);
if (folders.length === 0) throw new Error('usage: node scripts/networks-table.ts STORE [STORE...]');
const head = [
  'network',
  'layer',
  'd',
  'method',
  'samples',
  'cutoff in force',
  'training set: gamma',
  'gamma_Q',
  'n, decades',
  'cross-fitted: gamma',
  'gamma_Q',
  'n, decades',
  'calibrated',
  'scatter of C on Q, decades',
];
const judged = [
  'gamma_between_1_and_2',
  'superlinear',
  'C_on_Q',
  'Q_rather_than_H',
  'commute',
] as const satisfies Claim[];
const titles = ['1 <= gamma <= 2', 'gamma > 1.05', 'C ~ Q', 'Q rather than H', 'commute'];
const marks: Readonly<Record<Verdict, string>> = { pass: 'pass', fail: '**fail**', inconclusive: '–' };

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

const members: FamilyMember<{ readonly run: string; readonly summary: MeasurementSummary }>[] = [];
for (const folder of folders) {
  using store = openStore(folder, { readOnly: true });
  for (const run of store.listRuns({ limit: 1000, sort: [{ key: 'created' }] }).rows)
    for (const { summary } of store.measurements(run.id))
      if (summary !== null) members.push({ name: { run: run.name, summary }, measurement: summary });
}
const verdicts = judged.map((claim) => judgeFamily(members, claim));
const lines = members.map(({ name: { run, summary } }, i) => {
  const at = (rows: readonly CutoffRow[]): CutoffRow | undefined => rows.find((row) => row.cutoff === cutoff);
  const [training, crossed] = [at(summary.gamma.training_set), at(summary.gamma.cross_fitted)];
  const calibrated = summary.calibration?.rows.find((row) => row.cutoff === cutoff)?.simulated;
  return [
    run,
    summary.parameter,
    String(summary.d),
    summary.method === 'exact' ? 'exact' : `projected, top ${summary.projected?.k ?? ''}`,
    String(summary.samples),
    training === undefined ? '-' : cutoffInForce(training).toExponential(1),
    ...rowText(training),
    ...rowText(crossed),
    calibrated ? `${calibrated.value.toFixed(3)} (${calibrated.interval.map((x) => x.toFixed(2)).join(' to ')})` : '-',
    training?.C_on_Q.scatter?.toFixed(2) ?? '-',
    ...verdicts.map((family) => marks[family[i].corrected]),
  ];
});
const columns = [...head, ...titles];
const table = [columns, columns.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`);
process.stdout.write(`${table.join('\n')}\n\nHolm over ${members.length} rows, 5 % for each claim.\n`);
