/** The browser shell: the window's files and the contract over HTTP and a WebSocket, to whoever has the token. */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { longestMessage } from '../../shared/contract/bridge.ts';
import { InputError } from '../../shared/errors.ts';
import type { Workbench } from '../contract/workbench.ts';
import { AccessFile } from './access-file.ts';
import { Access, isLoopback } from './access.ts';
import { serveConnection } from './connection.ts';
import { sendDownload, tokenOf } from './files.ts';
import { securityHeaders } from './headers.ts';
import { Pages } from './pages.ts';

export interface ServerOptions {
  /** Default 127.0.0.1; any other than this machine's own loopback opens it to the network. */
  readonly host?: string;
  /** Default: the one where the last program of this store listened, so that open windows find it again; if it is taken, any that is free. 0: any. */
  readonly port?: number | undefined;
  /** Default out/renderer. */
  readonly rendererFolder?: string;
}

export interface RunningServer {
  /** With the token in its fragment. */
  readonly url: string;
  readonly port: number;
  readonly token: string;
  /** Windows connected now. */
  readonly windows: () => number;
  close(): Promise<void>;
}

/** Bytes of the body that holds the token. */
const longestBody = 1024;
/** Windows at once. */
const mostWindows = 64;
/** A window that misses two pings in a row is considered gone. */
const pingMilliseconds = 20_000;
/** Close code for a missing or stale cookie (src/renderer/client.ts). */
const refusedCode = 4401;

/** Raises InputError if the port is taken or the host is not an address of this machine. */
export async function startServer(workbench: Workbench, options: ServerOptions = {}): Promise<RunningServer> {
  const host = options.host ?? '127.0.0.1';
  const pages = new Pages(options.rendererFolder);
  const { store } = workbench;
  const access = new Access(host, store.readOnly ? null : new AccessFile(store.folder));
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: longestMessage,
    perMessageDeflate: false,
    clientTracking: true,
  });
  const server = createServer((request, response) => {
    respond(request, response, access, pages, workbench).catch((error: unknown) => {
      if (!response.headersSent) end(response, 500, 'the page could not be read');
      else response.destroy(error instanceof Error ? error : undefined);
    });
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => undefined);
    const isContract = request.url === '/contract';
    if (
      !isContract ||
      !access.isOwnHost(request) ||
      !access.isOwnOrigin(request) ||
      sockets.clients.size >= mostWindows
    ) {
      socket.end(
        `HTTP/1.1 ${isContract ? '403 Forbidden' : '404 Not Found'}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
      );
      return;
    }
    sockets.handleUpgrade(request, socket, head, (connection) => {
      if (access.hasSession(request)) serveConnection(connection, workbench);
      else connection.close(refusedCode, 'open the address that was printed once more');
    });
  });

  const ping = setInterval(() => {
    pingAll(sockets.clients);
  }, pingMilliseconds);
  ping.unref();

  const listen = (port: number): Promise<NodeJS.ErrnoException | null> =>
    new Promise((resolve) => {
      server.once('error', resolve);
      server.listen(port, host, () => {
        server.off('error', resolve);
        resolve(null);
      });
    });
  let failed = await listen(options.port ?? access.lastPort ?? 0);
  if (failed !== null && options.port === undefined && access.lastPort !== null) failed = await listen(0);
  if (failed !== null) {
    clearInterval(ping);
    throw listenError(failed, host, options.port ?? 0);
  }
  const { port } = server.address() as AddressInfo;
  access.keep(port);
  const shown = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${shown}:${port}/#token=${access.token}`,
    port,
    token: access.token,
    windows: () => sockets.clients.size,
    close: async () => {
      clearInterval(ping);
      for (const connection of sockets.clients) connection.close(1001, 'the program is ending');
      const timer = setTimeout(() => {
        for (const connection of sockets.clients) connection.terminate();
      }, 500);
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      });
      clearTimeout(timer);
      sockets.close();
    },
  };
}

export { isLoopback };

/** Pings in a row that a window did not answer. */
const unanswered = new WeakMap<WebSocket, number>();

function pingAll(connections: ReadonlySet<WebSocket>): void {
  for (const connection of connections) {
    const missed = unanswered.get(connection);
    if (missed !== undefined && missed >= 2) {
      connection.terminate();
      continue;
    }
    if (missed === undefined) connection.on('pong', () => unanswered.set(connection, 0));
    unanswered.set(connection, (missed ?? 0) + 1);
    connection.ping();
  }
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  access: Access,
  pages: Pages,
  { downloads }: Workbench,
): Promise<void> {
  for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
  response.setHeader('cache-control', 'no-store');
  if (!access.isOwnHost(request)) return end(response, 403, 'this address does not belong to this program');
  const { method, url = '/' } = request;
  if (method === 'POST' && url === '/session') return openSession(request, response, access);
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    return end(response, 405, 'only GET and HEAD are answered here');
  }
  const token = tokenOf(url);
  if (token !== undefined) {
    // Pages of other servers may not even begin it: a token is good once.
    const { 'sec-fetch-site': site = 'same-origin' } = request.headers;
    if (!access.hasSession(request) || site !== 'same-origin')
      return end(response, 403, 'open the address that was printed once more');
    if (method !== 'GET') return end(response, 405, 'only GET is answered here');
    if (!(await sendDownload(response, downloads, token)))
      end(response, 404, 'this file was fetched already, or waited too long');
    return;
  }
  const page = await pages.get(pathOf(url));
  if (page === undefined) return end(response, 404, 'there is no such page');
  response.setHeader('content-type', page.type);
  response.setHeader('content-length', page.body.length);
  if (page.immutable) response.setHeader('cache-control', 'private, max-age=31536000, immutable');
  response.end(method === 'HEAD' ? undefined : page.body);
}

/** Exchanges the token for a cookie. */
async function openSession(request: IncomingMessage, response: ServerResponse, access: Access): Promise<void> {
  if (!access.isOwnOrigin(request)) return end(response, 403, 'pages of other servers are not answered');
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) return end(response, 415, 'expected JSON');
  const body = await readBody(request);
  if (body === undefined) {
    response.setHeader('connection', 'close');
    return end(response, 413, 'the body is too large');
  }
  let token: unknown;
  try {
    const parsed: unknown = JSON.parse(body);
    token = typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>)['token'] : undefined;
  } catch {
    return end(response, 400, 'the body is not JSON');
  }
  const cookie = access.exchange(token);
  if (cookie === undefined) return end(response, 401, 'the token is wrong: open the address that was printed');
  response.setHeader('set-cookie', cookie);
  response.writeHead(204).end();
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += (chunk as Buffer).length;
    if (length > longestBody) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function end(response: ServerResponse, status: number, text: string): void {
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.writeHead(status).end(`${text}\n`);
}

/** Without query, decoded; what cannot be decoded names nothing. */
function pathOf(url: string): string {
  try {
    return decodeURIComponent(url.split(/[?#]/, 1)[0]);
  } catch {
    return '';
  }
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  switch (error.code) {
    case 'EADDRINUSE':
      return new InputError(
        `port ${port} is taken by another program; choose another, or leave --port out for any that is free`,
      );
    case 'EACCES':
      return new InputError(`port ${port} may not be opened by this user; choose one of 1024 and above`);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new InputError(`${host} is not an address of this machine`);
    default:
      return error;
  }
}
