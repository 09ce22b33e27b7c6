/** Who may talk to the browser shell: pages that this server itself sent, in a browser that was given the token. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { hostname, networkInterfaces } from 'node:os';
import type { AccessFile } from './access-file.ts';

/** Browsers that hold a cookie at once; the oldest is forgotten. */
const keptSessions = 200;

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}

export class Access {
  /** In the address that is printed. */
  readonly token: string;
  /** Of its own to each store: cookies do not tell ports apart. */
  readonly #cookie: string;
  readonly #sessions: Set<string>;
  readonly #hosts: ReadonlySet<string>;
  readonly #file: AccessFile | null;
  #port: number | null;

  /**
   * @param host what the server listens on
   * @param file keeps token and sessions over a restart; null: they end with the program
   */
  constructor(host: string, file: AccessFile | null = null) {
    const stored = file?.read() ?? null;
    this.#file = file;
    this.token = stored?.token ?? randomBytes(32).toString('base64url');
    this.#cookie = stored?.cookie ?? `covature-${randomBytes(6).toString('hex')}`;
    this.#sessions = new Set(stored?.sessions);
    this.#port = stored?.port ?? null;
    const hosts = ['localhost', '127.0.0.1', '[::1]'];
    if (!isLoopback(host)) {
      hosts.push(host.includes(':') ? `[${host}]` : host, hostname());
      for (const addresses of Object.values(networkInterfaces())) {
        for (const { address, family } of addresses ?? []) hosts.push(family === 'IPv6' ? `[${address}]` : address);
      }
    }
    this.#hosts = new Set(hosts.map((each) => each.toLowerCase()));
  }

  /**
   * Whether the request names this machine by a name that is its own: another name that resolves here (DNS rebinding) is refused. The port is
   * not looked at, because a tunnel may have another.
   */
  isOwnHost(request: IncomingMessage): boolean {
    const host = request.headers.host?.toLowerCase();
    const name = host === undefined ? undefined : /^(\[[0-9a-f:.]+\]|[^:[\]/@\s]+)(?::\d{1,5})?$/.exec(host)?.[1];
    return name !== undefined && this.#hosts.has(name);
  }

  /** Whether the request comes from a page of this server. */
  isOwnOrigin(request: IncomingMessage): boolean {
    const { origin, host } = request.headers;
    return origin !== undefined && host !== undefined && origin.toLowerCase() === `http://${host.toLowerCase()}`;
  }

  /** Where the last program of this store listened; null if that is not known. */
  get lastPort(): number | null {
    return this.#port;
  }

  /** Keeps what a restart needs. @param port where the server listens now */
  keep(port: number): void {
    this.#port = port;
    this.#write();
  }

  #write(): void {
    this.#file?.write({
      token: this.token,
      cookie: this.#cookie,
      sessions: [...this.#sessions],
      port: this.#port,
    });
  }

  /** The Set-Cookie of a new session, undefined for a wrong token. */
  exchange(token: unknown): string | undefined {
    if (typeof token !== 'string' || !timingSafeEqual(digest(token), digest(this.token))) return undefined;
    const secret = randomBytes(32).toString('base64url');
    this.#sessions.add(digest(secret).toString('hex'));
    for (const oldest of this.#sessions) {
      if (this.#sessions.size <= keptSessions) break;
      this.#sessions.delete(oldest);
    }
    this.#write();
    return `${this.#cookie}=${secret}; Path=/; HttpOnly; SameSite=Strict`;
  }

  hasSession(request: IncomingMessage): boolean {
    for (const part of (request.headers.cookie ?? '').split(';')) {
      const [name, value] = part.trim().split('=');
      if (name === this.#cookie && value !== undefined && this.#sessions.has(digest(value).toString('hex')))
        return true;
    }
    return false;
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
