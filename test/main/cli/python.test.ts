/** `covature python`: where the bridge is, and copies of it that call this program. */
import { mkdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { cli, temporaryFolder } from '../../support/cli.ts';

const folder = temporaryFolder();
const own = fileURLToPath(new URL('../../../resources/python/covature.py', import.meta.url));
const script = fileURLToPath(new URL('../../../scripts/covature.mjs', import.meta.url));

/** What the copy calls, as Python reads it. */
function commandOf(file: string): unknown {
  const line = /^COMMAND: Optional\[List\[str\]\] = (.*)$/m.exec(readFileSync(file, 'utf8'));
  return JSON.parse(line?.[1] ?? 'null');
}

describe('covature python', () => {
  test('says where the bridge is', async () => {
    const plain = await cli(['python']);
    expect([plain.status, plain.stdout]).toEqual([0, `${own}\n`]);
    const { stdout } = await cli(['python', '--json']);
    expect(JSON.parse(stdout)).toEqual({ file: own });
  });

  test.each([
    ['a folder', '', 'covature.py'],
    ['a name', 'bridge.py', 'bridge.py'],
  ])('--out %s: a copy that knows how to call this program, and nothing else changed', async (_, given, name) => {
    const { status, stdout, stderr } = await cli(['python', '--out', path.join(folder, given)]);
    expect([status, stderr]).toEqual([0, '']);
    const file = path.join(folder, name);
    expect(stdout).toBe(`${file}\n`);
    expect(commandOf(file)).toEqual([process.execPath, script]);
    const line = /^COMMAND.*$/m;
    expect(readFileSync(file, 'utf8').replace(line, '')).toBe(readFileSync(own, 'utf8').replace(line, ''));
  });

  test.each([
    [
      'no name of a .py file',
      'bridge.txt',
      /--out: .*bridge\.txt: expected an existing folder, or the name of a \.py file/,
    ],
    ['in a folder that is not there', 'missing/covature.py', /--out: .*covature\.py: there is no folder .*missing/],
  ])('--out %s is refused', async (_, given, message) => {
    const { status, stdout, stderr } = await cli(['python', '--out', path.join(folder, given)]);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
  });

  test('a folder that is called like a file is one', async () => {
    const place = path.join(folder, 'odd.py');
    mkdirSync(place);
    const { stdout } = await cli(['python', '--out', place]);
    expect(stdout).toBe(`${path.join(place, 'covature.py')}\n`);
  });
});
