/** PyTorch at the packed products of the exact method, on the same machine: scripts/torch-products.py, if python3 has torch. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface TorchProducts {
  /** "2.5.1". */
  readonly torch: string;
  /** "NVIDIA H100 80GB HBM3", or "cpu". */
  readonly device: string;
  readonly seconds: number;
  readonly gigaflops: number;
  /** Of a product over 512 samples, of the largest entry, against float64. */
  readonly precision: number;
}

/** Milliseconds that PyTorch may take. */
const patience = 600_000;

/** Its times, or why there are none. */
export function torchProducts(
  task: { readonly inner: number; readonly outer: number; readonly samples: number; readonly chunk: number },
  python = 'python3',
): Promise<TorchProducts | string> {
  const script = fileURLToPath(new URL('../../../scripts/torch-products.py', import.meta.url));
  if (!existsSync(script)) return Promise.resolve('scripts/torch-products.py exists only in a checkout');
  const args = Object.entries(task).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return new Promise((resolve) => {
    execFile(python, [script, ...args], { timeout: patience }, (error, stdout, stderr) => {
      if (error !== null) {
        const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
        const said = stderr.trim().split('\n').at(-1) ?? '';
        resolve(isMissing ? `${python} is not installed` : `${python} failed: ${said === '' ? error.message : said}`);
        return;
      }
      const answer = JSON.parse(stdout) as TorchProducts | { readonly error: string };
      resolve('error' in answer ? answer.error : answer);
    });
  });
}
