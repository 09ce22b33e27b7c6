/** PyTorch beside the bench: its times where python3 has it, else a reason that says what is missing. */
import { chmodSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { torchProducts } from '../../../src/main/bench/torch.ts';
import { temporaryFolder } from '../../support/cli.ts';
import { describeWhere } from '../../support/skips.ts';

const task = { inner: 4, outer: 3, samples: 100, chunk: 64 };
const folder = temporaryFolder();

describe('PyTorch at the packed products', () => {
  test('no Python', async () => {
    expect(await torchProducts(task, 'no-such-python')).toBe('no-such-python is not installed');
  });

  test("this machine's Python", async () => {
    const found = await torchProducts(task);
    if (typeof found === 'string') expect(found).toMatch(/python3.* (has no torch: |is not installed|failed: )/);
    else {
      expect(found.seconds).toBeGreaterThan(0);
      expect(found.precision).toBeLessThan(1e-5);
    }
  });
});

describeWhere(process.platform === 'win32' ? 'it takes a shell script for Python' : true, 'a Python that', () => {
  const python = (name: string, lines: string): string => {
    const file = path.join(folder, name);
    writeFileSync(file, `#!/bin/sh\n${lines}\n`);
    chmodSync(file, 0o755);
    return file;
  };

  test('answers: its numbers, and it is asked for the same sizes', async () => {
    const file = python(
      'good',
      'echo "{\\"torch\\":\\"$*\\",\\"device\\":\\"a card\\",\\"seconds\\":2,\\"gigaflops\\":3,\\"precision\\":1e-7}" | sed "s#[^\\"]*torch-products.py ##"',
    );
    expect(await torchProducts(task, file)).toEqual({
      torch: '--inner 4 --outer 3 --samples 100 --chunk 64',
      device: 'a card',
      seconds: 2,
      gigaflops: 3,
      precision: 1e-7,
    });
  });

  test('fails: its last words', async () => {
    const file = python('bad', 'echo first >&2; echo "CUDA out of memory" >&2; exit 1');
    expect(await torchProducts(task, file)).toBe(`${file} failed: CUDA out of memory`);
  });
});
