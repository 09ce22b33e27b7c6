import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { kill } from 'node:process';
import { FaultError } from '../../../src/shared/contract/index.ts';
import type { Store } from '../../../src/main/store/index.ts';
import { endless, temporaryFolder, TestQueue, tiny, until } from './support.ts';
import { trainingTime } from '../../../src/shared/training-time.ts';

let folder: ReturnType<typeof temporaryFolder>;
const opened: TestQueue[] = [];

function open(options?: ConstructorParameters<typeof TestQueue>[1]): TestQueue {
  const queue = new TestQueue(folder.path, options);
  opened.push(queue);
  return queue;
}

beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(async () => {
  for (const queue of opened.splice(0)) await queue.close();
  folder.remove();
});

/** All series of a run but its times, as plain numbers. */
function seriesOf(store: Store, id: string): Record<string, { steps: number[]; values: number[] }> {
  return Object.fromEntries(
    Object.entries(store.series(id))
      .filter(([name]) => name !== trainingTime)
      .map(([name, { steps, values }]) => [name, { steps: [...steps], values: [...values] }]),
  );
}

describe('the queue of jobs', () => {
  it('trains a queued run, stores what it sends, and tells of it in numbered batches', async () => {
    const t = open();
    const id = t.add(tiny);
    t.queue.pump();
    expect(t.run(id).status).toBe('running');
    expect(t.job(id)).toMatchObject({ state: 'running', kind: 'train', run: id });
    const run = await t.status(id, 'done');
    expect(run).toMatchObject({ step: 40, steps: 40, error: null });
    expect(t.store.measurements(id)).toHaveLength(1);
    await until(() => t.job(id)?.state === 'done', 'the job to be listed as done');

    const batches = t.payloads('series.appended').filter((each) => each.run === id);
    expect(batches.length).toBeGreaterThan(0);
    const numbers = batches.map(({ batch }) => batch);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(new Set(numbers).size).toBe(numbers.length);
    // What was told, put together, is what is stored.
    const told = batches.flatMap(({ series }) => [...(series['loss']?.values ?? [])]);
    expect(told).toEqual([...t.store.series(id)['loss'].values]);
    expect(t.payloads('measurements.changed')).toEqual([{ run: id }]);
  });

  it('keeps to the limit, and starts by priority, then age', async () => {
    const t = open({ limit: 1 });
    const [low, first, second, high] = [t.add(tiny, -1), t.add(tiny), t.add(tiny), t.add(tiny, 5)];
    t.queue.pump();
    const snapshot = t.queue.snapshot();
    expect(snapshot.jobs.map(({ id, state }) => [id, state])).toEqual([
      [high, 'running'],
      [first, 'queued'],
      [second, 'queued'],
      [low, 'queued'],
    ]);
    expect(snapshot).toMatchObject({ running: 1, queued: 3, limit: 1 });
    await t.status(low, 'done');
    const starts = [high, first, second, low].map((id) => t.run(id).started ?? 0);
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
  });

  it('starts nothing while it is held', async () => {
    const t = open();
    t.queue.hold(true);
    const id = t.add(tiny);
    t.queue.pump();
    expect(t.run(id).status).toBe('queued');
    expect(t.queue.snapshot()).toMatchObject({ held: true, queued: 1, running: 0 });
    t.queue.hold(false);
    expect(t.run(id).status).toBe('running');
    await t.status(id, 'done');
  });

  it('cancels a running job within a second, and a queued one at once; the next one starts', async () => {
    const t = open();
    const [running, queued, next] = [t.add(endless), t.add(endless), t.add(tiny)];
    t.queue.pump();
    await until(() => t.payloads('run.progress').length > 0, 'progress');
    t.queue.cancelRun(t.run(queued));
    expect(t.run(queued).status).toBe('cancelled');
    const began = performance.now();
    t.queue.cancelRun(t.run(running));
    expect(t.job(running)).toMatchObject({ stopping: true });
    await t.status(running, 'cancelled');
    expect(performance.now() - began).toBeLessThan(3000);
    await t.status(next, 'done');
  });

  it('refuses what the state of a run excludes, and says the state', async () => {
    const t = open();
    const id = t.add(tiny);
    t.queue.pump();
    await t.status(id, 'done');
    for (const act of ['pauseRun', 'cancelRun', 'resumeRun', 'retryRun'] as const) {
      const error = (() => {
        try {
          t.queue[act](t.run(id));
        } catch (caught) {
          return caught;
        }
        return undefined;
      })();
      expect(error).toBeInstanceOf(FaultError);
      expect((error as FaultError).code).toBe('conflict');
      expect((error as FaultError).message).toContain('tiny is done');
    }
  });

  it('survives SIGKILL of a worker: the run says so, others go on, and it resumes to the identical end', async () => {
    const when = { kind: 'epochs', epochs: [2, 600] };
    const long = { ...tiny, epochs: 600, measurements: [{ parameters: ['fc2.kernel'], when }] };
    const t = open({ limit: 2 });
    const [killed, other] = [t.add(long), t.add({ ...tiny, epochs: 20 })];
    const measured = t.whenMeasured(killed, () => {
      kill(t.job(killed)!.pid!, 'SIGKILL');
    });
    t.queue.pump();
    await measured;
    expect(t.store.lastCheckpoint(killed)?.step).toBe(40);
    const dead = await t.status(killed, 'interrupted');
    expect(dead.error).toMatch(/ended by SIGKILL/);
    const notice = await until(() => t.payloads('notice').find(({ run }) => run === killed), 'the notice');
    expect(notice).toMatchObject({ level: 'error' });
    expect(notice.text).toContain('resumes from its last checkpoint');
    await t.status(other, 'done');
    t.queue.resumeRun(t.run(killed));
    t.queue.pump();
    await t.status(killed, 'done');

    const undisturbed = t.add(long);
    t.queue.pump();
    await t.status(undisturbed, 'done');
    expect(seriesOf(t.store, killed)).toEqual(seriesOf(t.store, undisturbed));
  });

  it('pauses at a checkpoint, and resumes to the identical end after the program was closed and opened', async () => {
    const when = { kind: 'epochs', epochs: [2, 600] };
    const long = { ...tiny, epochs: 600, seed: 5, measurements: [{ parameters: ['fc2.kernel'], when }] };
    const before = open();
    const id = before.add(long);
    const measured = before.whenMeasured(id, () => {
      before.queue.pauseRun(before.run(id));
    });
    before.queue.pump();
    await measured;
    const paused = await before.status(id, 'paused');
    expect(before.store.lastCheckpoint(id)?.step).toBe(paused.step);
    expect(paused.step).toBeLessThan(12_000);
    const timesBefore = before.store.series(id)[trainingTime];
    await before.close();
    opened.pop();

    const after = open();
    expect(after.run(id).status).toBe('paused');
    after.queue.resumeRun(after.run(id));
    const undisturbed = after.add(long);
    after.queue.pump();
    await after.status(undisturbed, 'done');
    expect(after.run(id)).toMatchObject({ status: 'done', step: 12_000 });
    expect(seriesOf(after.store, id)).toEqual(seriesOf(after.store, undisturbed));
    // The times of training go on from the pause, which is no part of them.
    const times = after.store.series(id)[trainingTime];
    const kept = timesBefore.steps.length;
    expect([times.steps[0], times.values[0], times.steps[kept - 1], times.steps.at(-1)]).toEqual([
      0,
      0,
      paused.step,
      12_000,
    ]);
    expect(times.values.slice(0, kept)).toEqual(timesBefore.values);
    expect(times.values).toEqual(times.values.toSorted());
    const { value: trained } = after.run(id).values['seconds.training'];
    expect(times.values.at(-1) - times.values[kept - 1]).toBeCloseTo(trained ?? NaN, 6);
    const gammas = (run: string): unknown[] =>
      after.store.measurements(run).map(({ step, summary }) => [step, summary?.gamma]);
    expect(gammas(id)).toHaveLength(2);
    expect(gammas(id)).toEqual(gammas(undisturbed));
  });

  it('begins a cancelled run again from its first step', async () => {
    const t = open();
    const id = t.add({
      ...endless,
      measurements: [{ parameters: ['fc2.kernel'], when: { kind: 'epochs', epochs: [0] } }],
    });
    t.queue.pump();
    await until(() => t.run(id).step > 500 && t.store.measurements(id).length === 1, 'some steps');
    t.queue.cancelRun(t.run(id));
    await t.status(id, 'cancelled');
    t.queue.hold(true);
    t.queue.retryRun(t.run(id));
    expect(t.run(id)).toMatchObject({ status: 'queued', error: null });
    expect(t.store.checkpoints(id)).toEqual([]);
    expect(t.store.measurements(id)).toEqual([]);
    expect(Object.values(t.store.series(id)).every(({ steps }) => steps.length === 0)).toBe(true);
    t.queue.hold(false);
    await until(() => (t.store.series(id)['batch_loss']?.steps.length ?? 0) > 0, 'points');
    expect(t.store.series(id)['loss'].steps[0]).toBe(0);
  });

  it('measures a run again at its checkpoint, as a job of its own', async () => {
    const t = open();
    const id = t.add({ ...tiny, measurements: [] });
    t.queue.pump();
    await t.status(id, 'done');
    const spec = {
      parameters: ['fc*.kernel'],
      when: { kind: 'end' } as const,
      method: 'exact' as const,
      which: 'largest' as const,
      samples: 200,
      seed: 1,
    };
    const job = t.queue.measure(t.run(id), spec, undefined, 10);
    expect(t.job(job)).toMatchObject({ kind: 'measure', state: 'running', run: id });
    await until(() => t.job(job)?.state === 'done', 'the measurement');
    expect(t.store.measurements(id).map(({ parameter, origin, samples }) => [parameter, origin, samples])).toEqual([
      ['fc1.kernel', 'manual', 200],
      ['fc2.kernel', 'manual', 200],
    ]);
    expect(t.run(id).status).toBe('done');
  });

  it('marks a run whose data are gone as failed, says why, and goes on', async () => {
    const t = open();
    const bad = t.add({ ...tiny, dataset: { source: 'idx', path: 'nowhere' } });
    const good = t.add(tiny);
    t.queue.pump();
    expect((await t.status(bad, 'failed')).error).toMatch(/nowhere/);
    await t.status(good, 'done');
  });

  it('runs tasks beside the limit, with progress and cancel', async () => {
    const t = open();
    const task = t.queue.task('Copy', async ({ signal, progress }) => {
      progress('copying', 0.5);
      await new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
      });
    });
    expect(t.job(task.id)).toMatchObject({
      kind: 'task',
      state: 'running',
      progress: { stage: 'copying', share: 0.5 },
    });
    t.queue.cancelJob(task.id);
    await expect(task.done).rejects.toThrow('Copy was cancelled');
    expect(t.job(task.id)).toMatchObject({ state: 'cancelled' });
    expect(() => t.queue.cancelJob('no-such-job')).toThrow(/there is no job/);
  });

  it('pauses what runs when it is closed', async () => {
    const t = open();
    const id = t.add(endless);
    t.queue.pump();
    await until(() => t.run(id).step > 0, 'a step');
    await t.queue.close();
    expect(t.run(id).status).toBe('paused');
    expect(t.store.lastCheckpoint(id)).toBeDefined();
  });
});
