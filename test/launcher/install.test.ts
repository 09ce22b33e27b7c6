import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { describeWhere } from '../support/skips.ts';
import { Checkout, finished, oldSystemNode, posix, systemNode, until } from './support.ts';

let checkout: Checkout;
beforeEach(() => void (checkout = new Checkout()));
afterEach(() => checkout.remove());

const ci =
  'ci --ignore-scripts --include=dev --include=optional --install-strategy=hoisted --prefer-offline --no-audit --no-fund --no-update-notifier --loglevel=error';

describeWhere(posix, 'installing', () => {
  test('happens once, from the lock file, and tells of it on stderr alone', async () => {
    const first = await checkout.run(['covature', 'list']);
    expect(first.stderr).toMatch(/^covature: first start: installing 1 packages from the lock file/);
    expect(first.stderr).toContain('npm speaks on its stdout');
    expect(JSON.parse(first.stdout)).toMatchObject({ args: ['list'], env: { PINNED_NODE: 'yes' } });
    expect(first.status).toBe(0);

    const second = await checkout.run(['covature', 'list']);
    expect(second.stderr).toBe('');
    expect(second.stdout).toBe(first.stdout);
    expect(checkout.npmCalls).toEqual([ci]);
  });

  test('happens again when the lock file says something else, not when it is only touched', async () => {
    await checkout.run(['covature']);
    const later = new Date(Date.now() + 10_000);
    utimesSync(join(checkout.root, 'package-lock.json'), later, later);
    expect((await checkout.run(['covature'])).stderr).toBe('');
    checkout.lock({ fflate: '0.8.3' });
    const { stderr, status } = await checkout.run(['covature']);
    expect(stderr).toMatch(/^covature: the lock file has changed: installing 2 packages/);
    expect(status).toBe(0);
    expect(checkout.npmCalls).toEqual([ci, ci]);
  });

  test('happens again when node_modules is gone', async () => {
    await checkout.run(['covature']);
    rmSync(join(checkout.root, 'node_modules'), { recursive: true });
    expect((await checkout.run(['covature'])).status).toBe(0);
    expect(checkout.npmCalls).toHaveLength(2);
  });

  test('takes over what npm installed by hand when it is what the lock file says', async () => {
    await checkout.run(['covature']);
    checkout.lock({ fflate: '0.8.3' });
    const hidden = checkout.read('package-lock.json');
    checkout.write('node_modules/.package-lock.json', hidden);
    mkdirSync(join(checkout.root, 'node_modules/fflate'));
    expect((await checkout.run(['covature'])).stderr).toBe('');
    expect(checkout.npmCalls).toHaveLength(1);

    checkout.lock({ fflate: '0.8.4' });
    await checkout.run(['covature']);
    expect(checkout.npmCalls).toHaveLength(2);
  });

  test('that fails is told in plain words, leaves no trace of success and is tried again', async () => {
    checkout.npm({ status: 17 });
    const failed = await checkout.run(['covature']);
    expect(failed.status).toBe(1);
    expect(failed.stdout).toBe('');
    expect(failed.stderr).toContain('npm error code E503');
    expect(failed.stderr).toContain('covature: npm could not install the packages (exit status 17');
    expect(failed.stderr).not.toContain('    at ');
    checkout.npm({});
    expect((await checkout.run(['covature'])).status).toBe(0);
  });

  test('is refused by an npm that cannot read the lock file', async () => {
    checkout.npm({ version: '6.14.18' });
    const { status, stderr } = await checkout.run(['covature']);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^covature: npm 7 or newer is needed .* this is npm 6\.14\.18/);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(checkout.npmCalls).toEqual([]);
  });
});

const alone =
  !existsSync(join(dirname(process.execPath), '../lib/node_modules/npm')) ||
  'npm lies beside the Node that runs the tests';

describeWhere(posix === true ? alone : posix, 'without npm', () => {
  test('says where npm is to be had', async () => {
    const { status, stderr } = await checkout.run(['covature'], { node: process.execPath, env: { PATH: '/nowhere' } });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^covature: npm was not found/);
  });
});

describeWhere(posix, 'two launches at once', () => {
  test('install once, and both go on', async () => {
    checkout.npm({ takes: 700 });
    const all = await Promise.all(['a', 'b', 'c', 'd'].map((name) => checkout.run(['covature', name])));
    expect(all.map(({ status }) => status)).toEqual([0, 0, 0, 0]);
    expect(all.map(({ stdout }) => (JSON.parse(stdout) as { args: string[] }).args[0])).toEqual(['a', 'b', 'c', 'd']);
    expect(checkout.npmCalls).toEqual([ci]);
    expect(all.filter(({ stderr }) => stderr.includes('another launch is setting up (process ')).length).toBe(3);
    expect(checkout.has('.covature/setup.lock')).toBe(false);
  });

  test('where the first was killed and its npm lives on: the second waits for that npm and installs nothing', async () => {
    checkout.npm({ takes: 1500 });
    const first = checkout.start(['covature']);
    await until(() => lockedChild() > 0 && checkout.npmCalls.length > 0, 'the first launch to start npm');
    first.kill('SIGKILL');
    await once(first, 'exit');
    const second = await checkout.run(['covature']);
    expect(second.status).toBe(0);
    expect(second.stderr).toContain('waiting for it');
    expect(checkout.npmCalls).toEqual([ci]);
  });

  test('where the first was killed with its npm: the second installs', async () => {
    checkout.npm({ takes: 60_000 });
    const first = checkout.start(['covature']);
    const ended = finished(first);
    await until(() => lockedChild() > 0 && checkout.npmCalls.length > 0, 'the first launch to start npm');
    const npm = lockedChild();
    first.kill('SIGKILL');
    process.kill(npm, 'SIGKILL');
    await ended;
    checkout.npm({});
    const second = await checkout.run(['covature']);
    expect(second.status).toBe(0);
    expect(checkout.npmCalls).toEqual([ci, ci]);
  });

  test('where the user stops the first: npm ends with it and the lock is given back', async () => {
    checkout.npm({ takes: 60_000 });
    const first = checkout.start(['covature']);
    const ended = finished(first);
    await until(() => lockedChild() > 0 && checkout.npmCalls.length > 0, 'the first launch to start npm');
    first.kill('SIGTERM');
    expect((await ended).signal).toBe('SIGTERM');
    expect(checkout.has('.covature/setup.lock')).toBe(false);
  });

  function lockedChild(): number {
    if (!checkout.has('.covature/setup.lock')) return 0;
    return (JSON.parse(checkout.read('.covature/setup.lock')) as { child: number }).child;
  }
});

describeWhere(posix, 'install scripts', () => {
  const machine = `${process.platform}-${process.arch}`;

  test('of koffi run where it has no binary for the machine and package.json allows it', async () => {
    checkout.lock({ koffi: '3.3.4' });
    const { stderr } = await checkout.run(['covature']);
    expect(stderr).toContain(`covature: compiling koffi (which calls the native BLAS) for ${machine}`);
    expect(checkout.npmCalls[1]).toBe('rebuild koffi --ignore-scripts=false --loglevel=error');
  });

  test('are not asked for where the binary came with the packages', async () => {
    checkout.lock({ koffi: '3.3.4', [`@koromix/koffi-${machine}`]: '3.3.4' });
    await checkout.run(['covature']);
    expect(checkout.npmCalls).toEqual([ci]);
  });

  test('that ignore-scripts switches off: says what is missing, the one command that mends it, and goes on', async () => {
    checkout.lock({ koffi: '3.3.4' });
    checkout.npm({ ignoreScripts: true });
    const { stderr, stdout, status } = await checkout.run(['covature', 'list']);
    expect(stderr).toMatch(
      /koffi .* has no ready-made binary .* ignore-scripts .* "npm rebuild koffi --ignore-scripts=false" compiles it/,
    );
    expect(checkout.npmCalls).toEqual([ci]);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ args: ['list'], env: { PINNED_NODE: 'yes' } });
  });

  test('better-sqlite3 without a binary: names the command that compiles one', async () => {
    checkout.lock({ 'better-sqlite3': '13.2.0' });
    const { stderr } = await checkout.run(['covature']);
    expect(stderr).toContain('npx node-gyp rebuild --directory node_modules/better-sqlite3');
  });
});

describeWhere(posix, 'the pinned Node', () => {
  test('gets its link in node_modules/.bin, which npm 10 leaves out', async () => {
    await checkout.run(['covature']);
    const { stdout } = spawnSync(join(checkout.root, 'node_modules/.bin/node'), ['-p', 'process.env.PINNED_NODE'], {
      encoding: 'utf8',
    });
    expect(stdout).toBe('yes\n');
  });

  test('that the lock file does not bring: a system Node of the same major version serves', async () => {
    checkout.npm({ bringsNode: false });
    const { stderr, stdout, status } = await checkout.run(['covature', 'list'], { node: process.execPath });
    expect(stderr).toContain(`using the system's own ${process.execPath}`);
    expect(JSON.parse(stdout)).toMatchObject({ args: ['list'] });
    expect(status).toBe(0);
    expect((await checkout.run(['covature', 'list'], { node: process.execPath })).stderr).toBe('');
  });
});

describeWhere(posix === true ? oldSystemNode : posix, 'the pinned Node, on an old system Node', () => {
  test('is fetched by name where the lock file does not bring it, and its absence is told in plain words', async () => {
    checkout.npm({ bringsNode: false });
    const { stderr, status } = await checkout.run(['covature'], { env: { PATH: `${binOf(checkout)}:/nowhere` } });
    expect(checkout.npmCalls[1]).toMatch(/^install --no-save --ignore-scripts .* node-\w+-\w+@24\.21\.0$/);
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /covature: Node 24 is needed to continue \(this is Node 2\d\..*Install Node 24 from https:\/\/nodejs\.org/,
    );
    expect(stderr).not.toContain('    at ');
    expect(systemNode).not.toBe(process.execPath);
  });

  function binOf(of: Checkout): string {
    return join(of.root, '../bin');
  }
});
