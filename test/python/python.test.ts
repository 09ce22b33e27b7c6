/** The bridge from PyTorch, tested by pytest where python3 has torch and pytest: what it exports is read by this program's command line. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { describeWhere } from '../support/skips.ts';

const folder = fileURLToPath(new URL('.', import.meta.url));
const entry = fileURLToPath(new URL('../../src/main/cli/index.ts', import.meta.url));

function python(): true | string {
  const found = spawnSync('python3', ['-c', 'import torch, numpy, pytest'], { encoding: 'utf8' });
  if (found.error !== undefined) return 'there is no python3';
  const missing = /No module named '([^']+)'/.exec(found.stderr)?.[1];
  return found.status === 0
    ? true
    : `python3 has no ${missing ?? 'torch that can be imported'} (pip install torch==2.13.0 pytest)`;
}

describeWhere(python(), 'the bridge from PyTorch', () => {
  const files = readdirSync(folder).filter((name) => /^test_.*\.py$/.test(name));
  test.each(files)('%s', { timeout: 900_000 }, (file) => {
    let output: string;
    try {
      output = execFileSync('python3', ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', path.join(folder, file)], {
        encoding: 'utf8',
        env: {
          ...process.env,
          PYTHONDONTWRITEBYTECODE: '1',
          COVATURE: `'${process.execPath}' --disable-warning=ExperimentalWarning '${entry}'`,
        },
      });
    } catch (error) {
      throw new Error(String((error as { readonly stdout?: string }).stdout ?? error), { cause: error });
    }
    expect(output).toMatch(/\d+ passed/);
    expect(output).not.toMatch(/skipped|xfailed/);
  });
});
