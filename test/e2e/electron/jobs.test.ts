/** The desktop while jobs run: quitting, progress on the icon, the machine's sleep, notifications. In a real Electron. */
import { describe, expect, it } from 'vitest';
import { endless, tiny, until } from '../../main/queue/support.ts';
import { describeWhere } from '../../support/skips.ts';
import type { Desktop } from './desktop.ts';
import { Fixture } from './fixture.ts';
import { desktopAvailable } from './place.ts';

describeWhere(desktopAvailable(), 'the desktop while jobs run', () => {
  const fixture = new Fixture();

  /** A run under way. */
  async function start(desktop: Desktop, experiment: object = endless): Promise<string> {
    const { runs } = await desktop.request('runs.start', { experiment });
    await until(async () => (await desktop.request('runs.get', { id: runs[0] })).step > 0, 'the first steps');
    return runs[0];
  }
  /** Epochs of `tiny` that take about so many seconds on this machine as busy as it is now. */
  async function epochsOf(desktop: Desktop, seconds: number): Promise<number> {
    const id = await start(desktop);
    const stepOf = async (): Promise<number> => (await desktop.request('runs.get', { id })).step;
    const [first, began] = [await stepOf(), performance.now()];
    const last = await until(async () => {
      const step = await stepOf();
      return performance.now() - began > 2000 && step > first && step;
    }, 'its rate');
    const rate = (1000 * (last - first)) / (performance.now() - began);
    await desktop.request('runs.cancel', { ids: [id] });
    await until(async () => (await desktop.request('queue.get')).running === 0, 'its end');
    return Math.ceil((seconds * rate) / (tiny.dataset.train / tiny.batch_size));
  }
  const statusOf = async (desktop: Desktop, id: string): Promise<string> =>
    (await desktop.request('runs.get', { id })).status;

  it('asks once before it quits: kept running, or paused and resumed after the next start from the same step; obeys a signal without a question', async () => {
    const home = fixture.place.home();
    let desktop = await fixture.start(home);
    const id = await start(desktop);
    await desktop.answerQuestions('never');
    // Twice while the question stands, by the menu and by the window's cross.
    await desktop.app.evaluate(({ app, BrowserWindow }) => {
      app.quit();
      BrowserWindow.getAllWindows()[0].close();
    });
    await until(async () => (await desktop.questions()).length > 0, 'the question');
    expect(await desktop.questions()).toEqual([
      {
        message: 'endless is running',
        detail: 'The run takes a checkpoint and can be resumed later, from the same step.',
        buttons: ['Pause and Quit', 'Keep Running'],
      },
    ]);
    await desktop.kill();

    desktop = await fixture.start(home);
    await desktop.request('runs.resume', { ids: [id] });
    await until(async () => (await statusOf(desktop, id)) === 'running', 'the run');
    await desktop.answerQuestions(1);
    await desktop.app.evaluate(({ BrowserWindow }) => {
      BrowserWindow.getAllWindows()[0].close();
    });
    await until(async () => (await desktop.questions()).length === 1, 'the question');
    expect(await statusOf(desktop, id)).toBe('running');
    expect(await desktop.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1);
    const { step } = await desktop.request('runs.get', { id });
    await desktop.answerQuestions(0);
    expect(await desktop.quit()).toBe(0);

    desktop = await fixture.start(home);
    const paused = await desktop.request('runs.get', { id });
    expect(paused.status).toBe('paused');
    expect(paused.step).toBeGreaterThanOrEqual(step);
    expect(paused.checkpoints.some((each) => each.step === paused.step)).toBe(true);

    // A signal asks nothing.
    await desktop.request('runs.resume', { ids: [id] });
    await until(async () => (await desktop.request('runs.get', { id })).step > paused.step, 'its next steps');
    await desktop.answerQuestions('never');
    process.kill(desktop.pid, 'SIGTERM');
    expect(await desktop.ended()).toBe(0);
    desktop = await fixture.start(home);
    const last = await desktop.request('runs.get', { id });
    expect(last.status).toBe('paused');
    expect(last.checkpoints.some((each) => each.step === last.step)).toBe(true);
  });

  describe('one after the other', () => {
    const shared = fixture.shared();

    it('shows progress on the icon, keeps the machine awake, and tells of a long job that ended while nobody looked', async () => {
      const { desktop } = shared;
      const epochs = await epochsOf(desktop, 5);
      await until(
        () =>
          desktop.app.evaluate(({ powerSaveBlocker }) =>
            Array.from({ length: 20 }, (_, id) => id).every((id) => !powerSaveBlocker.isStarted(id)),
          ),
        'the machine to be free to sleep',
      );
      await desktop.app.evaluate(({ BrowserWindow, Notification, powerSaveBlocker }) => {
        const seen = { progress: [] as number[], notified: [] as string[], blocked: [] as boolean[] };
        (globalThis as unknown as { seen: typeof seen }).seen = seen;
        const [window] = BrowserWindow.getAllWindows();
        const original = window.setProgressBar.bind(window);
        window.setProgressBar = (share: number) => {
          seen.progress.push(share);
          original(share);
        };
        const begin = powerSaveBlocker.start.bind(powerSaveBlocker);
        powerSaveBlocker.start = (type) => {
          const id = begin(type);
          seen.blocked.push(powerSaveBlocker.isStarted(id));
          return id;
        };
        const stop = powerSaveBlocker.stop.bind(powerSaveBlocker);
        powerSaveBlocker.stop = (id) => {
          const done = stop(id);
          seen.blocked.push(powerSaveBlocker.isStarted(id));
          return done;
        };
        Notification.isSupported = () => true;
        Notification.prototype.show = function (this: Electron.Notification) {
          seen.notified.push(`${this.title}: ${this.body}`);
        };
        window.minimize();
        window.blur();
      });
      await desktop.request('settings.set', { notifyAfterSeconds: 1 });
      const id = await start(desktop, { ...tiny, epochs });
      await until(async () => (await statusOf(desktop, id)) === 'done', 'the run', 200_000);
      const seen = await until(async () => {
        const found = await desktop.app.evaluate(
          () =>
            (globalThis as unknown as { seen: { progress: number[]; notified: string[]; blocked: boolean[] } }).seen,
        );
        return found.notified.length > 0 && found.progress.at(-1) === -1 && found;
      }, 'the notification');
      expect(seen.notified).toEqual(['Finished: tiny']);
      expect(seen.blocked).toEqual([true, false]);
      const shares = seen.progress.slice(0, -1);
      expect(shares.length).toBeGreaterThan(2);
      expect(shares).toEqual([...shares].sort((a, b) => a - b));
      expect(shares.every((share) => share >= 0 && share <= 1)).toBe(true);
    }, 300_000);

    it('pauses at a checkpoint before the machine sleeps, and goes on when it wakes', async () => {
      const { desktop } = shared;
      const id = await start(desktop);
      const pid = (await desktop.request('queue.get')).jobs.find((job) => job.id === id)!.pid;
      await desktop.app.evaluate(({ powerMonitor }) => powerMonitor.emit('suspend'));
      await until(async () => (await statusOf(desktop, id)) === 'paused', 'the pause');
      const { step, checkpoints } = await desktop.request('runs.get', { id });
      expect(checkpoints.some((each) => each.step === step)).toBe(true);
      await desktop.app.evaluate(({ powerMonitor }) => powerMonitor.emit('resume'));
      await until(async () => (await desktop.request('runs.get', { id })).step > step, 'the run to go on');
      expect((await desktop.request('queue.get')).jobs.find((job) => job.id === id)!.pid).not.toBe(pid);
      // A sleep so short that the checkpoint was not taken yet.
      await desktop.app.evaluate(({ powerMonitor }) => {
        powerMonitor.emit('suspend');
        powerMonitor.emit('resume');
      });
      await until(async () => !(await desktop.request('queue.get')).held, 'the queue to go on');
      await until(async () => (await statusOf(desktop, id)) === 'running', 'the run to go on');
      const again = (await desktop.request('runs.get', { id })).step;
      await until(async () => (await desktop.request('runs.get', { id })).step > again, 'its next steps');
    });
  });
});
