/** The start and the end of the desktop in a real Electron. */
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
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

  it('asks for newer versions where the user wants that, and never otherwise', async () => {
    let asked = 0;
    const server = createServer((_, response) => {
      asked++;
      response.end(JSON.stringify({ tag_name: 'v99.0.0', html_url: 'https://example.org/releases/v99.0.0' }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const releases = `http://127.0.0.1:${(server.address() as AddressInfo).port}/latest`;
      const application = fixture.place.copyOf({ releases });
      const home = fixture.place.home();
      let desktop = await fixture.start(home, { application });
      await desktop.go('#/settings');
      await desktop.page.getByText(/nothing else leaves this machine/).waitFor();
      expect(asked).toBe(0);
      await desktop.page.getByLabel('Say when a newer version is out').check();
      await desktop.page
        .getByText(/Covature 99\.0\.0 is out \(this is 0\.1\.0\): https:\/\/example\.org/)
        .first()
        .waitFor();
      expect(asked).toBe(1);
      await desktop.quit();
      desktop = await fixture.start(home, { application });
      await until(() => asked === 2, 'the next start to ask');
      await desktop.quit();
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  it('says why a store cannot be opened, in a box of the system and on standard error, and ends with 1', async () => {
    const { place, display } = fixture;
    const home = place.home();
    writeFileSync(`${home}/file`, 'no folder');
    const started = spawn(place.binary, [place.application], {
      env: environment(display, home, { COVATURE_HOME: `${home}/file` }),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    started.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    // The box waits until it is read.
    await until(() => said.includes('cannot be a store') && display.windows('^Error$')?.length !== 0, 'the box');
    const isAsked = display.windows('^Error$') !== null;
    if (!isAsked) started.kill();
    const code = await until(() => {
      display.press('Return');
      return started.exitCode ?? started.signalCode ?? undefined;
    }, 'the end');
    if (isAsked) expect(code).toBe(1);
    expect(said).toContain('is a file; nothing was changed');
  });
});
