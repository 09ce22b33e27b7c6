/** covature report */
import * as path from 'node:path';
import * as v from 'valibot';
import { definedOf } from '../../../shared/defined.ts';
import { integer } from '../../../shared/validation.ts';
import { writeFileAtomic } from '../../../data/files.ts';
import { reportOf } from '../../../shared/figures/report/content.ts';
import { loadFonts } from '../../figures/fonts.ts';
import { fileName, fileStem } from '../../figures/batch.ts';
import { FigureLoader } from '../../figures/loader.ts';
import { renderReport } from '../../figures/report.ts';
import { loadReported, sourceReport } from '../../figures/reported.ts';
import { engineFlags, engineOf, makeFolder, openStoreFor, printJson, shareSchema, storeFlags } from '../command.ts';
import type { Command } from '../command.ts';
import { figureFlags } from '../figure-options.ts';
import { flagsHelp, parse } from '../flags.ts';
import type { Flags } from '../flags.ts';

const formats = ['html', 'pdf'] as const;

const flags = {
  format: {
    schema: v.array(v.picklist(formats)),
    commas: true,
    value: 'KIND',
    help: 'of the page',
    otherwise: 'both',
  },
  out: {
    schema: v.string(),
    value: 'DIR',
    help: 'folder for the files, created if needed',
    otherwise: 'this one',
  },
  name: { schema: v.string(), value: 'NAME', help: 'file name without its ending', otherwise: "the run's name" },
  title: { schema: v.string(), value: 'TEXT', help: 'heading of the report' },
  parameter: { schema: v.string(), value: 'P', help: 'only this layer' },
  step: { schema: integer(0), value: 'N', help: 'measurements at this step of training', otherwise: 'the last' },
  cutoff: {
    schema: shareSchema,
    value: 'C',
    help: 'directions with H_ii above C times the largest',
    otherwise: '1e-2, or the nearest with a fit',
  },
  font: figureFlags.font,
  palette: figureFlags.palette,
  ...engineFlags,
  ...storeFlags,
} as const satisfies Flags;

const help = `Usage: covature report RUN [RUN ...] [--format html|pdf] --out DIR [options]

Writes a report of a run, or of several set side by side: configuration (what differs first), results with 95 % intervals, all figures, definitions.
One HTML file that needs nothing else and no network, and the same as PDF on A4.

${flagsHelp(flags)}

Example: covature report a1b2 c3d4 --format pdf --out reports`;

export const report: Command = {
  help,
  flags,
  run: async (argv) => {
    const { values, positionals } = parse(argv, flags, [1, Infinity]);
    const { parameter, step, title, cutoff, font, palette } = values;
    const pages = values.format ?? [...formats];
    const folder = path.resolve(values.out ?? '.');
    using store = openStoreFor(values, true);
    const runs = positionals.map((text) => store.findRun(text));
    const { runs: sourced, provenance } = sourceReport(store, runs, definedOf({ parameter, step }));
    const reported = await loadReported(sourced, new FigureLoader(engineOf(values)));
    const content = reportOf(reported, {
      provenance,
      figures: definedOf({ font, palette }),
      ...definedOf({ title, cutoff }),
    });
    const rendered = await renderReport(content, loadFonts(), pages);
    makeFolder(folder);
    const name = fileName(values.name ?? (runs.length === 1 ? fileStem(runs[0]) : `${runs.length}-runs-report`));
    const files: string[] = [];
    for (const format of pages) {
      const file = path.join(folder, `${name}.${format}`);
      await writeFileAtomic(file, rendered[format]!);
      files.push(file);
    }
    const ids = runs.map(({ id }) => id);
    if (values.json) printJson({ runs: ids, title: content.title, files, omitted: rendered.omitted });
    else process.stdout.write(files.map((file) => `${file}\n`).join(''));
    for (const text of rendered.omitted) process.stderr.write(`covature report: ${text}\n`);
    return 0;
  },
};
