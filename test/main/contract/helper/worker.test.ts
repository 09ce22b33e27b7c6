import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

describe('a worker file started by hand', () => {
  it('says that the program starts it', async () => {
    const file = fileURLToPath(new URL('../../../../src/main/contract/helper/worker.ts', import.meta.url));
    const child = spawn(process.execPath, [file], { stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const code = await new Promise((resolve) => child.on('exit', resolve));
    expect(code).toBe(1);
    expect(stderr).toContain('the helper process of the workbench');
  });
});
