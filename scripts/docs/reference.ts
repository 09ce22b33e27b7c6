/**
 * The reference of the site: every command, every field of the files that Covature reads, every key of the window, from the tables and schemas that the
 * program itself uses. Nothing in these pages is written by hand, and they are generated again with every build of the site.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { commands } from '../../src/main/cli/main.ts';
import { datasetSchema } from '../../src/shared/dataset.ts';
import { experimentSchema, measurementSchema } from '../../src/shared/experiment.ts';
import { figureNames, figureTable } from '../../src/shared/figures/catalogue.ts';
import type { Control, Options } from '../../src/shared/figures/options.ts';
import { commonOptions, pageOptions } from '../../src/shared/figures/recipe-options.ts';
import { presets } from '../../src/shared/figures/presets.ts';
import { labelMarkup } from '../../src/shared/figures/text/mathml.ts';
import { glossary, type Definition } from '../../src/shared/glossary.ts';
import { layer } from '../../src/shared/model/layers.ts';
import { lossSchema } from '../../src/shared/model/loss.ts';
import { readComments, type CommentTable } from './schema-comments.ts';
import {
  fieldRows,
  kindSections,
  proseText,
  tableText,
  takesText,
  type FieldRow,
  type Section,
} from './schema-table.ts';

/** The window's own types need a DOM, which this program does not have; the parts that are read here do not. */
const { commandsOf, placeKeys } = (await import(
  new URL('../../src/renderer/state/commands.ts', import.meta.url).href
)) as {
  readonly commandsOf: (app: unknown) => readonly { readonly title: string; readonly keys?: string }[];
  readonly placeKeys: readonly { readonly place: string; readonly keys: readonly (readonly [string, string])[] }[];
};

/** The folder for the pages; not under version control. */
export const referenceFolder = fileURLToPath(new URL('../../docs/reference/', import.meta.url));

/** The pages by their file names. */
export async function referencePages(): Promise<Readonly<Record<string, string>>> {
  const comments = readComments();
  return {
    'commands.md': await commandsPage(),
    'experiment.md': experimentPage(comments),
    'model.md': modelPage(comments),
    'figures.md': figuresPage(comments),
    'keys.md': keysPage(),
    'glossary.md': glossaryPage(),
    'changelog.md': readFileSync(new URL('../../CHANGELOG.md', import.meta.url), 'utf8').replaceAll('](docs/', '](../'),
  };
}

export async function writeReference(): Promise<void> {
  rmSync(referenceFolder, { recursive: true, force: true });
  mkdirSync(referenceFolder, { recursive: true });
  for (const [name, text] of Object.entries(await referencePages())) writeFileSync(join(referenceFolder, name), text);
}

function glossaryPage(): string {
  const terms = Object.entries(glossary as Readonly<Record<string, Definition>>).map(
    ([name, { title, formula, text }]) =>
      `<dt id="${name}">${labelMarkup(title)}</dt>\n<dd>${labelMarkup(`$${formula}$`)}<br>${labelMarkup(text)}</dd>`,
  );
  return `# Glossary

The quantities in the window, the reports and the figures, with the definitions that the window shows for each term. Derivations and sources are in
[theory](../theory.md).

<dl class="glossary">
${terms.join('\n')}
</dl>
`;
}

async function commandsPage(): Promise<string> {
  const sections = await Promise.all(
    Object.entries(commands).map(async ([name, { summary, load }]) => {
      const { help } = await load();
      return `## ${name}\n\n${proseText(summary[0].toUpperCase() + summary.slice(1))}.\n\n\`\`\`text\n${help}\n\`\`\`\n`;
    }),
  );
  return `# Commands

The output of \`covature COMMAND --help\`. In a checkout \`covature\` is short for \`npm run --silent covature --\`. Every command takes \`--json\`, which writes a single document
to standard output and nothing else. Exit status: 0 done, 1 failed, 2 bad usage or input, 75 a run was paused by a signal and can be resumed.

${sections.join('\n')}`;
}

const sectionText = ({ title, about, rows }: Section): string =>
  `### ${title}\n\n${about === '' ? '' : `${proseText(about)}\n\n`}${tableText(rows)}`;

function experimentPage(comments: CommentTable): string {
  const measurement = fieldRows(measurementSchema, comments);
  const experiment = fieldRows(experimentSchema, comments).filter(
    ({ path }) => !/^(measurements\[\]|model)\./.test(path),
  );
  return `# Experiments

An experiment is one JSON file: all that decides a run. A list of values in the place of one makes a sweep, one run for every combination. Unknown fields are
refused by name. What is not *needed* may be left out.

${tableText(experiment)}
## Datasets

\`dataset\` of an experiment, by its \`source\`.

${datasetSections(comments).map(sectionText).join('\n')}
## Measurements

Each of \`measurements\`.

${tableText(measurement)}
The layers of \`model\` and its losses: [models](model.md).
`;
}

/** Fields that every source takes have a section of their own, the first. */
function datasetSections(comments: CommentTable): Section[] {
  const sections = kindSections(datasetSchema, comments);
  const key = (row: FieldRow): string => JSON.stringify(row);
  const common = sections[0].rows.filter((row) =>
    sections.every(({ rows }) => rows.some((each) => key(each) === key(row))),
  );
  const keys = new Set(common.map(key));
  return [
    {
      title: 'every source',
      about: 'Applied in the order of split, subset, scale, standardise, label noise, targets.',
      rows: common,
    },
    ...sections.map((section) => ({ ...section, rows: section.rows.filter((row) => !keys.has(key(row))) })),
  ];
}

function modelPage(comments: CommentTable): string {
  return `# Models

\`model\` of an experiment: \`input\`, the shape of a sample; \`layers\`, a list; \`loss\`. Images are [height, width, channels], sequences [tokens, width].

## Layers

${kindSections(layer, comments).map(sectionText).join('\n')}
## Losses

A loss is a name, or an object with its \`type\` and settings.

${kindSections(lossSchema, comments).map(sectionText).join('\n')}`;
}

function figuresPage(comments: CommentTable): string {
  const figures = figureNames.map((name) => {
    const { title, about, takes, options } = figureTable[name];
    const of = {
      measurement: 'one measurement',
      run: 'one run',
      measurements: 'measurements of any runs',
      runs: 'runs',
    }[takes];
    return `### ${name}\n\n${title}. ${proseText(about)} Drawn from ${of}.\n\n${ownOptions(options)}`;
  });
  const sizes = Object.entries(presets).map(
    ([name, preset]) =>
      `| \`${name}\` | ${preset.name} | ${preset.width_mm.toFixed(1)} mm | ${proseText(preset.source)} |`,
  );
  return `# Figures

The names and options for \`covature export RUN --figure NAME --set KEY=VALUE\`, for \`figure\` and \`options\` in a recipe, and for the fields of the studio.

## Options of every figure

${tableText(fieldRows(v.strictObject({ ...pageOptions, ...commonOptions }), comments))}
## Presets

| name | venue | width | from |
| --- | --- | --- | --- |
${sizes.join('\n')}

## Names and options of their own

${figures.join('\n')}`;
}

/** Options with the labels of the studio. */
function ownOptions(options: Options): string {
  const rows = Object.entries(options).map(([name, { schema, control }]): FieldRow => ({
    path: name,
    takes: takesText(schema),
    required: false,
    standard: standardOf(control),
    about: `${control.label}${control.help === undefined ? '' : `. ${control.help}`}`,
  }));
  return tableText(rows);
}

/** The meaning of leaving an option out. */
function standardOf(control: Control): string {
  switch (control.kind) {
    case 'choice':
      return control.fallback === '' ? (control.choices[0]?.[1] ?? '') : control.fallback;
    case 'choices':
      return 'all';
    case 'number':
    case 'numbers':
    case 'text':
      return control.placeholder;
    case 'check':
      return String(control.default);
    default:
      return '';
  }
}

function keysPage(): string {
  // Only titles are read; nothing is run.
  const everywhere = commandsOf({ queue: null }).filter(({ keys }) => keys !== undefined);
  const line = (keys: string, what: string): string =>
    `| <kbd>${keys.replace('<', '&lt;')}</kbd> | ${proseText(what)} |`;
  const places = placeKeys.map(
    ({ place, keys }) =>
      `## ${place}\n\n| key | |\n| --- | --- |\n${keys.map(([key, what]) => line(key, what)).join('\n')}\n`,
  );
  return `# Keys

\`?\` shows this map in the window. On a Mac <kbd>Ctrl</kbd> is <kbd>⌘</kbd> as well.

## Everywhere

| key | |
| --- | --- |
${everywhere.map(({ keys, title }) => line(keys ?? '', title)).join('\n')}

${places.join('\n')}`;
}
