import { mkdirSync, readFileSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { withoutPersonal } from '../../../src/main/cli/support-report.ts';
import { cli, temporaryFolder } from '../../support/cli.ts';

const personal = { home: '/home/ada', user: 'ada', host: 'analytical-engine' };

test.each([
  ['store: /home/ada/.local/share/covature', 'store: …/covature'],
  ['~ is /home/ada', '~ is ~'],
  ['/data/secret/runs/x.db: torn', '…/x.db: torn'],
  ['C:\\Users\\ada\\runs\\x.db', '…/x.db'],
  ['tried /usr/lib/x86_64-linux-gnu/libopenblas.so.0: no', 'tried /usr/lib/x86_64-linux-gnu/libopenblas.so.0: no'],
  ['Linux analytical-engine 6.1, by ada', 'Linux <host> 6.1, by <user>'],
  ['a cascade of adaptive steps', 'a cascade of adaptive steps'],
])('%s becomes %s', (text, expected) => {
  expect(withoutPersonal(text, personal)).toBe(expected);
});

test('doctor --report shows the text and saves what it showed, with nothing personal', async () => {
  const folder = temporaryFolder();
  const file = path.join(folder, 'report.txt');
  mkdirSync(path.join(folder, 'home'));
  const { status, stdout } = await cli([
    'doctor',
    '--report',
    '--out',
    file,
    '--store',
    path.join(folder, 'runs of mine'),
  ]);
  expect(status).toBe(0);
  expect(stdout).toContain('BLAS: ');
  expect(stdout).toContain('packages: ');
  const saved = readFileSync(file, 'utf8');
  expect(stdout.startsWith(saved)).toBe(true);
  for (const name of [homedir(), hostname(), folder]) if (name.length > 1) expect(saved).not.toContain(name);
});
