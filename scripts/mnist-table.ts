/**
 * The tables of docs/mnist.md from a store with the runs of resources/examples/mnist-*.json: mean and standard deviation over seeds, at three
 * cutoffs, for both estimands; and the activity-weight duality if it was measured. `node scripts/mnist-table.ts STORE`
 */
import type { CutoffRow } from '../src/shared/slopes.ts';
import type { Estimand } from '../src/shared/estimands.ts';
import { openStore } from '../src/main/store/index.ts';
import type { DualitySummary, PairKind } from '../src/shared/duality.ts';
import type { MeasurementSummary } from '../src/shared/results.ts';

const folder = process.argv[2];
if (folder === undefined) throw new Error('usage: node scripts/mnist-table.ts STORE');
const cutoffs = [1e-2, 1e-4, 1e-6];

using store = openStore(folder, { readOnly: true });
const { rows } = store.listRuns({ limit: 1000, sort: [{ key: 'created' }] });
const setups = new Map<string, { name: string; summaries: MeasurementSummary[] }>();
for (const run of rows) {
  const summary = store.measurements(run.id).find((each) => each.parameter === 'fc2.kernel')?.summary;
  if (summary === undefined || summary === null) continue;
  const setup = setups.get(run.setup) ?? { name: run.name, summaries: [] };
  setup.summaries.push(summary);
  setups.set(run.setup, setup);
}

const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
const statistics = (values: readonly number[], digits = 3): string => {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1);
  return `${mean.toFixed(digits)} ± ${Math.sqrt(variance).toFixed(digits)}`;
};

print(
  '| network, loss | cutoff | n | training set: gamma | gamma_Q | C on Q | cross-fitted: gamma | gamma_Q | C on Q |',
);
print('| --- | --- | --- | --- | --- | --- | --- | --- | --- |');
for (const { name, summaries } of setups.values()) {
  const losses = summaries.map((each) => each.loss);
  for (const cutoff of cutoffs) {
    const at = (estimand: Estimand): CutoffRow[] =>
      summaries.map((each) => {
        const row = each.gamma[estimand].find((candidate) => candidate.cutoff === cutoff);
        if (row === undefined) throw new Error(`${name}: no fit at ${cutoff}`);
        return row;
      });
    const slopes = (estimand: Estimand): string[] =>
      (['gamma', 'gamma_Q', 'C_on_Q'] as const).map((key) =>
        statistics(at(estimand).map((row) => row[key].ols ?? NaN)),
      );
    const n = statistics(
      at('training_set').map((row) => row.n),
      0,
    );
    const title =
      cutoff === cutoffs[0]
        ? `${name}, ${summaries.length} seeds (train loss ${Math.min(...losses).toFixed(3)} to ${Math.max(...losses).toFixed(3)})`
        : '';
    print(
      `| ${[title, cutoff.toExponential(0), n, ...slopes('training_set'), ...slopes('cross_fitted')].join(' | ')} |`,
    );
  }
}
print('');
print('| network, loss | cosine (C, H) | cosine (C, Q) | commutator ratio | the same for random rotations |');
print('| --- | --- | --- | --- | --- |');
for (const { name, summaries } of setups.values()) {
  const column = (pick: (summary: MeasurementSummary) => number): string => statistics(summaries.map(pick));
  print(
    `| ${name} | ${column((s) => s.cosine_CH)} | ${column((s) => s.cosine_CQ)} | ${column((s) => s.commutator_ratio)} | ${column((s) => s.commutator_baseline.mean)} |`,
  );
}

const dual = [...setups.values()].flatMap(({ name, summaries }) => {
  const found = summaries.flatMap(({ duality }) => (duality === undefined ? [] : [duality]));
  return found.length > 1 ? [{ name, found }] : [];
});
for (const { name, found } of dual) {
  const column = (pick: (duality: DualitySummary) => number | null | undefined, digits = 2): string =>
    statistics(
      found.map((each) => pick(each) ?? NaN),
      digits,
    );
  print('');
  print(`| ${name}, ${found.length} seeds | within a class | across classes | all pairs |`);
  print('| --- | --- | --- | --- |');
  const row = (title: string, pick: (kind: PairKind) => string): void => {
    print(`| ${[title, ...(['within', 'across', 'all'] as const).map(pick)].join(' | ')} |`);
  };
  row('median residual of h_p Delta against g_q - g_p', (kind) =>
    kind === 'all' ? '' : column(({ residuals }) => residuals[kind]?.gradient_difference.median),
  );
  row('tr C_dual / tr C', (kind) => column(({ moments }) => moments[kind]?.trace_ratio, 1));
  row('median C_dual,ii / C_ii, cutoff 1e-4', (kind) =>
    column(({ moments }) => moments[kind]?.rows.find((each) => each.cutoff === 1e-4)?.median_ratio, 1),
  );
  for (const cutoff of [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8])
    row(`isotropy slope, cutoff ${cutoff.toExponential(0)}`, (kind) =>
      column(({ moments }) => moments[kind]?.rows.find((each) => each.cutoff === cutoff)?.isotropy.slope, 3),
    );
}
