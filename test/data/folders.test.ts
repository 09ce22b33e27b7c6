import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeFolders } from '../../src/data/folders.ts';

const home = mkdtempSync(path.join(tmpdir(), 'covature-folders-'));
afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});

test('makes what is missing and says where that began', () => {
  const deep = path.join(home, 'a', 'b', 'c');
  expect(makeFolders(deep)).toBe(path.join(home, 'a'));
  expect(existsSync(deep)).toBe(true);
  expect(makeFolders(deep)).toBeUndefined();
});

test('a file in the way is named by the error of the system', () => {
  const file = path.join(home, 'file');
  writeFileSync(file, '');
  expect(() => makeFolders(file)).toThrow(/EEXIST/);
  expect(() => makeFolders(path.join(file, 'below', 'it'))).toThrow(/ENOTDIR/);
});

test.skipIf(process.platform !== 'linux')("ends where no folder can be made: Node's own way does not", () => {
  expect(() => makeFolders('/proc/covature/below')).toThrow(/ENOENT/);
});
