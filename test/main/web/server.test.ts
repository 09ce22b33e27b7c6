import { request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { decode, encode } from '../../../src/shared/contract/wire.ts';
import { startServer } from '../../../src/main/web/server.ts';
import type { RunningServer } from '../../../src/main/web/server.ts';
import { describeWhere } from '../../support/skips.ts';
import { TestWorkbench } from '../contract/support.ts';
import { temporaryFolder, tiny, until } from '../queue/support.ts';

let bench: TestWorkbench;
let server: RunningServer;
let pages: ReturnType<typeof temporaryFolder>;
let base: string;

beforeAll(async () => {
  pages = temporaryFolder();
  mkdirSync(`${pages.path}/assets`);
  writeFileSync(`${pages.path}/index.html`, '<!doctype html><title>Covature</title>');
  writeFileSync(`${pages.path}/assets/index-abc.js`, 'export {}');
  writeFileSync(`${pages.path}/assets/index-abc.js.map`, '{}');
  bench = new TestWorkbench();
  server = await startServer(bench.workbench, { rendererFolder: pages.path });
  base = `http://127.0.0.1:${server.port}`;
});
afterAll(async () => {
  await server.close();
  await bench.remove();
  pages.remove();
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Without any of what fetch does to addresses and headers. */
function ask(
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body } = options;
    const request = httpRequest({ host: '127.0.0.1', port: server.port, path, method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

const json = { 'content-type': 'application/json' };

async function cookie(): Promise<string> {
  const { status, headers } = await ask('/session', {
    method: 'POST',
    headers: { ...json, origin: base },
    body: JSON.stringify({ token: server.token }),
  });
  expect(status).toBe(204);
  return headers['set-cookie']![0];
}

interface Window {
  readonly socket: WebSocket;
  readonly messages: Record<string, unknown>[];
  request(method: unknown, params?: unknown): Promise<Record<string, unknown>>;
}

function open(options: { cookie?: string; origin?: string; path?: string; host?: string }): Promise<Window> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}${options.path ?? '/contract'}`, {
      origin: options.origin ?? base,
      headers: {
        ...(options.cookie !== undefined && { cookie: options.cookie.split(';')[0] }),
        ...(options.host !== undefined && { host: options.host }),
      },
    });
    const messages: Record<string, unknown>[] = [];
    let next = 0;
    socket.on('message', (data: Buffer, isBinary) => {
      messages.push(decode(isBinary ? new Uint8Array(data) : data.toString()) as Record<string, unknown>);
    });
    socket.on('error', reject);
    socket.on('open', () => {
      resolve({
        socket,
        messages,
        async request(method, params) {
          const number = next++;
          socket.send(encode({ number, method, params }));
          return until(() => messages.find((message) => message['number'] === number), `answer ${number}`, 20_000);
        },
      });
    });
  });
}

const closed = (window: Window): Promise<number> =>
  new Promise((resolve) => {
    window.socket.on('close', (code: number) => {
      resolve(code);
    });
  });

describe('pages', () => {
  it('sends the window with headers that allow nothing from elsewhere', async () => {
    const { status, headers, body } = await ask('/');
    expect(status).toBe(200);
    expect(body).toContain('<title>Covature</title>');
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['cache-control']).toBe('no-store');
    const policy = headers['content-security-policy'] as string;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
    });
    expect(headers['access-control-allow-origin']).toBeUndefined();
    expect(headers['set-cookie']).toBeUndefined();
  });

  it('marks files whose name holds a hash as lasting', async () => {
    const { headers } = await ask('/assets/index-abc.js');
    expect(headers).toMatchObject({ 'content-type': 'text/javascript; charset=utf-8' });
    expect(headers['cache-control']).toContain('immutable');
  });

  const rows: [string, string][] = [
    ['parents', '/../package.json'],
    ['parents, encoded', '/%2e%2e/package.json'],
    ['parents, with an encoded slash', '/..%2f..%2f..%2fetc%2fpasswd'],
    ['parents, encoded twice', '/%252e%252e/package.json'],
    ['backslashes', '/..\\..\\package.json'],
    ['a null byte', '/index.html%00.js'],
    ['an absolute path', '//etc/passwd'],
    ['what cannot be decoded', '/%E0%A4%A'],
    ['a folder', '/assets'],
    ['a source map', '/assets/index-abc.js.map'],
    ['a name of the prototype', '/constructor'],
  ];
  it.each(rows)('has nothing at %s', async (_, path) => {
    expect((await ask(path)).status).toBe(404);
  });

  it('does not follow a link out of its folder into a kind of file that it does not send', async () => {
    symlinkSync('/etc/passwd', `${pages.path}/passwd`);
    expect((await ask('/passwd')).status).toBe(404);
  });

  it('refuses other methods and other hosts', async () => {
    expect((await ask('/', { method: 'PUT' })).status).toBe(405);
    expect((await ask('/', { method: 'POST', body: 'x' })).status).toBe(405);
    for (const host of ['example.org', 'example.org:80', `127.0.0.1.example.org:${server.port}`, 'a@127.0.0.1']) {
      expect((await ask('/', { headers: { host } })).status, host).toBeGreaterThanOrEqual(400);
    }
    for (const host of ['localhost:1', '127.0.0.1:9999', '[::1]:80']) {
      expect((await ask('/', { headers: { host } })).status, host).toBe(200);
    }
  });

  it('listens on loopback alone', () => {
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{43}$/);
  });
});

describe('the token', () => {
  it('becomes a cookie that no script and no other site sees', async () => {
    expect(await cookie()).toMatch(/^covature-[0-9a-f]{12}=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
  });

  const good = (): string => JSON.stringify({ token: server.token });
  const rows: [string, () => Parameters<typeof ask>[1], number][] = [
    ['a wrong token', () => ({ headers: { ...json, origin: base }, body: '{"token":"wrong"}' }), 401],
    ['a token that is no text', () => ({ headers: { ...json, origin: base }, body: '{"token":{}}' }), 401],
    ['no token', () => ({ headers: { ...json, origin: base }, body: '{}' }), 401],
    ['no JSON', () => ({ headers: { ...json, origin: base }, body: 'token' }), 400],
    ['a form', () => ({ headers: { 'content-type': 'text/plain', origin: base }, body: good() }), 415],
    ['a long body', () => ({ headers: { ...json, origin: base }, body: `{"token":"${'x'.repeat(5000)}"}` }), 413],
    ['a foreign origin', () => ({ headers: { ...json, origin: 'http://example.org' }, body: good() }), 403],
    ['another port of this machine', () => ({ headers: { ...json, origin: 'http://127.0.0.1:1' }, body: good() }), 403],
    ['no origin', () => ({ headers: json, body: good() }), 403],
    ['origin null', () => ({ headers: { ...json, origin: 'null' }, body: good() }), 403],
  ];
  it.each(rows)('%s is refused', async (_, options, status) => {
    const answer = await ask('/session', { method: 'POST', ...options() });
    expect(answer.status).toBe(status);
    expect(answer.headers['set-cookie']).toBeUndefined();
  });
});

describe('the contract over a WebSocket', () => {
  it('closes a window without the cookie, or with a wrong one, by a code of its own', async () => {
    expect(await closed(await open({}))).toBe(4401);
    const [name] = (await cookie()).split('=');
    expect(await closed(await open({ cookie: `${name}=wrong` }))).toBe(4401);
  });

  it('refuses foreign origins, hosts and paths even with the cookie', async () => {
    const own = await cookie();
    for (const bad of [
      { origin: 'http://example.org' },
      { origin: 'null' },
      { origin: `https://127.0.0.1:${server.port}` },
    ]) {
      await expect(open({ cookie: own, ...bad })).rejects.toThrow(/403/);
    }
    await expect(open({ cookie: own, host: 'example.org', origin: 'http://example.org' })).rejects.toThrow(/403/);
    await expect(open({ cookie: own, path: '/other' })).rejects.toThrow(/404/);
  });

  it('answers requests, faults, and unknown methods', async () => {
    const window = await open({ cookie: await cookie() });
    expect(await window.request('app.info')).toMatchObject({ ok: true, value: { shell: 'browser' } });
    expect(await window.request('runs.get', { id: 'nothing' })).toMatchObject({
      ok: false,
      fault: { code: 'not-found' },
    });
    expect(await window.request('runs.fly')).toMatchObject({ ok: false, fault: { code: 'unknown-method' } });
    expect(await window.request({ a: 1 })).toMatchObject({ ok: false, fault: { code: 'unknown-method' } });
    window.socket.close();
  });

  it('drops malformed messages, and the window after ten of them; others are not touched', async () => {
    const own = await cookie();
    const [bad, good] = [await open({ cookie: own }), await open({ cookie: own })];
    const end = closed(bad);
    const malformed = ['{', '[]', 'null', '{"method":"app.info"}', '{"number":"1"}', Buffer.from([1, 2, 3])];
    for (const message of malformed) bad.socket.send(message);
    expect(await bad.request('app.info')).toMatchObject({ ok: true });
    for (let i = 0; i < 4; i++) bad.socket.send('{');
    expect(await end).toBe(1008);
    expect(await good.request('app.info')).toMatchObject({ ok: true });
    good.socket.close();
  });

  it('closes a window that sends a message beyond the limit', async () => {
    const window = await open({ cookie: await cookie() });
    const end = closed(window);
    window.socket.send(JSON.stringify({ number: 1, method: 'app.info', params: 'x'.repeat(17 * 1024 * 1024) }));
    expect(await end).toBe(1009);
  });

  it('answers too many requests at once with a fault for those beyond', async () => {
    const window = await open({ cookie: await cookie() });
    for (let number = 0; number < 300; number++)
      window.socket.send(encode({ number, method: 'store.info', params: {} }));
    await until(() => window.messages.filter((message) => 'number' in message).length === 300, 'all answers');
    const refused = window.messages.filter((message) => message['ok'] === false);
    expect(refused.length).toBeGreaterThan(0);
    for (const { fault } of refused) expect(fault).toMatchObject({ code: 'busy' });
    window.socket.close();
  });

  it('tells two windows the same, and survives one that is torn off', async () => {
    const own = await cookie();
    const [one, two, torn] = [await open({ cookie: own }), await open({ cookie: own }), await open({ cookie: own })];
    torn.socket.terminate();
    const started = await one.request('runs.start', { experiment: tiny });
    const [run] = (started['value'] as { runs: string[] }).runs;
    const done = async (): Promise<boolean> =>
      ((await two.request('runs.get', { id: run }))['value'] as { status: string }).status === 'done';
    await until(done, 'the run to be done');
    const series = (window: Window): unknown[] =>
      window.messages.filter((message) => message['event'] === 'series.appended').map((message) => message['payload']);
    expect(series(one).length).toBeGreaterThan(0);
    expect(series(two)).toEqual(series(one));
    const { values } = (series(one)[0] as { series: Record<string, { values: unknown }> }).series['loss'];
    expect(values).toBeInstanceOf(Float64Array);
    const arrays = await two.request('series.get', { runs: [run] });
    expect((arrays['value'] as Record<string, Record<string, { steps: unknown }>>)[run]['loss'].steps).toBeInstanceOf(
      Float64Array,
    );
    one.socket.close();
    two.socket.close();
    await until(() => server.windows() === 0, 'the windows to be gone');
  });

  it('survives raw bytes on its port', async () => {
    await new Promise<void>((resolve) => {
      const socket = connect(server.port, '127.0.0.1', () => socket.end('\x16\x03\x01 not http at all\r\n\r\n'));
      socket.on('close', () => {
        resolve();
      });
      socket.on('error', () => undefined);
      socket.resume();
    });
    expect((await ask('/')).status).toBe(200);
  });

  it('says that a port is taken', async () => {
    await expect(startServer(bench.workbench, { rendererFolder: pages.path, port: server.port })).rejects.toThrow(
      /port \d+ is taken/,
    );
    await expect(startServer(bench.workbench, { rendererFolder: `${pages.path}/nothing` })).rejects.toThrow(
      /run "npm run build"/,
    );
  });
});

const built = existsSync(new URL('../../../out/renderer/index.html', import.meta.url))
  ? true
  : 'the window is not built (npm run build)';

describeWhere(built, 'covature serve', () => {
  it('prints one address, and ends at a termination, having closed its store', async () => {
    const cli = fileURLToPath(new URL('../../../src/main/cli/index.ts', import.meta.url));
    const folder = temporaryFolder();
    const child = spawn(process.execPath, [cli, 'serve', '--json', '--store', folder.path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let stdout = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    const exit = new Promise<number | null>((resolve) => child.on('exit', resolve));
    await until(() => stdout.trimEnd().endsWith('}'), 'the address');
    const { url } = JSON.parse(stdout) as { url: string };
    expect((await fetch(url)).status).toBe(200);
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
    // Nobody holds it any more.
    const again = new TestWorkbench({ storeFolder: folder.path }, folder);
    await again.remove();
  });
});
