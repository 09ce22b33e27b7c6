/** A sweep on the cluster from the window alone: submitted, watched, cancelled, submitted again with more memory, collected. */
import { expect, test } from 'vitest';
import { memberPlaces } from '../../../../src/main/cluster/layout.ts';
import { readDone } from '../../../../src/main/cluster/state.ts';
import { OpenWindow, windowAvailable } from '../../../e2e/renderer/support.ts';
import { describeWhere } from '../../../support/skips.ts';
import { slurm, until } from '../kit.ts';
import { experiments, fresh, held } from '../support.ts';

export function windowTests(): void {
  describeWhere(windowAvailable(), 'in the window', () => {
    test('a sweep is submitted, watched, cancelled, submitted again with more memory, and collected', async () => {
      const to = fresh('window');
      const window = await OpenWindow.open();
      try {
        const { page } = window;
        // Else one waits for most of a minute.
        window.bench.workbench.sweeps.patience = 2000;
        await window.go('#/new');
        await page.getByRole('button', { name: 'JSON' }).click();
        const experiment = { ...experiments.long, name: 'from the window', seed: [1, 2] };
        await page.getByLabel('As JSON').fill(JSON.stringify(experiment));
        await page.getByLabel('a cluster with Slurm').check();
        for (const [label, value] of [
          ['Folder', to],
          ['Runs at once', '1'],
          ['Time each', '10'],
          ['Memory each', '600M'],
          ['For sbatch', '--nodelist=n1'],
        ])
          await page.getByLabel(label, { exact: true }).fill(value);
        await page.getByRole('button', { name: /^Submit/ }).click();

        const goOn = await held(to, 1, 0);
        const rows = page.getByRole('table', { name: 'Members of the sweep' }).locator('tbody tr');
        await page.getByRole('heading', { name: 'from the window' }).waitFor();
        await rows.filter({ hasText: 'running' }).waitFor();
        // One at a time: the other says why it waits.
        await rows.filter({ hasText: 'JobArrayTaskLimit' }).waitFor();
        expect(await rows.count()).toBe(2);
        const [first, second] = await rows.allTextContents();
        expect(first).toMatch(/running.*\d+_1 *n1/);
        expect(second).toMatch(/waiting.*\d+_2.*JobArrayTaskLimit/);

        await page.getByRole('button', { name: 'Cancel', exact: true }).click();
        await page.getByText('1 job cancelled; running members take a snapshot first.').waitFor();
        goOn();
        await page.getByRole('button', { name: 'cancelled 2' }).waitFor();

        await page.getByRole('button', { name: 'Resubmit …' }).click();
        const dialog = page.getByRole('dialog', { name: 'Resubmit 2 runs' });
        expect(await dialog.getByLabel('Memory each').getAttribute('placeholder')).toBe('as before: 600M');
        await dialog.getByLabel('Memory each').fill('700M');
        await dialog.getByRole('button', { name: 'Resubmit', exact: true }).click();
        await page.getByText('2 runs submitted again; each continues from its newest snapshot.').waitFor();
        await dialog.waitFor({ state: 'detached' });
        await rows.filter({ hasText: 'running' }).waitFor();
        const job = await rows
          .first()
          .getByRole('cell', { name: /^\d+_1$/ })
          .textContent();
        expect(slurm('scontrol', 'show', 'job', job ?? '')).toMatch(/MinMemoryNode=700M/);

        for (const member of [1, 2]) await until(`member ${member}`, () => readDone(memberPlaces(to, member)));
        await page.getByRole('button', { name: 'Collect 2 runs' }).click();
        await page.getByText('2 runs collected.').waitFor();
        await page.getByRole('button', { name: 'Collect', exact: true }).and(page.locator(':disabled')).waitFor();
        expect(await window.axe()).toEqual([]);
        await rows.first().getByRole('link', { name: '1' }).click();
        await page.getByRole('heading', { name: 'from the window' }).waitFor();
        expect(window.bench.workbench.store.listRuns({ limit: 10 }).rows.map(({ status }) => status)).toEqual([
          'done',
          'done',
        ]);
        expect(window.errors).toEqual([]);
      } finally {
        await window.close();
      }
    });
  });
}
