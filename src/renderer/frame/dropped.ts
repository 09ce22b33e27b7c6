/** Files dropped onto the window: a run is imported, an experiment begun, an exported figure opened in the studio, a dataset entered. */
import { arrayEndings } from '../../shared/dataset-files.ts';
import { base64Of } from '../figures/download.ts';
import { showReopened } from '../figures/reopen.ts';
import type { App } from '../state/app.svelte.ts';
import { Kept } from '../state/kept.svelte.ts';

/** What was dropped: a file, or a folder, which a page sees as a file without content. */
export interface Dropped {
  readonly file: File;
  readonly isFolder: boolean;
}

/** To be called during the event, whose data are gone afterwards. */
export function droppedIn(data: DataTransfer): Dropped[] {
  return [...data.items]
    .filter(({ kind }) => kind === 'file')
    .flatMap((item) => {
      const isFolder = item.webkitGetAsEntry()?.isDirectory === true;
      const file = item.getAsFile();
      return file === null ? [] : [{ file, isFolder }];
    });
}

export async function openDropped(app: App, dropped: readonly Dropped[]): Promise<void> {
  for (const each of dropped) await app.attempt(() => openOne(app, each));
}

/** IDX and CIFAR-10 too; a .txt may be anything. */
const dataFiles = [...Object.keys(arrayEndings), '.gz', '.bin'];

async function openOne(app: App, { file, isFolder }: Dropped): Promise<void> {
  const name = file.name.toLowerCase();
  if (isFolder) await addDataset(app, file);
  else if (name.endsWith('.covature')) await importRun(app, file);
  else if (/\.(svg|pdf|png)$/.test(name)) await reopen(app, file);
  else if (name.endsWith('.json')) await openJson(app, file);
  else if (dataFiles.some((ending) => name.endsWith(ending)) || !name.includes('.')) await addDataset(app, file);
  else {
    app.tell(
      'error',
      `${file.name} cannot be opened by dropping it here: expected a run (.covature), an experiment (.json), an exported figure (.svg, .pdf, .png, .json), or a folder or file of data. Weights are chosen where they are used.`,
    );
  }
}

/** A folder or a file of arrays: its contents decide which dataset it becomes. */
async function addDataset(app: App, file: File): Promise<void> {
  const place = await placeOf(app, file);
  if (place === undefined) {
    app.tell('info', `The browser does not reveal the path of ${file.name}: choose it under Data.`);
    app.go({ screen: 'data' });
    return;
  }
  const added = await app.attempt(() => app.client.request('datasets.add', place));
  if (added === undefined) return;
  app.tell('info', `${added.name} is read from ${added.folder ?? file.name}.`);
  app.go({ screen: 'data', name: added.name });
}

async function importRun(app: App, file: File): Promise<void> {
  const place = await placeOf(app, file);
  if (place !== undefined) return app.importRun(place);
  app.tell('info', `The browser does not reveal the path of ${file.name}: type its path.`);
  app.go({ screen: 'import' });
}

async function reopen(app: App, file: File): Promise<void> {
  const reopened = await app.attempt(async () =>
    app.client.request(
      'figures.reopen',
      (await placeOf(app, file)) ?? { name: file.name, base64: await base64Of(file) },
    ),
  );
  if (reopened !== undefined) showReopened(app, reopened);
}

async function openJson(app: App, file: File): Promise<void> {
  const text = await file.text();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    app.tell(
      'error',
      `${file.name} is not JSON (${error instanceof Error ? error.message : String(error)}); nothing was changed.`,
    );
    return;
  }
  if (typeof value !== 'object' || value === null || !('model' in value && 'dataset' in value))
    return reopen(app, file);
  const draft = Kept.of(app, 'experiment.draft', '', (stored) => (typeof stored === 'string' ? stored : undefined));
  draft.value = text;
  app.show({ screen: 'new' });
}

/** Undefined in the browser, where a page does not learn it. */
async function placeOf(app: App, file: File): Promise<{ readonly token: string } | undefined> {
  const [chosen] = (await app.attempt(() => app.client.openDropped([file]))) ?? [];
  return chosen === undefined ? undefined : { token: chosen.token };
}
