/** Timed forecasts of the workbench, with a process that answers when the test says so. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Forecasts } from '../../../src/main/contract/forecasts.ts';
import type { HelperRequest } from '../../../src/main/contract/helper/tasks.ts';
import type { ProcessLauncher, WorkerListeners } from '../../../src/main/jobs/launcher.ts';
import type { Store } from '../../../src/main/store/index.ts';

const asked: HelperRequest[] = [];
let listeners: WorkerListeners;
let ended = 0;
const launcher: ProcessLauncher = {
  launch(_module, _env, given) {
    listeners = given;
    return {
      pid: 1,
      send: (message) => void asked.push(message as HelperRequest),
      finished: () => undefined,
      kill: () => void ended++,
    };
  },
};
const kept: Record<string, Record<string, unknown>> = {};
const store = {
  allCalibrations: () => structuredClone(kept),
  transaction: (work: () => void) => {
    work();
  },
  setCalibration: (machine: string, name: string, rate: unknown) => {
    kept[machine] = { ...kept[machine], [name]: rate };
  },
} as unknown as Store;

const idle = 1000;
let forecasts: Forecasts;
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const ask = (name: string, signal?: AbortSignal) => forecasts.ask(store, { experiment: name } as never, signal);
const answer = (rates: Record<string, unknown>): void => {
  const { number } = asked.shift()!;
  listeners.onMessage({ number, ok: true, result: { machine: 'here', rates } });
};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  asked.length = 0;
  ended = 0;
  for (const name of Object.keys(kept)) delete kept[name];
  forecasts = new Forecasts(launcher, idle);
});
afterEach(() => {
  forecasts.close();
  vi.useRealTimers();
});

it('asks for the next one when the one before has been answered, with the rates that it measured', async () => {
  const [first, second] = [ask('a'), ask('b')];
  await settled();
  expect(asked).toMatchObject([{ argument: { experiment: 'a', known: {} } }]);
  answer({ product: { flops: 1 } });
  await first;
  await settled();
  expect(asked).toMatchObject([{ argument: { experiment: 'b', known: { here: { product: { flops: 1 } } } } }]);
  answer({});
  await second;
});

it('drops one that is stopped before its turn; one under way goes on and its rates are kept, though nobody waits', async () => {
  const [under, behind] = [new AbortController(), new AbortController()];
  const first = ask('a', under.signal);
  const second = ask('b', behind.signal);
  const third = ask('c');
  await settled();
  const stopped = Promise.allSettled([first, second]);
  under.abort();
  behind.abort();
  const cancelled = { status: 'rejected', reason: { code: 'cancelled' } };
  expect(await stopped).toMatchObject([cancelled, cancelled]);
  vi.advanceTimersByTime(10 * idle);
  expect(ended).toBe(0);
  answer({ product: { flops: 2 } });
  await settled();
  expect(asked).toMatchObject([{ argument: { experiment: 'c', known: { here: { product: { flops: 2 } } } } }]);
  answer({});
  await third;
});

it('goes on after one that failed', async () => {
  const [first, second] = [ask('a'), ask('b')];
  await settled();
  const { number } = asked.shift()!;
  listeners.onMessage({ number, ok: false, message: 'no such layer', isInput: true });
  await expect(first).rejects.toThrow('no such layer');
  await settled();
  answer({});
  await second;
});

it('ends a process that has measured rates with its answer, and starts another for the next', async () => {
  const [first, second] = [ask('a'), ask('b')];
  await settled();
  answer({ product: { flops: 1 } });
  await first;
  expect(ended).toBe(1);
  await settled();
  answer({});
  await second;
  expect(ended).toBe(1);
});

it('ends its process soon after the last answer, and gives its memory back', async () => {
  const first = ask('a');
  await settled();
  answer({});
  await first;
  vi.advanceTimersByTime(idle - 1);
  expect(ended).toBe(0);
  vi.advanceTimersByTime(1);
  expect(ended).toBe(1);
  expect(forecasts.pid).toBeUndefined();
});
