/** The window's pages under a scheme of their own: no file:// and no network. */
import { protocol } from 'electron';
import { securityHeaders } from '../web/headers.ts';
import { Pages } from '../web/pages.ts';

const scheme = 'app';
const host = 'covature';

/** What the window shows, and the one origin that is answered. */
export const homeUrl = `${scheme}://${host}/index.html`;

/** Whether an address is a page of this program. */
export function isOwnPage(address: string): boolean {
  try {
    const url = new URL(address);
    return url.protocol === `${scheme}:` && url.host === host;
  } catch {
    return false;
  }
}

/** Before the application is ready. */
export function registerScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme, privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } },
  ]);
}

export function setupPages(): void {
  const pages = new Pages();
  protocol.handle(scheme, async (request) => {
    const headers = { ...securityHeaders, 'cache-control': 'no-store' };
    if (!isOwnPage(request.url) || request.method !== 'GET') return new Response(null, { status: 403, headers });
    const page = await pages.get(pathOf(request.url));
    if (page === undefined) return new Response(null, { status: 404, headers });
    return new Response(new Uint8Array(page.body), { headers: { ...headers, 'content-type': page.type } });
  });
}

function pathOf(address: string): string {
  try {
    return decodeURIComponent(new URL(address).pathname);
  } catch {
    return '';
  }
}
