/** covature validate */
import { calibrationCases, validateCalibration } from '../../validate/calibration.ts';
import type { CalibrationResult, Score } from '../../validate/calibration.ts';
import { openEngine } from '../../jobs/engine.ts';
import { engineFlags, engineOf, integerOption, parse, printJson, UsageError } from '../command.ts';
import type { Command } from '../command.ts';
import { ProgressLine } from '../progress.ts';

const help = `Usage: covature validate [options]

Tests the calibrated exponent on simulated samples whose exponent is known: bias, and the share of 95 % intervals that hold the truth, for exponents of 1, 1.2, 1.5
and 2, three numbers of samples for the dimensions, and light and heavy tails. The samples go through the statistics that measure networks. Prints the table of
docs/statistics.md; the defaults took the time that stands there. Seeded: the same numbers each time on one library.

  --replicates N   simulated data sets a row (default 24)
  --resamples N    of the blocks of each, for its intervals (default 200)
  --cutoff C       directions with H_ii > C H_11 (default 1e-2)
  --seed N         default 1
  --blas NAME      "auto" (default), "wasm", or the path of a BLAS library ($COVATURE_BLAS)
  --json           one JSON document on standard output

Example: npm run --silent covature -- validate --replicates 60`;

const options = {
  blas: engineFlags.blas,
  json: { type: 'boolean' },
  replicates: { type: 'string' },
  resamples: { type: 'string' },
  cutoff: { type: 'string' },
  seed: { type: 'string' },
} as const;

export const validate: Command = {
  help,
  options,
  run: async (argv) => {
    const { values } = parse(argv, options, [0, 0]);
    const replicates = integerOption(values.replicates, 'replicates', 2) ?? 24;
    const resamples = integerOption(values.resamples, 'resamples', 200) ?? 200;
    const seed = integerOption(values.seed, 'seed', 0) ?? 1;
    const cutoff = Number(values.cutoff ?? 1e-2);
    if (!(cutoff > 0 && cutoff < 1))
      throw new UsageError(`--cutoff: expected a number between 0 and 1, found "${values.cutoff}"`);
    const { blas } = await openEngine(engineOf({ blas: values.blas }));
    const progress = new ProgressLine();
    const cases = calibrationCases(cutoff);
    const results: CalibrationResult[] = [];
    for (const [k, each] of cases.entries()) {
      const { gamma, samples } = each.population;
      progress.show(`gamma ${gamma}, ${samples} samples`, k / cases.length, null);
      // One line of progress between two long computations.
      await new Promise((resolve) => setImmediate(resolve));
      results.push(validateCalibration(blas, each, { replicates, resamples, seed }));
    }
    progress.clear();
    if (values.json === true) printJson({ replicates, resamples, seed, cutoff, blas: blas.name, results });
    else process.stdout.write(`${validationTable(results)}\n`);
    return 0;
  },
};

/** Markdown: one row a case. */
export function validationTable(results: readonly CalibrationResult[]): string {
  const score = ({ bias, coverage, found }: Score): string =>
    found === 0 ? '–' : `${bias >= 0 ? '+' : '−'}${Math.abs(bias).toFixed(3)}, ${Math.round(100 * coverage)} %`;
  const rows = results.map(({ population, crossFitted, simulated, extrapolated }) =>
    [
      population.gamma.toFixed(1),
      `${population.samples / population.dimensions}`,
      population.tail === 0 ? 'light' : 'heavy',
      crossFitted.mean.toFixed(3),
      score(crossFitted),
      score(simulated),
      score(extrapolated),
    ].join(' | '),
  );
  return [
    '| true gamma | samples / d | tails | cross-fitted | its bias, coverage | calibrated: bias, coverage | extrapolated: bias, coverage |',
    '| ---: | ---: | --- | ---: | --- | --- | --- |',
    ...rows.map((row) => `| ${row} |`),
  ].join('\n');
}
