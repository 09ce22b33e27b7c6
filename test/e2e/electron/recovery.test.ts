/** Processes of the desktop that are killed: it goes on, says what happened, and nothing stored is lost. */
import { describe, expect, it } from 'vitest';
import { endless, tiny, until } from '../../main/queue/support.ts';
import { isAlive } from '../../support/processes.ts';
import { describeWhere } from '../../support/skips.ts';
import type { Desktop } from './desktop.ts';
import { Fixture } from './fixture.ts';
import { desktopAvailable } from './place.ts';

const kill = (pid: number): void => void process.kill(pid, 'SIGKILL');

describeWhere(desktopAvailable(), 'the desktop with a process killed', () => {
  const fixture = new Fixture();

  /** A run that is under way, with the process that trains it. */
  async function running(desktop: Desktop, experiment: object = endless): Promise<{ id: string; pid: number }> {
    const { runs } = await desktop.request('runs.start', { experiment });
    const id = runs[0];
    const pid = await until(async () => {
      const job = (await desktop.request('queue.get')).jobs.find((each) => each.id === id);
      return job?.progress === null ? undefined : (job?.pid ?? undefined);
    }, 'the worker');
    return { id, pid };
  }
  const stepOf = async (desktop: Desktop, id: string): Promise<number> =>
    (await desktop.request('runs.get', { id })).step;

  describe('one after the other', () => {
    const shared = fixture.shared();

    it('a worker: the run is interrupted and resumes; its helper processes: what was asked is answered', async () => {
      const { desktop } = shared;
      const { id, pid } = await running(desktop);
      kill(pid);
      await until(async () => (await desktop.request('runs.get', { id })).status === 'interrupted', 'the interruption');
      await desktop.page
        .getByText(/resumes from its last checkpoint/)
        .first()
        .waitFor();
      expect(await desktop.request('runs.resume', { ids: [id] })).toMatchObject({ done: [id] });
      await until(async () => (await stepOf(desktop, id)) > 0, 'it to go on');
      await desktop.request('runs.cancel', { ids: [id] });
      await until(async () => (await desktop.request('runs.get', { id })).status === 'cancelled', 'the end');
      // All that is left are helpers; their next answers come from new processes.
      await desktop.request('doctor.speed');
      const helpers = await desktop.processes('Utility');
      expect(helpers.length).toBeGreaterThan(0);
      helpers.forEach(kill);
      await until(
        async () => !(await desktop.processes('Utility')).some((each) => helpers.includes(each)),
        'their end',
      );
      expect((await desktop.request('doctor.speed')).gflops.float64).toBeGreaterThan(0);
    });

    it('the process that draws: it is started again, the window says so and goes on', async () => {
      const { desktop } = shared;
      const [gpu] = await desktop.processes('GPU');
      kill(gpu);
      await desktop.page.getByText(/The process that draws the window ended/).waitFor();
      const another = await until(async () => (await desktop.processes('GPU')).find((pid) => pid !== gpu), 'a new one');
      expect(isAlive(another)).toBe(true);
      await desktop.page.getByRole('button', { name: 'New experiment' }).first().click();
      await desktop.page.getByRole('heading', { name: 'New experiment' }).waitFor();
      // A picture of an empty window has some 7,000 bytes.
      await until(async () => (await desktop.page.screenshot()).length > 20_000, 'the form to be drawn');
    });

    it('the page: it is loaded again at the same place, says so, and the run went on meanwhile', async () => {
      const { desktop } = shared;
      const { id, pid } = await running(desktop);
      await desktop.go(`#/run/${id}/training`);
      await desktop.page.getByRole('img', { name: 'Loss of endless by step' }).waitFor();
      const before = await stepOf(desktop, id);
      const [tab] = await desktop.processes('Tab');
      kill(tab);
      const texts = (): Promise<string> => desktop.script<string>('document.body.innerText').catch(() => '');
      await until(
        async () => (await texts()).includes('own process ended (killed) and was started again'),
        'the message',
      );
      expect(await desktop.script('location.hash')).toBe(`#/run/${id}/training`);
      await until(async () => /endless/.test(await texts()), 'the run to be shown');
      expect(isAlive(pid)).toBe(true);
      const step = `covature.request('runs.get', { id: ${JSON.stringify(id)} }).then((outcome) => outcome.value.step)`;
      await until(async () => (await desktop.script<number>(step)) > before, 'the run to go on');
      expect(await desktop.processes('Tab')).not.toContain(tab);
    });
  });

  it('the page, again and again: the user is asked', async () => {
    const desktop = await fixture.start();
    await desktop.answerQuestions(0);
    for (let i = 0; i < 4; i++) {
      const [tab] = await until(async () => {
        const tabs = await desktop.processes('Tab');
        return tabs.length > 0 && (await desktop.script('document.readyState').catch(() => '')) === 'complete' && tabs;
      }, 'the page');
      kill(tab);
      await until(async () => !(await desktop.processes('Tab')).includes(tab), 'its end');
    }
    await until(async () => (await desktop.questions()).length === 1, 'the question');
    expect(await desktop.questions()).toMatchObject([
      { message: 'The window ends again and again', buttons: ['Load It Again', 'Quit'] },
    ]);
    await until(async () => (await desktop.script('document.readyState').catch(() => '')) === 'complete', 'the page');
  });

  it('the main process: nothing stored is lost, no process stays behind, and the run goes on with every step once', async () => {
    const home = fixture.place.home();
    let desktop = await fixture.start(home);
    const { runs: done } = await desktop.request('runs.start', { experiment: tiny });
    await until(async () => (await desktop.request('runs.get', { id: done[0] })).status === 'done', 'a first run');
    const { id, pid } = await running(desktop, endless);
    await until(async () => (await desktop.request('runs.get', { id })).checkpoints.length > 0, 'a checkpoint');
    const before = await desktop.request('runs.get', { id });
    const stored = (await desktop.request('series.since', { run: id, names: ['batch_loss'] })).series['batch_loss'];
    const others = [
      ...(await desktop.processes('Utility')),
      ...(await desktop.processes('Tab')),
      ...(await desktop.processes('GPU')),
    ];
    kill(desktop.pid);
    await desktop.ended();
    await until(() => ![pid, ...others].some(isAlive), 'its processes to end');

    desktop = await fixture.start(home);
    expect(await desktop.request('runs.get', { id: done[0] })).toMatchObject({ status: 'done' });
    expect(await desktop.request('measurements.list', { runs: done })).toHaveLength(1);
    const after = await desktop.request('runs.get', { id });
    expect(after.status).toBe('interrupted');
    expect(after.step).toBeGreaterThanOrEqual(before.step);
    const kept = (await desktop.request('series.since', { run: id, names: ['batch_loss'] })).series['batch_loss'];
    expect([...kept.steps.slice(0, stored.steps.length)]).toEqual([...stored.steps]);
    expect([...kept.values.slice(0, stored.values.length)]).toEqual([...stored.values]);
    expect(await desktop.request('store.check', {})).toMatchObject({ problems: [] });
    await desktop.request('runs.resume', { ids: [id] });
    await until(async () => (await stepOf(desktop, id)) > after.step + 1000, 'it to go on');
    await desktop.request('runs.cancel', { ids: [id] });
    await until(async () => (await desktop.request('runs.get', { id })).status === 'cancelled', 'the end');
    const { steps } = (await desktop.request('series.since', { run: id, names: ['batch_loss'] })).series['batch_loss'];
    expect(new Set(steps).size).toBe(steps.length);
    expect(steps.length).toBeGreaterThan(stored.steps.length);
  }, 200_000);
});
