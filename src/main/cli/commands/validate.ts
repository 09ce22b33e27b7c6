/** covature validate */
import * as v from 'valibot';
import { integer } from '../../../shared/validation.ts';
import { calibrationCases, casesNames, validateCalibration } from '../../validate/calibration.ts';
import type { CalibrationResult, Score } from '../../validate/calibration.ts';
import { openEngine } from '../../jobs/engine.ts';
import { engineFlags, engineOf, jsonFlag, printJson, shareSchema } from '../command.ts';
import type { Command } from '../command.ts';
import { flagsHelp, parse } from '../flags.ts';
import type { Flags } from '../flags.ts';
import { ProgressLine } from '../progress.ts';

const flags = {
  cases: {
    schema: v.optional(v.picklist(casesNames), 'base'),
    value: 'NAME',
    help: 'which rows',
    meanings: {
      base: '24 rows: the exponents, numbers of samples and tails above',
      tails: '12 rows: heavier tails, and sizes of samples that are not log-normal',
      found: '16 rows: only the 40 leading of 150 directions are measured, as by the projected method',
    },
  },
  replicates: { schema: v.optional(integer(2), 24), value: 'N', help: 'simulated data sets per row' },
  resamples: {
    schema: v.optional(integer(200), 200),
    value: 'N',
    help: 'resamples of the blocks of each, for its intervals',
  },
  cutoff: { schema: v.optional(shareSchema, 1e-2), value: 'C', help: 'directions with H_ii > C H_11' },
  seed: { schema: v.optional(integer(0), 1), value: 'N', help: 'of the samples' },
  blas: engineFlags.blas,
  json: jsonFlag,
} as const satisfies Flags;

const help = `Usage: covature validate [options]

Tests the calibrated exponent on simulated samples whose exponent is known: bias, and the share of 95 % intervals that hold the truth, for exponents of 1, 1.2, 1.5
and 2, three numbers of samples for the dimensions, and light and heavy tails. The samples go through the statistics that measure networks. Prints the table of
docs/statistics.md. Seeded: the same numbers each time on one library.

${flagsHelp(flags)}

Example: npm run --silent covature -- validate --replicates 60`;

export const validate: Command = {
  help,
  flags,
  run: async (argv) => {
    const { values } = parse(argv, flags, [0, 0]);
    const { replicates, resamples, seed, cutoff } = values;
    const { blas } = await openEngine(engineOf({ blas: values.blas }));
    const progress = new ProgressLine();
    const cases = calibrationCases(cutoff, values.cases);
    const results: CalibrationResult[] = [];
    for (const [k, each] of cases.entries()) {
      const { gamma, samples } = each.population;
      progress.show(`gamma ${gamma}, ${samples} samples`, k / cases.length, null);
      // One line of progress between two long computations.
      await new Promise((resolve) => setImmediate(resolve));
      results.push(validateCalibration(blas, each, { replicates, resamples, seed }));
    }
    progress.clear();
    if (values.json) printJson({ replicates, resamples, seed, cutoff, blas: blas.name, results });
    else process.stdout.write(`${validationTable(results)}\n`);
    return 0;
  },
};

/** Markdown: one row a case. */
export function validationTable(results: readonly CalibrationResult[]): string {
  const score = ({ bias, coverage, found }: Score): string =>
    found === 0 ? '–' : `${bias >= 0 ? '+' : '−'}${Math.abs(bias).toFixed(3)}, ${Math.round(100 * coverage)} %`;
  const rows = results.map(({ population, found, crossFitted, simulated, extrapolated }) =>
    [
      population.gamma.toFixed(1),
      `${population.samples / population.dimensions}`,
      tailText(population),
      found === undefined ? 'all' : `${found}`,
      crossFitted.mean.toFixed(3),
      score(crossFitted),
      score(simulated),
      score(extrapolated),
    ].join(' | '),
  );
  return [
    '| true gamma | samples / d | tails | found | cross-fitted | its bias, coverage | calibrated: bias, coverage | extrapolated: bias, coverage |',
    '| ---: | ---: | --- | --- | ---: | --- | --- | --- |',
    ...rows.map((row) => `| ${row} |`),
  ].join('\n');
}

function tailText({ tail, sizes }: CalibrationResult['population']): string {
  if (tail === 0) return 'light';
  return sizes === undefined ? `${tail}` : `${tail}, ${sizes}`;
}
