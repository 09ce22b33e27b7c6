/** A thread that loads a native library is not ended in that moment: Node would end the whole process. */
import { EventEmitter } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { endWhenLoaded, tellLoaded } from '../../../src/engine/parallel/loading.ts';
import { Pool } from '../../../src/engine/parallel/pool.ts';
import { engines } from '../../support/engines.ts';

class Thread extends EventEmitter {
  ended = false;
  terminate(): Promise<number> {
    this.ended = true;
    return Promise.resolve(1);
  }
}

test.each([
  [
    'it has loaded',
    (thread: Thread) => {
      tellLoaded({ postMessage: (message: unknown) => thread.emit('message', message) } as never);
    },
  ],
  ['it has ended by itself', (thread: Thread) => thread.emit('exit', 1)],
])('is ended once %s', async (_, happen) => {
  const thread = new Thread();
  const ending = endWhenLoaded(thread as unknown as Worker)();
  thread.emit('message', { id: 1, ok: true });
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(thread.ended).toBe(false);
  happen(thread);
  await ending;
  expect(thread.ended).toBe(true);
});

test.each(engines.filter(({ available }) => available === true))(
  'pools on $title close at any moment of their start',
  async ({ open }) => {
    const blas = await open();
    for (let wait = 0; wait < 80; wait += 8) {
      const pool = new Pool(blas, { threads: 2 });
      await new Promise((resolve) => setTimeout(resolve, wait));
      await pool.close();
    }
  },
);
