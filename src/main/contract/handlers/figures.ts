import { readFile, stat } from 'node:fs/promises';
import * as path from 'node:path';
import { FaultError } from '../../../shared/contract/index.ts';
import type { Handlers } from '../../../shared/contract/index.ts';
import type { figures } from '../../../shared/contract/methods/figures.ts';
import { InputError } from '../../../shared/errors.ts';
import { runsOf } from '../../../shared/figures/apply.ts';
import { withoutCarried } from '../../../shared/figures/carried.ts';
import { parseRecipe } from '../../../shared/figures/recipe.ts';
import { fileName } from '../../figures/batch.ts';
import { recipesIn } from '../../figures/reopen.ts';
import { sourceReport } from '../../figures/reported.ts';
import { sourceFigure } from '../../figures/sources.ts';
import type { Json } from '../../store/index.ts';
import type { Workbench } from '../workbench.ts';

/** Bytes of a figure that is reopened. */
const longestFigure = 64 * 1024 * 1024;

export const figureHandlers: Pick<Handlers<Workbench>, keyof typeof figures> = {
  'figures.list': ({ deleted }, { store }) => store.listFigures({ deleted }),
  'figures.save': ({ recipe, ...figure }, workbench) => {
    if (figure.id !== undefined) existing(workbench, figure.id);
    const parsed = { ...parseRecipe(recipe), name: figure.name };
    const saved = workbench.store.saveFigure({ ...figure, recipe: parsed as unknown as Json });
    workbench.bus.emit('store.changed', { what: 'figures' });
    return saved;
  },
  'figures.delete': ({ id }, workbench) => {
    existing(workbench, id);
    workbench.store.deleteFigure(id);
    workbench.bus.emit('store.changed', { what: 'figures' });
    return null;
  },
  'figures.restore': ({ id }, workbench) => {
    existing(workbench, id);
    workbench.store.restoreFigure(id);
    workbench.bus.emit('store.changed', { what: 'figures' });
    return null;
  },

  'figures.render': ({ recipe }, workbench) =>
    workbench.drawing.ask('render', {
      engine: workbench.engine(),
      sourced: sourceFigure(workbench.store, parseRecipe(recipe)),
    }),

  'figures.export': ({ figures, formats, dpi, folder, archive }, workbench) => {
    const argument = {
      engine: workbench.engine(),
      formats,
      dpi,
      archive,
      folder: folderOf(workbench, folder),
      figures: figures.map(({ name, recipe }) => {
        const parsed = { ...parseRecipe(recipe, `the figure "${name}"`), name };
        return { name, recipe: parsed, sourced: sourceFigure(workbench.store, parsed) };
      }),
    };
    const title = figures.length === 1 ? `Export ${figures[0].name}` : `Export ${figures.length} figures`;
    return workbench.long(title, (options) => workbench.drawing.ask('exportFigures', argument, options));
  },

  'figures.report': ({ runs, formats, folder }, workbench) => {
    const records = runs.map((id) => workbench.run(id));
    const name = fileName(records.length === 1 ? records[0].name : `${records.length} runs`);
    const argument = {
      engine: workbench.engine(),
      ...sourceReport(workbench.store, records),
      name,
      formats: [...new Set(formats)],
      folder: folderOf(workbench, folder),
    };
    return workbench.long(`Report ${name}`, (options) => workbench.drawing.ask('exportReport', argument, options));
  },

  'figures.reopen': async (named, workbench) => {
    const { name, bytes } =
      'token' in named
        ? await chosenFile(workbench.fileOf(named.token))
        : { name: named.name, bytes: new Uint8Array(Buffer.from(named.base64, 'base64')) };
    const [recipe] = await recipesIn(bytes, name);
    if (recipe === undefined) throw new InputError(`${name} holds no recipe`);
    const missing = runsOf(recipe).filter((id) => workbench.store.getRun(id) === undefined);
    const portable = missing.length === 0 ? withoutCarried(recipe) : recipe;
    return {
      name: path.parse(name).name,
      recipe: portable as unknown as Json,
      missing,
      drawable: missing.length === 0 || recipe.carried !== undefined,
    };
  },
};

function existing({ store }: Workbench, id: string): void {
  if (store.getFigure(id) === undefined)
    throw new FaultError('not-found', `there is no figure ${id}; it may have been removed`);
}

function folderOf(workbench: Workbench, token: string | undefined): string | null {
  return token === undefined ? null : workbench.fileOf(token);
}

async function chosenFile(file: string): Promise<{ name: string; bytes: Uint8Array }> {
  const name = path.basename(file);
  const { size } = await stat(file);
  if (size > longestFigure)
    throw new FaultError('too-large', `${name}: expected at most ${longestFigure} bytes, found ${size}`);
  return { name, bytes: await readFile(file) };
}
