/** covature report */
import * as path from 'node:path';
import { writeFileAtomic } from '../../../data/files.ts';
import { reportOf } from '../../../shared/figures/report/content.ts';
import { loadFonts } from '../../figures/fonts.ts';
import { fileName, fileStem } from '../../figures/batch.ts';
import { FigureLoader } from '../../figures/loader.ts';
import { renderReport } from '../../figures/report.ts';
import { loadReported, sourceReport } from '../../figures/reported.ts';
import {
  engineFlags,
  engineHelp,
  engineOf,
  integerOption,
  oneOf,
  openStoreFor,
  parse,
  printJson,
  storeHelp,
  storeOptions,
  UsageError,
  makeFolder,
} from '../command.ts';
import type { Command } from '../command.ts';
import { fontOption, paletteOption } from '../figure-options.ts';

const formats = ['html', 'pdf'] as const;

const help = `Usage: covature report RUN [RUN ...] [--format html|pdf] --out DIR [options]

Writes a report of a run, or of several set side by side: configuration (what differs first), results with 95 % intervals, all figures, definitions.
One HTML file that needs nothing else and no network, and the same as PDF on A4.

  --format KIND    html, pdf (default: both)
  --out DIR        folder that receives the files (made if need be; default: this one)
  --name NAME      file name without its ending (default: the run's name)
  --title TEXT     heading of the report
  --parameter P    only this layer
  --step N         measurements at this step of training (default: the last)
  --cutoff C       directions with H_ii above C times the largest (default: 1e-2, or the nearest with a fit)
  --font NAME      stix, sans, dejavu
  --palette NAME   okabe-ito, tol, ink
${engineHelp}
${storeHelp}

Example: covature report a1b2 c3d4 --format pdf --out reports`;

const options = {
  ...storeOptions,
  ...engineFlags,
  format: { type: 'string', multiple: true },
  out: { type: 'string' },
  name: { type: 'string' },
  title: { type: 'string' },
  parameter: { type: 'string' },
  step: { type: 'string' },
  cutoff: { type: 'string' },
  font: { type: 'string' },
  palette: { type: 'string' },
} as const;

export const report: Command = {
  help,
  options,
  run: async (argv) => {
    const { values, positionals } = parse(argv, options, [1, Infinity]);
    const wanted = (values.format ?? [...formats])
      .flatMap((text) => text.split(','))
      .map((text) => oneOf(text, 'format', formats));
    const step = integerOption(values.step, 'step', 0);
    const cutoff = values.cutoff === undefined ? undefined : Number(values.cutoff);
    if (cutoff !== undefined && !(cutoff > 0 && cutoff < 1))
      throw new UsageError(`--cutoff: expected a number between 0 and 1, received "${values.cutoff}"`);
    const style = { ...fontOption(values.font), ...paletteOption(values.palette) };
    const folder = path.resolve(values.out ?? '.');
    using store = openStoreFor(values, true);
    const runs = positionals.map((text) => store.findRun(text));
    const { runs: sourced, provenance } = sourceReport(store, runs, {
      ...(values.parameter === undefined ? {} : { parameter: values.parameter }),
      ...(step === undefined ? {} : { step }),
    });
    const reported = await loadReported(sourced, new FigureLoader(engineOf(values)));
    const content = reportOf(reported, {
      provenance,
      figures: style,
      ...(values.title === undefined ? {} : { title: values.title }),
      ...(cutoff === undefined ? {} : { cutoff }),
    });
    const rendered = await renderReport(content, loadFonts(), wanted);
    makeFolder(folder);
    const name = fileName(values.name ?? (runs.length === 1 ? fileStem(runs[0]) : `${runs.length}-runs-report`));
    const files: string[] = [];
    for (const format of wanted) {
      const file = path.join(folder, `${name}.${format}`);
      await writeFileAtomic(file, rendered[format]!);
      files.push(file);
    }
    const ids = runs.map(({ id }) => id);
    if (values.json === true) printJson({ runs: ids, title: content.title, files, omitted: rendered.omitted });
    else process.stdout.write(files.map((file) => `${file}\n`).join(''));
    for (const text of rendered.omitted) process.stderr.write(`covature report: ${text}\n`);
    return 0;
  },
};
