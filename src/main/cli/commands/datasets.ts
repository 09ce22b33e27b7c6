/** covature datasets */
import * as path from 'node:path';
import { summariseDataset } from '../../../data/dataset.ts';
import { publishedDatasets } from '../../../data/downloads/catalogue.ts';
import { downloadPublished } from '../../../data/downloads/published.ts';
import { forgetLocation, publishedPlace, setLocation } from '../../../data/location.ts';
import { resolveDataset } from '../../../data/resolve.ts';
import { parseDataset } from '../../../shared/dataset.ts';
import { InputError } from '../../../shared/errors.ts';
import type { DatasetSummary } from '../../../shared/dataset.ts';
import { defaultStoreFolder } from '../../store/index.ts';
import { printJson, storeFlags } from '../command.ts';
import type { Command } from '../command.ts';
import { flagsHelp, parse } from '../flags.ts';
import { UsageError } from '../usage-error.ts';
import { datasetFromPath } from '../files.ts';
import { formatNumber, formatTable } from '../format.ts';
import { ProgressLine } from '../progress.ts';
import { onTermination } from './run.ts';

const help = `Usage: covature datasets                 which published datasets are here
       covature datasets download NAME   fetch one: ${publishedDatasets.map(({ key }) => key).join(', ')}
       covature datasets use FOLDER      read a published one from where you have it: the folder is recognised for what it holds
       covature datasets forget NAME     no longer read it from there; the files stay
       covature datasets show PLACE      what a file, folder or JSON specification holds

Downloads go on where they were cut off and are checked against their SHA-256. Without a network the message says which files to put where.

${flagsHelp(storeFlags)}

Example: covature datasets show '{"source": "glyphs", "train": 500, "test": 100}'`;

export const datasets: Command = {
  help,
  flags: storeFlags,
  run: async (argv) => {
    const { values, positionals } = parse(argv, storeFlags, [0, 2]);
    const root = path.join(path.resolve(values.store ?? defaultStoreFolder()), 'datasets');
    const [action, what] = positionals;
    const json = values.json;
    if (action === undefined) return listPublished(root, json);
    if (what === undefined) throw new UsageError(`datasets ${action}: expected what to ${action}`);
    if (action === 'download') return download(root, what, json);
    if (action === 'show') return show(root, what, json);
    if (action === 'use') return use(root, what, json);
    if (action === 'forget') return forget(root, what, json);
    throw new UsageError(`datasets: expected "download", "use", "forget" or "show", received "${action}"`);
  },
};

async function listPublished(root: string, json: boolean): Promise<number> {
  const rows = await Promise.all(
    publishedDatasets.map(async (dataset) => ({
      key: dataset.key,
      title: dataset.title,
      ...(await publishedPlace(dataset, root)),
    })),
  );
  if (json) printJson(rows);
  else {
    const head = ['name', 'title', 'state', 'to fetch', 'folder'];
    const cells = rows.map((row) => [
      row.key,
      row.title,
      row.state,
      `${formatNumber(row.bytesToFetch / 1e6, 3)} MB`,
      row.folder,
    ]);
    process.stdout.write(
      `${formatTable(head, cells)}\ngenerated here, nothing to fetch: glyphs, gaussian-mixture, teacher-student, known-gamma\n`,
    );
  }
  return 0;
}

async function download(root: string, name: string, json: boolean): Promise<number> {
  const dataset = publishedDatasets.find(({ key }) => key === name);
  if (dataset === undefined) {
    throw new UsageError(
      `datasets download: no dataset is called "${name}"; there are ${publishedDatasets.map(({ key }) => key).join(', ')}`,
    );
  }
  const folder = path.join(root, dataset.key);
  const progress = new ProgressLine();
  const abort = new AbortController();
  const stop = onTermination(() => {
    abort.abort(new Error('cancelled; what has come is kept, and the next download goes on from there'));
  });
  try {
    await downloadPublished(dataset, folder, {
      signal: abort.signal,
      progress: ({ stage, file, received, total }) => {
        progress.show(`${stage} ${file}`, total > 0 ? received / total : 0, null);
      },
    });
  } finally {
    stop();
    progress.clear();
  }
  if (json) printJson({ key: dataset.key, folder });
  else process.stdout.write(`${dataset.title} is in ${folder}\n`);
  return 0;
}

async function use(root: string, place: string, json: boolean): Promise<number> {
  const { spec, baseFolder } = await datasetFromPath(place);
  const dataset = publishedDatasets.find(({ key }) => key === spec.source);
  if (dataset === undefined || !('path' in spec) || spec.path === undefined) {
    throw new InputError(
      `${place}: holds ${spec.source}, none of ${publishedDatasets.map(({ title }) => title).join(', ')}; name it by its path in the experiment`,
    );
  }
  const folder = path.resolve(spec.path);
  const summary = summariseDataset(await resolveDataset(spec, { baseFolder, dataFolder: root }));
  await setLocation(root, dataset.key, { folder, summary });
  if (json) printJson({ key: dataset.key, folder, train: summary.train.count });
  else process.stdout.write(`${dataset.title} is read from ${folder}: ${summary.train.count} training samples\n`);
  return 0;
}

async function forget(root: string, name: string, json: boolean): Promise<number> {
  const dataset = publishedDatasets.find(({ key, title }) => key === name || title === name);
  if (dataset === undefined || !(await forgetLocation(root, dataset.key)))
    throw new InputError(`datasets forget: no folder was named for "${name}"`);
  if (json) printJson({ key: dataset.key });
  else process.stdout.write(`${dataset.title} is no longer read from a folder of its own\n`);
  return 0;
}

async function show(root: string, what: string, json: boolean): Promise<number> {
  const { spec, baseFolder } = what.trimStart().startsWith('{')
    ? { spec: parseDataset(JSON.parse(what) as unknown), baseFolder: process.cwd() }
    : publishedDatasets.some(({ key }) => key === what)
      ? { spec: parseDataset({ source: what }), baseFolder: process.cwd() }
      : await datasetFromPath(what);
  const summary = summariseDataset(await resolveDataset(spec, { baseFolder, dataFolder: root }));
  if (json) printJson(summary);
  else process.stdout.write(`${datasetText(summary)}\n`);
  return 0;
}

function datasetText(summary: DatasetSummary): string {
  const { inputs } = summary;
  const part = (title: string, each: DatasetSummary['train'] | null): string =>
    each === null
      ? `  ${title}: none`
      : `  ${title}: ${each.count} samples${each.per_class === null ? '' : `; of each class ${each.per_class.join(' ')}`}`;
  return [
    `${summary.name}: [${summary.shape.join(' x ')}] a sample, ${summary.outputs} ${summary.targets === 'classes' ? 'classes' : 'target values'}, ${summary.precision}`,
    part('training', summary.train),
    part('test', summary.test),
    `  inputs from ${formatNumber(inputs.minimum)} to ${formatNumber(inputs.maximum)}, mean ${formatNumber(inputs.mean)}, standard deviation ${formatNumber(inputs.deviation)}`,
    ...(summary.notes ?? []).map((note) => `  ${note}`),
    `  content hash ${summary.hash}`,
  ].join('\n');
}
