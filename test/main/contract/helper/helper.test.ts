/** The helper process's main side, with processes that a test ends when it likes: every request is answered, whatever becomes of them. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Helper } from '../../../../src/main/contract/helper/helper.ts';
import type { HelperRequest } from '../../../../src/main/contract/helper/tasks.ts';
import type { ProcessLauncher, WorkerListeners } from '../../../../src/main/jobs/launcher.ts';

/** A process that answers when the test says so. */
class Stub {
  readonly asked: HelperRequest[] = [];
  readonly listeners: WorkerListeners;
  killed = false;

  constructor(listeners: WorkerListeners) {
    this.listeners = listeners;
  }

  answer(): void {
    const { number, argument } = this.asked.shift()!;
    this.listeners.onMessage({ number, ok: true, result: argument });
  }

  end(signal = 'SIGKILL'): void {
    this.listeners.onClose(null, signal, '');
  }
}

const started: Stub[] = [];
const launcher: ProcessLauncher = {
  launch(_module, _env, listeners) {
    const stub = new Stub(listeners);
    started.push(stub);
    return {
      pid: started.length,
      send: (message) => void stub.asked.push(structuredClone(message) as HelperRequest),
      finished: () => undefined,
      kill: () => {
        stub.killed = true;
      },
    };
  },
};

let helper: Helper;
/** Asks and notes how it ends. */
function ask(value: unknown): { outcome: unknown } {
  const noted: { outcome: unknown } = { outcome: 'pending' };
  const settle = (outcome: unknown): void => {
    noted.outcome = outcome;
  };
  void helper.ask('summarise', value as never).then(settle, (error: unknown) => {
    settle((error as Error).message);
  });
  return noted;
}
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  started.length = 0;
  helper = new Helper(launcher);
});
afterEach(() => {
  helper.close();
});

describe('a helper process that ends', () => {
  it('fails the request that it was at, and hands those behind it to a new one', async () => {
    const requests = [1, 2, 3, 4].map(ask);
    started[0].answer();
    started[0].end('SIGSEGV');
    await settled();
    expect(requests[0].outcome).toBe(1);
    expect(requests[1].outcome).toMatch(/ended by SIGSEGV.*none of your data is lost/);
    expect(started[1].asked.map(({ argument }) => argument)).toEqual([3, 4]);
    started[1].answer();
    started[1].answer();
    await settled();
    expect(requests.slice(2).map(({ outcome }) => outcome)).toEqual([3, 4]);
  });

  it('answers every request, however often processes end', async () => {
    const requests = Array.from({ length: 40 }, (_, k) => ask(k));
    for (let k = 0; k < started.length; k++) started[k].end();
    await settled();
    for (const { outcome } of requests) expect(outcome).toMatch(/ended by SIGKILL/);
    // Each request waited for three processes at most.
    expect(started.length).toBeLessThanOrEqual(3);
    const last = ask('after');
    started.at(-1).answer();
    await settled();
    expect(last.outcome).toBe('after');
  });

  it('fails what waits where the program ends, and starts nothing more', async () => {
    const first = ask('first');
    helper.close();
    expect(started[0].killed).toBe(true);
    started[0].end();
    await settled();
    expect(first.outcome).toMatch(/ended by SIGKILL/);
    const late = ask('late');
    await settled();
    expect(late.outcome).toMatch(/the program is ending/);
    expect(started).toHaveLength(1);
  });

  it('fails a request that cannot be sent, and it alone', async () => {
    const wrong = ask(() => undefined);
    const right = ask('right');
    await settled();
    expect(wrong.outcome).toMatch(/could not be cloned/);
    started[0].answer();
    await settled();
    expect(right.outcome).toBe('right');
  });
});

it('ends a process that is not kept with its last answer, and starts another for what is asked later', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    helper = new Helper(launcher, 0);
    const [first, second] = ['first', 'second'].map(ask);
    started[0].answer();
    vi.runAllTimers();
    expect(started[0].killed).toBe(false);
    started[0].answer();
    await settled();
    expect([first.outcome, second.outcome]).toEqual(['first', 'second']);
    vi.runAllTimers();
    expect(started[0].killed).toBe(true);
    expect(helper.pid).toBeUndefined();
    const third = ask('third');
    started[1].answer();
    await settled();
    expect(third.outcome).toBe('third');
  } finally {
    vi.useRealTimers();
  }
});
