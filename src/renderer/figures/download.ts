/** Files that come from the main side, handed to the browser, and files of the user's read for the main side. */
import { zipSync } from 'fflate';

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

/** Bytes of a file as base64. */
export async function base64Of(file: File): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = '';
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}
