import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeWhere } from '../support/skips.ts';
import { Checkout, finished, posix, until } from './support.ts';

interface Echo {
  args: string[];
  cwd: string;
  input: string;
  env: Record<string, string | undefined>;
}

let checkout: Checkout;
beforeAll(async () => {
  checkout = new Checkout();
  if (posix === true) await checkout.run(['covature']);
});
afterAll(() => checkout.remove());

async function echo(args: readonly string[], options: Parameters<Checkout['run']>[1] = {}): Promise<Echo> {
  const { stdout, stderr, status } = await checkout.run(args, options);
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return JSON.parse(stdout) as Echo;
}

describeWhere(posix, 'going on under the pinned Node', () => {
  test('passes every argument as it is', async () => {
    const args = ['list', '--json', '', 'two words', "it's", '"quoted"', '$HOME', '*', 'späce\n測', '--', '-x'];
    expect((await echo(['covature', ...args])).args).toEqual(args);
  });

  test('passes stdin', async () => {
    expect((await echo(['covature', 'input'], { input: 'line 1\nline 2' })).input).toBe('line 1\nline 2');
  });

  test.each([0, 1, 2, 77])('passes the exit status %i', async (status) => {
    expect((await checkout.run(['covature', 'exit', String(status)])).status).toBe(status);
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'passes %s to the program, which decides what it means',
    async (signal) => {
      const child = checkout.start(['covature', 'wait']);
      let heard = '';
      child.stdout?.on('data', (chunk: Buffer) => void (heard += chunk.toString()));
      const end = finished(child);
      await until(() => heard.includes('ready'), 'the program to start');
      child.kill(signal);
      const { status, stdout } = await end;
      expect(stdout).toBe(`ready\n${signal}\n`);
      expect(status).toBe(7);
    },
  );

  test.each(['SIGTERM', 'SIGINT', 'SIGKILL', 'SIGABRT'] as const)(
    'ends by %s when the program does',
    async (signal) => {
      const { status, signal: by } = await checkout.run(['covature', 'die', signal]);
      expect({ status, by }).toEqual({ status: null, by: signal });
    },
  );

  test('gives each BLAS one thread, unless the user said otherwise', async () => {
    const one = { OPENBLAS_NUM_THREADS: '1', MKL_NUM_THREADS: '1', VECLIB_MAXIMUM_THREADS: '1' };
    expect((await echo(['covature'])).env).toMatchObject(one);
    const { env } = await echo(['covature'], { env: { OPENBLAS_NUM_THREADS: '4' } });
    expect(env).toMatchObject({ ...one, OPENBLAS_NUM_THREADS: '4' });
  });

  test('puts the tools of the packages first on the PATH, once', async () => {
    const bin = join(checkout.root, 'node_modules/.bin');
    const { env } = await echo(['covature'], { env: { PATH: `/usr/bin:${bin}:/bin` } });
    expect(env['PATH']).toBe(`${bin}:/usr/bin:/bin`);
  });

  test('reads relative paths from where the user stands, though npm changes the folder', async () => {
    const elsewhere = join(checkout.root, 'some where');
    mkdirSync(elsewhere, { recursive: true });
    const npm = { npm_lifecycle_event: 'covature', INIT_CWD: elsewhere };
    expect((await echo(['covature'], { env: npm })).cwd).toBe(elsewhere);
    // Called directly, also from within another npm script, the folder is the caller's.
    expect((await echo(['covature'], { cwd: elsewhere })).cwd).toBe(elsewhere);
    expect((await echo(['covature'], { env: { ...npm, npm_lifecycle_event: 'test' } })).cwd).toBe(checkout.root);
  });

  test('is what the command covature does too', async () => {
    const child = spawn(process.execPath, [join(checkout.root, 'scripts/covature.mjs'), 'list', '--json'], {
      stdio: 'pipe',
    });
    const { stdout, stderr, status } = await finished(child);
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    expect((JSON.parse(stdout) as Echo).args).toEqual(['list', '--json']);
  });

  test('says which program is missing', async () => {
    const { status, stderr } = await checkout.run(['demo']);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: 'covature: src/main/demo/index.ts is not in this checkout\n',
    });
  });
});

describe('the launcher itself', () => {
  test('names what it can launch', async () => {
    const { status, stderr, stdout } = await checkout.run(['frobnicate']);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toBe(
      'covature: there is no "frobnicate" here; there are start, demo, covature, test, check, build, pack, docs, docs-preview, docs-pictures, desktop, format, tensorflow, electron\n',
    );
  });

  test.each(['14.21.3', '16.20.2', '18.20.8'])('under Node %s says in one line what to do', async (version) => {
    // The version is all that the first lines look at; they run under the real old Nodes as well, which no test can bring along.
    const fake = `Object.defineProperty(process.versions, 'node', { value: '${version}' })`;
    const { status, stdout, stderr } = await checkout.run(['covature', 'list'], {
      nodeArgs: ['--import', `data:text/javascript,${encodeURIComponent(fake)}`],
    });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(
      new RegExp(`^covature: Node 20 or newer is needed .* this is Node ${version} .*https://nodejs.org.*\n$`),
    );
  });
});
