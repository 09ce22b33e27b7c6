/** A PyTorch model and a training loop's run, through the window: checked, imported, drawn while the file grows, measured. */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWhere } from '../../support/skips.ts';
import { until } from '../../main/queue/support.ts';
import { OpenWindow, windowAvailable } from './support.ts';

const python = fileURLToPath(new URL('../../../resources/python', import.meta.url));
const networks = fileURLToPath(new URL('../../python', import.meta.url));

function available(): true | string {
  const window = windowAvailable();
  if (window !== true) return window;
  return spawnSync('python3', ['-c', 'import torch, numpy']).status === 0 || 'python3 has no torch and numpy';
}

const script = `
import sys, time
sys.path[:0] = [${JSON.stringify(python)}, ${JSON.stringify(networks)}]
import torch, covature
from torch import nn
from networks import GPT, ConvNeXt, Mixer, ResNet18, VGG11, ViT, with_statistics
folder = sys.argv[1]
torch.manual_seed(1)
torch.set_num_threads(1)
images, labels = torch.randn(40, 3, 8, 8), torch.randint(0, 4, (40,))
vit = with_statistics(ViT(image=8, patch=4, width=8, depth=1, heads=2, classes=4), images)
covature.export(vit, (images, labels), f"{folder}/vit.covature-model")
pictures, tokens = torch.randn(10, 3, 32, 32), torch.randint(0, 65, (10, 16))
for name, model, x, y in (
    ("resnet-18", ResNet18(width=2, classes=4), images[:10], labels[:10]),
    ("vgg-11", VGG11(width=1, classes=4), pictures, labels[:10]),
    ("mlp-mixer", Mixer(image=8, patch=4, width=4, depth=1, classes=4), images[:10], labels[:10]),
    ("convnext", ConvNeXt(width=4, classes=4, kernel=3), images[:10], labels[:10]),
    ("gpt", GPT(width=8, heads=2), tokens, torch.randint(0, 65, (10, 16))),
):
    covature.export(with_statistics(model, x), (x, y), f"{folder}/{name}.covature-model")
model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))
x = torch.randn(60, 6)
y = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()
optimiser = torch.optim.SGD(model.parameters(), lr=0.5)
run = covature.Run("live from PyTorch", {"lr": 0.5, "batch_size": 60}, model=model, data=(x, y), path=f"{folder}/live.covature", every=0.1)
def steps(begin, end):
    for step in range(begin, end):
        loss = nn.functional.cross_entropy(model(x), y)
        run.log(step, loss=loss)
        if step % 20 == 0:
            run.checkpoint(step, model)
        optimiser.zero_grad(); loss.backward(); optimiser.step()
    run.flush()
steps(0, 40)
print("grows", flush=True)
sys.stdin.readline()
steps(40, 80)
print("grew", flush=True)
sys.stdin.readline()
run.finish()
print("finished", flush=True)
`;

describeWhere(available(), 'PyTorch through the window', () => {
  let window: OpenWindow;
  let child: ChildProcess;
  let said = '';

  beforeAll(async () => {
    window = await OpenWindow.open();
    const folder = window.bench.folder.path;
    writeFileSync(path.join(folder, 'make.py'), script);
    child = spawn('python3', [path.join(folder, 'make.py'), folder], { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    await until(() => Promise.resolve(said.includes('grows')), 'the run to be written', 100_000);
  }, 200_000);
  afterAll(async () => {
    child.kill();
    await window.close();
  });

  it('imports a ViT once its numbers agree with PyTorch’s, and measures one of its layers', async () => {
    const { page, bench } = window;
    await window.go('#/import');
    await page
      .getByPlaceholder('path of a .covature-model file')
      .fill(path.join(bench.folder.path, 'vit.covature-model'));
    await page.getByPlaceholder('path of a .covature-model file').press('Tab');
    await page.getByRole('button', { name: 'Check and import' }).click();
    await page.getByText(/vit agrees with PyTorch [\d.]+ to \d × 10⁻¹[³⁴⁵⁶]/).waitFor();
    await until(() => Promise.resolve(page.url().includes('#/run')), 'the run to open');
    const [{ id }] = (await bench.request('runs.list', { limit: 1 })).rows;
    const parameter = 'encoder.layers.0.self_attn.output.kernel';
    await bench.request('measurements.start', {
      run: id,
      measurement: { parameters: [parameter], top: 5, convergence: 'none' },
    });
    await until(
      async () => (await bench.request('measurements.list', { runs: [id] })).some((each) => each.state === 'done'),
      'the measurement',
      100_000,
    );
    expect((await bench.request('measurements.list', { runs: [id] }))[0]).toMatchObject({ parameter, state: 'done' });
  });

  it('imports ResNet-18, VGG-11, an MLP-Mixer, a ConvNeXt block and a GPT likewise, and measures one layer of each', async () => {
    const { page, bench } = window;
    const layers = {
      'resnet-18': 'layer2.0.conv1.kernel',
      'vgg-11': 'classifier.0.kernel',
      'mlp-mixer': 'blocks.0.token_mix.0.kernel',
      convnext: 'block.dwconv.kernel',
      gpt: 'h.1.attn.qkv.kernel',
    };
    const field = page.getByPlaceholder('path of a .covature-model file');
    const ids: string[] = [];
    for (const [name, parameter] of Object.entries(layers)) {
      await window.go('#/import');
      await field.fill(path.join(bench.folder.path, `${name}.covature-model`));
      await field.press('Tab');
      await page.getByRole('button', { name: 'Check and import' }).click();
      await page.getByText(new RegExp(`${name} agrees with PyTorch [\\d.]+ to \\d × 10⁻¹[²³⁴⁵⁶]`)).waitFor();
      const [{ id }] = (await bench.request('runs.list', { text: name, limit: 1 })).rows;
      ids.push(id);
      await bench.request('measurements.start', {
        run: id,
        measurement: { parameters: [parameter], method: 'projected', top: 2, convergence: 'none' },
      });
    }
    const states = async (): Promise<string[]> =>
      (await bench.request('measurements.list', { runs: ids })).map(({ parameter, state, error }) => error ?? `${parameter} ${state}`); // prettier-ignore
    await until(
      async () => (await states()).filter((each) => each.endsWith(' done')).length === 5,
      'all five',
      100_000,
    );
    expect((await states()).sort()).toEqual(Object.values(layers).map((each) => `${each} done`).sort()); // prettier-ignore
  });

  it('refuses a file that departs, and says where', async () => {
    const { page, bench } = window;
    await window.go('#/import');
    await page.getByPlaceholder('path of a .covature-model file').fill(path.join(bench.folder.path, 'live.covature'));
    await page.getByPlaceholder('path of a .covature-model file').press('Tab');
    await page.getByRole('button', { name: 'Check and import' }).click();
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').innerText()).toContain('live.covature');
  });

  it('offers the bridge and the lines to paste, and passes axe', async () => {
    const { page } = window;
    await window.go('#/import');
    expect(await page.getByTestId('export-lines').innerText()).toContain('covature.export(model, (x, y)');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save covature.py' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('covature.py');
    expect(await window.axe()).toEqual([]);
  });

  it('draws a run while its file grows, until it ends', async () => {
    const { page, bench } = window;
    await window.go('#/import');
    await page.getByPlaceholder('path of a .covature file').fill(path.join(bench.folder.path, 'live.covature'));
    await page.getByPlaceholder('path of a .covature file').press('Tab');
    await page.getByRole('button', { name: 'Import the run' }).click();
    await page.getByText('it is followed while its file grows').waitFor();
    const found = (await bench.request('runs.list', { text: 'live from PyTorch' })).rows[0];
    const state = async (): Promise<{ readonly status: string; readonly step: number }> =>
      bench.request('runs.get', { id: found.id });
    expect(await state()).toMatchObject({ status: 'running', step: 39 });
    child.stdin?.write('\n');
    await until(async () => (await state()).step === 79, 'the curve to grow');
    expect((await state()).status).toBe('running');
    child.stdin?.write('\n');
    await until(async () => (await state()).status === 'done', 'the run to end');
    await bench.request('measurements.start', {
      run: found.id,
      step: 20,
      measurement: { parameters: ['2.kernel'], convergence: 'none' },
    });
    await until(
      async () =>
        (await bench.request('measurements.list', { runs: [found.id] })).some(
          (each) => each.state === 'done' && each.step === 20,
        ),
      'the measurement at a checkpoint',
      100_000,
    );
    expect(window.errors).toEqual([]);
  });
});
