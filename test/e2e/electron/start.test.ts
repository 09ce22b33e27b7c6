/** The start and the end of the desktop in a real Electron. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { until } from '../../main/queue/support.ts';
import { describeWhere } from '../../support/skips.ts';
import { environment } from './desktop.ts';
import { Fixture } from './fixture.ts';
import { desktopAvailable } from './place.ts';

describeWhere(desktopAvailable(), 'the start of the desktop', () => {
  const fixture = new Fixture();

  it('opens an empty workbench with a store of its own, and ends with 0', async () => {
    const home = fixture.place.home();
    const desktop = await fixture.start(home);
    await desktop.page.getByRole('heading', { name: 'No runs yet' }).waitFor();
    expect(await desktop.request('app.info')).toMatchObject({ shell: 'desktop', dialogs: true });
    const { folder } = await desktop.request('store.info');
    expect(folder.startsWith(home)).toBe(true);
    expect(desktop.errors).toEqual([]);
    expect(await desktop.quit()).toBe(0);
    expect(existsSync(`${folder}/covature.db`)).toBe(true);
  });

  it('refuses a store that another program has open, and says so', async () => {
    const desktop = await fixture.start();
    const { folder } = await desktop.request('store.info');
    const { place, display } = fixture;
    const second = spawn(place.binary, [place.application], {
      env: environment(display, place.home(), { COVATURE_HOME: folder }),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    second.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const ended = new Promise((resolve) => second.once('exit', resolve));
    // The system's own message box, which waits until it is read.
    const box = await until(
      () => said.includes('has this store open') && (display.windows('^Error$')?.[0] ?? 'none'),
      'the box',
    );
    if (box === 'none') second.kill();
    else display.press('Return', box);
    const code = await ended;
    expect(said).toContain('has this store open');
    if (box !== 'none') expect(code).toBe(1);
  });
});
