/** Files that the program made for a window (`runs.export`), over HTTP, to whoever has the cookie. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { remove } from '../contract/downloads.ts';
import type { Downloads } from '../contract/downloads.ts';

const address = /^\/files\/([\w-]{10,64})$/;

/** The token in an address of this kind. */
export function tokenOf(url: string): string | undefined {
  return address.exec(url)?.[1];
}

/** Sends the file once; returns false, with nothing sent, if the token has no file. */
export async function sendDownload(response: ServerResponse, downloads: Downloads, token: string): Promise<boolean> {
  const download = downloads.take(token);
  if (download === undefined) return false;
  try {
    const { size } = await stat(download.file);
    response.setHeader('content-type', 'application/octet-stream');
    response.setHeader('content-length', size);
    response.setHeader('content-disposition', dispositionOf(download.name));
    await pipeline(createReadStream(download.file), response);
  } finally {
    await remove(download.file);
  }
  return true;
}

/** RFC 6266: a name of ASCII letters for old readers, and the whole one. */
function dispositionOf(name: string): string {
  const plain = name.replace(/[^\w.-]+/g, '-');
  return `attachment; filename="${plain}"; filename*=UTF-8''${encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)}`;
}
