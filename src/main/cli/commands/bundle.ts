/** covature bundle */
import { existsSync } from 'node:fs';
import * as path from 'node:path';
import * as v from 'valibot';
import { InputError } from '../../../shared/errors.ts';
import { runsOf } from '../../../shared/figures/apply.ts';
import { figureNames } from '../../../shared/figures/catalogue.ts';
import { drawingEngine } from '../../bundle/manifest.ts';
import { isSound, verifyBundle, type VerifiedBundle } from '../../bundle/verify.ts';
import { writeBundle } from '../../bundle/write.ts';
import { drawPlans } from '../../figures/drawing.ts';
import { figureFormats } from '../../../shared/contract/methods/figures.ts';
import { namedPlans, plansOf } from '../../figures/plans.ts';
import type { Replay } from '../../services/replay.ts';
import { dataFolderOf } from '../../services/runs.ts';
import { defaultStoreFolder } from '../../store/index.ts';
import { engineFlags, engineOf, makeFolder, openStoreFor, printJson, storeFlags } from '../command.ts';
import type { Command } from '../command.ts';
import { dpiFlag, figureFlags, figureOptions } from '../figure-options.ts';
import { flagsHelp, oneOf, parse, toggle } from '../flags.ts';
import type { FlagValues, Flags } from '../flags.ts';
import { UsageError } from '../usage-error.ts';
import { formatNumber } from '../format.ts';
import { ProgressLine } from '../progress.ts';
import { repetitionText, weightsText } from '../replay-text.ts';
import { onTermination } from '../signals.ts';

const flags = {
  out: { schema: v.string(), value: 'FILE', help: 'the archive; an existing file is refused' },
  figure: {
    schema: v.array(v.string()),
    commas: true,
    value: 'NAME',
    help: 'a figure of the runs, or "all" that the runs have data for, or "none"',
    otherwise: 'all',
  },
  recipe: {
    schema: v.array(v.string()),
    value: 'FILE',
    help: 'a recipe, or a figure exported as SVG, PDF or PNG; the runs that it names are included',
  },
  stored: {
    schema: v.array(v.string()),
    value: 'NAME',
    help: 'a recipe stored in the workbench, by name or id; the runs that it names are included',
  },
  format: {
    schema: v.array(v.picklist(figureFormats)),
    commas: true,
    value: 'KIND',
    help: 'of the figures',
    otherwise: 'pdf,svg',
  },
  dpi: dpiFlag,
  ...figureFlags,
  verify: {
    schema: v.string(),
    value: 'FILE',
    help: 'compares every checksum, imports every run into a store of its own, draws every figure again and compares its numbers',
    excludes: ['out', 'figure', 'recipe', 'stored'],
  },
  rerun: {
    schema: toggle,
    help: 'trains and measures every run again too, and compares the final weights bit for bit, and every result',
    requires: ['verify'],
  },
  ...engineFlags,
  ...storeFlags,
} as const satisfies Flags;

const help = `Usage: covature bundle RUN [RUN ...] --out FILE.zip [options]
       covature bundle --recipe FIGURE [--recipe FIGURE ...] --out FILE.zip [options]
       covature bundle --verify FILE.zip [--rerun] [options]

Makes one archive for a paper's supplement: the runs with all their files, figures with their recipes and numbers, the environment (software, packages,
processor, library, threads), a README, a script that draws the figures again and one that repeats the runs, and the SHA-256 of every file. The machine's
name is left out of environment.json; the run files are whole, and hold it with the folders that were used. Figures are drawn with the program's own
kernels, as they are when they are checked: libraries choose signs and bases of eigenvectors each in its own way.

${flagsHelp(flags)}

Exit status of --verify: 0 everything is as it was, up to rounding, which is stated; 1 something is not, and is named; 2 the file is not a bundle.

Examples:
  covature bundle a1b2 c3d4 --out supplement.zip
  covature bundle --recipe figure-1.pdf --recipe figure-2.pdf --out supplement.zip
  covature bundle --verify supplement.zip --rerun`;

type Values = FlagValues<typeof flags>;

export const bundle: Command = {
  help,
  flags,
  run: async (argv) => {
    const { values, positionals } = parse(argv, flags, [0, Infinity]);
    if (values.verify !== undefined) {
      if (positionals.length > 0)
        throw new UsageError(`--verify checks one file; "${positionals[0]}" does not go with it`);
      return verify(values.verify, values);
    }
    return make(positionals, values);
  },
};

async function make(names: readonly string[], values: Values): Promise<number> {
  if (values.out === undefined) throw new UsageError('expected --out FILE.zip, the archive to be written');
  const target = path.resolve(values.out);
  const formats = values.format ?? ['pdf', 'svg'];
  const named = [...(values.recipe ?? []), ...(values.stored ?? [])];
  const asked = values.figure ?? (named.length === 0 ? ['all'] : []);
  const figures = asked.map((text) => oneOf(text, 'figure', ['all', 'none', ...figureNames]));
  const { dpi } = values;
  const style = figureOptions(values);
  if (names.length === 0 && named.length === 0)
    throw new UsageError('expected at least one run, or --recipe or --stored with runs of its own');
  if (existsSync(target))
    throw new InputError(`--out: ${target} is there already; choose another name, or remove it first`);
  using store = openStoreFor(values, true);
  const recipes = await namedPlans(store, values.recipe ?? [], values.stored ?? [], [], style);
  const ids = [...names, ...recipes.flatMap(({ recipe }) => runsOf(recipe))].map((text) => store.findRun(text).id);
  const runs = [...new Set(ids)].map((id) => store.findRun(id));
  const plans = [
    ...figures.flatMap((figure) => (figure === 'none' ? [] : plansOf(store, figure, runs, {}, style, false))),
    ...recipes,
  ];
  makeFolder(path.dirname(target));
  const progress = new ProgressLine();
  const aborted = new AbortController();
  const stop = onTermination(() => {
    aborted.abort(new Error('stopped; nothing was written'));
  });
  const written = await writeBundle(store, runs, plans, target, {
    formats,
    draw: (each, kinds) =>
      drawPlans(store, each, {
        formats: kinds,
        engine: drawingEngine(engineOf(values)),
        dpi,
      }),
    onProgress: (stage, share) => {
      progress.show(stage, share, null);
    },
    signal: aborted.signal,
  }).finally(() => {
    stop();
    progress.clear();
  });
  const { bytes, manifest, omitted, warnings } = written;
  if (values.json) printJson({ file: target, bytes, manifest, omitted, warnings });
  else
    process.stdout.write(
      `${target}: ${(bytes / 1e6).toFixed(1)} MB, ${count(manifest.runs.length, 'run')}, ${count(manifest.figures.length, 'figure')}, ${count(manifest.files.length, 'file')}\n`,
    );
  for (const warning of warnings) process.stderr.write(`covature bundle: ${warning}\n`);
  for (const { name, reason } of omitted) process.stderr.write(`covature bundle: ${name} is left out: ${reason}\n`);
  return omitted.some(({ kind }) => kind === 'failed') ? 1 : omitted.some(({ kind }) => kind === 'input') ? 2 : 0;
}

async function verify(file: string, values: Values): Promise<number> {
  const progress = new ProgressLine();
  const aborted = new AbortController();
  const stop = onTermination(() => {
    aborted.abort(new Error('stopped before everything was checked'));
  });
  const verified = await verifyBundle(path.resolve(file), {
    engine: engineOf(values),
    rerun: values.rerun,
    datasets: dataFolderOf({ folder: path.resolve(values.store ?? defaultStoreFolder()) }),
    onProgress: (stage, share) => {
      progress.show(stage, share, null);
    },
    onEvent: (event) => {
      if (event.kind === 'progress') progress.onEvent(event);
    },
    signal: aborted.signal,
  }).finally(() => {
    stop();
    progress.clear();
  });
  const sound = isSound(verified);
  if (values.json) printJson({ file: path.resolve(file), sound, ...verified });
  else process.stdout.write(`${verifiedText(path.basename(file), verified, sound)}\n`);
  return sound ? 0 : 1;
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

function verifiedText(name: string, found: VerifiedBundle, sound: boolean): string {
  const { manifest, files, problems, runs, figures } = found;
  const lines = [`${name}: made by ${manifest.software} on ${manifest.created.slice(0, 10)}`];
  lines.push(
    problems.length === 0
      ? `${count(files, 'file')}: every checksum is right`
      : [
          `${count(problems.length, 'problem')} with ${count(files, 'file')}:`,
          ...problems.map((each) => `  ${each}`),
        ].join('\n'),
  );
  for (const { id, name: title, problem, replay } of runs) {
    lines.push(`run ${id} (${title}): ${problem === null ? 'imported into a store' : `cannot be taken: ${problem}`}`);
    if (replay === undefined) continue;
    if ('reason' in replay) lines.push(`  not repeated: ${replay.reason}`);
    else lines.push(`  ${repeatText(replay)}`);
  }
  for (const { name: figure, found: result } of figures)
    lines.push(
      `figure ${figure}: ${
        result.verdict === 'equal'
          ? 'its numbers are equal bit for bit'
          : result.verdict === 'rounding'
            ? `its numbers are equal up to rounding (${formatNumber(result.difference)} of the largest at most)`
            : result.verdict === 'differs'
              ? `differs: ${result.where}`
              : `was not drawn: ${result.reason}`
      }`,
    );
  lines.push(sound ? 'everything is as it was' : 'not everything is as it was');
  return lines.join('\n');
}

function repeatText(replay: Replay): string {
  const keys = Object.keys(replay.differences);
  const results =
    repetitionText(replay) ??
    `${count(keys.length, 'result')} differ: ${keys.slice(0, 5).join(', ')}${keys.length > 5 ? ', ...' : ''}`;
  return `repeated: ${weightsText(replay)}; ${results}`;
}
