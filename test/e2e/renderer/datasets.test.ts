/** A researcher's own folders of data: chosen from the machine's folders, recognised, and read wherever their name stands. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWhere } from '../../support/skips.ts';
import { sharedData } from '../../data/support.ts';
import { until } from '../../main/queue/support.ts';
import { OpenWindow, windowAvailable } from './support.ts';

const mnist = sharedData('mnist');

/** Images of CIFAR-10's layout: `count` of them. */
const batch = (count: number): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, k) => Buffer.concat([Buffer.of(k % 10), Buffer.alloc(3072, k)])));

describeWhere(windowAvailable(), 'local datasets', () => {
  let window: OpenWindow;
  beforeAll(async () => {
    window = await OpenWindow.open();
    const { path } = window.bench.folder;
    mkdirSync(`${path}/my data/cifar`, { recursive: true });
    writeFileSync(`${path}/my data/cifar/data_batch_1.bin`, batch(40));
    writeFileSync(`${path}/my data/cifar/test_batch.bin`, batch(20));
    mkdirSync(`${path}/empty`);
    writeFileSync(`${path}/points.csv`, 'a,b,class\n1,2,x\n3,4,y\n5,6,x\n');
  });
  afterAll(async () => {
    await window.close();
  });

  it('become the set of their name: chosen in the folders of the machine', async () => {
    const { page, bench } = window;
    await window.go('#/data/CIFAR-10');
    await page.getByText(/CIFAR-10 is not on this machine; choose the folder/).waitFor();
    const form = page.locator('form.folder');
    await form.getByRole('button', { name: 'Choose …' }).click();
    const dialog = page.getByRole('dialog');
    // Begins where the program was started.
    await dialog.getByRole('button', { name: 'my data' }).click();
    await dialog.getByRole('button', { name: 'cifar' }).click();
    await dialog.getByText('This folder holds CIFAR-10.').waitFor();
    expect(await window.axe()).toEqual([]);
    await dialog.getByRole('button', { name: 'Choose this folder' }).click();
    await form.getByRole('button', { name: 'Use this folder' }).click();
    await page.getByText(/CIFAR-10 is read from .*my data\/cifar: 40 training samples\./).waitFor();
    await page.getByText(/40 training and 20 test samples of/).waitFor();
    const list = await bench.request('datasets.list');
    expect(list.filter(({ own }) => own)).toEqual([]);
    expect(list.find(({ name }) => name === 'CIFAR-10')).toMatchObject({
      available: true,
      spec: { source: 'cifar-10' },
    });
    // The number that is there counts, not the published one.
    const example = (await bench.request('experiments.examples')).find(({ id }) => id === 'cifar-10-cnn')!;
    const { problems } = await bench.request('experiments.check', {
      experiment: { ...(example.experiment as object), dataset: { source: 'cifar-10' }, batch_size: 50 },
      timed: false,
    });
    expect(problems.join()).toContain('expected at most 40');
    // And back, with a way to undo it.
    await page.getByRole('button', { name: 'Read it from elsewhere' }).click();
    await page
      .getByText(/not on this machine/)
      .first()
      .waitFor();
    await page.getByRole('button', { name: 'Undo' }).click();
    await page.getByText(/Read from .*my data\/cifar/).waitFor();
  });

  it('of other kinds are entered under their own name; a folder without data says what is expected', async () => {
    const { page } = window;
    await window.go('#/data');
    await page.getByLabel('Add your own').fill('points.csv');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('heading', { name: 'points.csv' }).waitFor();
    await page.getByLabel('Add your own').fill('empty');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByText(/contains no dataset: expected the files of MNIST/).waitFor();
    await page.getByLabel('Add your own').fill('~/nowhere to be found');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    // The home folder stands where "~" stood.
    await page.getByText(/^(?!~).*\/nowhere to be found/).waitFor();
  });

  it('keep the samples that an example asks for when they are chosen in its form', async () => {
    const { page } = window;
    await window.go('#/new/example%3Acifar-10-cnn');
    await page.getByRole('button', { name: 'JSON' }).click();
    const json = page.getByLabel('As JSON');
    await until(async () => (await json.inputValue()).includes('cifar-10'), 'the example');
    const before = JSON.parse(await json.inputValue()) as { dataset: { subset?: unknown } };
    await page.getByLabel('Dataset', { exact: true }).selectOption('Glyphs: drawn digits, 28 × 28');
    await until(async () => (await json.inputValue()).includes('glyphs'), 'the other set');
    expect((JSON.parse(await json.inputValue()) as typeof before).dataset.subset).toEqual(before.dataset.subset);
    expect(before.dataset.subset).toBeDefined();
  });

  describeWhere(mnist.available, 'the real MNIST', () => {
    it('serves its examples once its folder is named', async () => {
      const { page, bench } = window;
      await window.go('#/data');
      await page.getByLabel('Add your own').fill(mnist.folder);
      await page.getByRole('button', { name: 'Add', exact: true }).click();
      await page.getByText(/60.000 training and 10.000 test samples/).waitFor();
      await page.getByRole('heading', { name: 'MNIST', exact: true }).waitFor();
      for (const { id, experiment } of await bench.request('experiments.examples')) {
        if (!id.startsWith('mnist')) continue;
        expect((await bench.request('experiments.check', { experiment, timed: false })).problems, id).toEqual([]);
      }
      await window.go('#/new/example%3Amnist-relu-cross-entropy');
      await page.getByText(/8.000 training and/).waitFor();
      expect(await page.getByText('not on this machine').filter({ visible: true }).count()).toBe(0);
    }, 120_000);
  });
});
