/** Files that come from the main side, handed to the browser, and files of the user's read for the main side. */
import { zipSync } from 'fflate';
import { base64 } from '../../shared/base64.ts';
import type { ExportOutcome, Params } from '../../shared/contract/index.ts';
import { plural } from '../format.ts';
import type { App } from '../state/app.svelte.ts';

const types: Readonly<Record<string, string>> = {
  svg: 'image/svg+xml',
  pdf: 'application/pdf',
  png: 'image/png',
  tiff: 'image/tiff',
  csv: 'text/csv',
  json: 'application/json',
  html: 'text/html',
  zip: 'application/zip',
};

/** Saves bytes as the browser saves downloads. */
export function download(name: string, content: Uint8Array): void {
  const type = types[name.slice(name.lastIndexOf('.') + 1)] ?? 'text/plain';
  const url = URL.createObjectURL(new Blob([content.slice()], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The download has its own hold on the data once it began.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Files of one export: one as it is, several as one archive, since browsers stop a page that begins several downloads. */
export function downloadAll(
  files: readonly { readonly name: string; readonly content: Uint8Array }[],
  archive: string,
): void {
  if (files.length === 1) download(files[0].name, files[0].content);
  // Stored, not deflated: most are packed already, and it takes no time.
  else download(archive, zipSync(Object.fromEntries(files.map(({ name, content }) => [name, content])), { level: 0 }));
}

export function exportFigures(app: App, wanted: Omit<Params<'figures.export'>, 'folder'>): Promise<boolean> {
  return exportFiles(app, 'figures.zip', (folder) => app.client.request('figures.export', { ...wanted, ...folder }));
}

/** Entries of a menu that write one document about runs: configuration, results, figures, definitions. */
export function reportEntries(
  app: () => App,
  runs: () => readonly string[],
): { readonly label: string; readonly run: () => void }[] {
  return (['pdf', 'html'] as const).map((format) => ({
    label: `Report as ${format.toUpperCase()}`,
    run: () =>
      void exportFiles(app(), 'report.zip', (folder) =>
        app().client.request('figures.report', { runs: runs(), formats: [format], ...folder }),
      ),
  }));
}

/** Files go into a folder that the user chooses if the shell has dialogs, else they are downloaded. False if nothing was written. */
async function exportFiles(
  app: App,
  archive: string,
  request: (place: { readonly folder?: string }) => Promise<ExportOutcome>,
): Promise<boolean> {
  const done = await app.attempt(async () => {
    if (app.info?.dialogs !== true) return request({});
    const place = await app.client.request('files.choose', { kind: 'folder' });
    return place === null ? null : request({ folder: place.token });
  });
  if (done === undefined || done === null) return false;
  const here = done.files.flatMap(({ name, content }) => (content === null ? [] : [{ name, content }]));
  if (here.length > 0) downloadAll(here, archive);
  const names = done.files.map(({ name }) => name);
  const said = names.length <= 3 ? names.join(', ') : plural(names.length, 'file');
  app.tell('info', `${said} ${names.length === 1 ? 'is' : 'are'} written${here.length > 1 ? `, in ${archive}` : ''}.`);
  for (const warning of done.warnings) app.tell('warning', warning);
  return true;
}

/** Bytes of a file as base64. */
export async function base64Of(file: File): Promise<string> {
  return base64(new Uint8Array(await file.arrayBuffer()));
}
