import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { describeWhere } from '../support/skips.ts';
import { Checkout, posix } from './support.ts';

const source = 'src/engine/blas/wasm/assembly/index.ts';
const builder = `
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
const text = readFileSync('${source}', 'utf8');
appendFileSync('built.log', process.env.PINNED_NODE + '\\n');
console.log('the compiler speaks');
if (text.includes('wrong')) { console.error('${source}: line 1: wrong'); process.exit(1); }
await new Promise((resolve) => setTimeout(resolve, 300));
mkdirSync('out/wasm', { recursive: true });
writeFileSync('out/wasm/kernels.wasm', text);
`;

let checkout: Checkout;
beforeEach(() => {
  checkout = new Checkout();
  checkout.write('scripts/build-wasm.mjs', builder);
  checkout.write(source, 'one');
});
afterEach(() => checkout.remove());

const builds = (): number => (checkout.has('built.log') ? checkout.read('built.log').trimEnd().split('\n').length : 0);

describeWhere(posix, 'building before a launch', () => {
  test('happens when a source says something new, and only then', async () => {
    const first = await checkout.run(['covature', 'list']);
    expect(first.stderr).toMatch(/covature: building the WebAssembly kernels\ncovature: built in /);
    expect(first.stderr).not.toContain('the compiler speaks');
    expect(JSON.parse(first.stdout)).toMatchObject({ args: ['list'] });
    expect(checkout.read('built.log')).toBe('yes\n');

    expect((await checkout.run(['covature'])).stderr).toBe('');
    const later = new Date(Date.now() + 10_000);
    utimesSync(join(checkout.root, source), later, later);
    expect((await checkout.run(['covature'])).stderr).toBe('');
    expect(builds()).toBe(1);

    checkout.write(source, 'two');
    await checkout.run(['covature']);
    expect(builds()).toBe(2);
    expect(checkout.read('out/wasm/kernels.wasm')).toBe('two');

    checkout.write('src/engine/blas/wasm/assembly/more.ts', '');
    await checkout.run(['covature']);
    expect(builds()).toBe(3);
  });

  test('happens once for two launches', async () => {
    await checkout.run(['covature']);
    checkout.write(source, 'two');
    const both = await Promise.all([checkout.run(['covature']), checkout.run(['covature'])]);
    expect(both.map(({ status }) => status)).toEqual([0, 0]);
    expect(builds()).toBe(2);
  });

  test('that fails shows the compiler’s words, launches nothing and is tried again', async () => {
    checkout.write(source, 'wrong');
    for (const attempt of [1, 2]) {
      const { status, stdout, stderr } = await checkout.run(['covature']);
      expect({ attempt, status, stdout }).toEqual({ attempt, status: 1, stdout: '' });
      expect(stderr).toContain(`${source}: line 1: wrong`);
      expect(stderr).toContain('covature: the WebAssembly kernels could not be built');
    }
    expect(builds()).toBe(2);
  });
});
