/** The store for the gallery of screens: small experiments, trained and measured here, some of them with long and foreign names. */
import type { Workbench } from '../src/main/contract/workbench.ts';
import type { Arguments, Method, Result } from '../src/shared/contract/index.ts';
import { FaultError } from '../src/shared/contract/index.ts';

export type Request = <M extends Method>(method: M, ...args: Arguments<M>) => Promise<Result<M>>;

const layers = [
  { type: 'dense', name: 'fc1', units: 50, bias: false },
  { type: 'activation', function: 'relu' },
  { type: 'dense', name: 'fc2', units: 50, bias: false },
  { type: 'activation', function: 'relu' },
  { type: 'dense', name: 'fc3', units: 10, bias: false },
];
const glyphs = {
  name: 'glyphs',
  dataset: { source: 'glyphs', train: 2000, test: 500 },
  model: { input: [784], layers, loss: 'cross-entropy' },
  optimiser: { lr: 0.1 },
  batch_size: 50,
  epochs: 12,
  seed: 1,
  measurements: [
    { parameters: ['fc3.kernel'], when: { kind: 'log_steps', count: 7 } },
    { parameters: ['network'], when: { kind: 'log_steps', count: 4 }, top: 1, convergence: 'none' },
    {
      parameters: ['fc2.kernel'],
      duality: true,
      assumptions: true,
      minibatch_noise: {},
      weight_fluctuations: { steps: 20_000, directions: 40 },
      density: { probes: 4 },
    },
  ],
};
export const longName =
  'glyphs with a name that somebody wrote a whole sentence into, to see what tables, headings, legends and dialogs make of it';
export const foreignName = 'Größenprüfung · 学習率の掃引 · γ≈1,2 · עברית';

export function requestOf(workbench: Workbench): Request {
  return async <M extends Method>(method: M, ...[params]: Arguments<M>): Promise<Result<M>> => {
    const outcome = await workbench.request(method, params ?? {});
    if (!outcome.ok) throw FaultError.of(outcome.fault);
    return outcome.value as Result<M>;
  };
}

/** Waits until no job is running or queued. */
export async function idle(request: Request): Promise<void> {
  for (;;) {
    const { running, queued } = await request('queue.get');
    if (running + queued === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Fills an empty store; leaves one that has runs as it is. */
export async function fillGallery(request: Request): Promise<void> {
  if ((await request('runs.counts', {})).total > 0) return;
  const paper = await request('projects.create', { name: 'Paper', description: 'The runs of figures 1 to 3.' });
  const long = await request('projects.create', {
    name: 'A project whose name is as long as the title of a paper on noise and curvature',
  });
  const foreign = await request('projects.create', { name: foreignName });
  const { runs } = await request('runs.start', { experiment: glyphs, tags: ['paper', 'figure 1'], project: paper.id });
  const fewer = { ...glyphs, measurements: [{ parameters: ['fc3.kernel'] }] };
  const sweep = { ...fewer, optimiser: { lr: [0.1, 0.05, 0.02, 0.01] }, epochs: 6, seed: [2, 3, 4] };
  await request('runs.start', { experiment: sweep, tags: ['sweep'], project: paper.id });
  const grid = { ...fewer, name: 'glyphs grid', epochs: 3 };
  const optimiser = { lr: [0.1, 0.05, 0.02], momentum: [0, 0.9] };
  await request('runs.start', { experiment: { ...grid, optimiser, batch_size: [25, 100] }, tags: ['grid'] });
  const plain = { ...glyphs, epochs: 2, measurements: [] };
  await request('runs.start', { experiment: { ...plain, optimiser: { lr: 50 }, name: 'glyphs, rate 50' } });
  await request('runs.start', {
    experiment: { ...plain, name: longName },
    project: long.id,
    tags: [longName.slice(0, 60)],
  });
  await request('runs.start', { experiment: { ...plain, name: foreignName }, project: foreign.id, tags: ['学習率'] });
  const bin = await request('runs.start', { experiment: { ...plain, name: 'glyphs, by mistake' } });
  await idle(request);
  await request('measurements.start', {
    run: runs[0],
    measurement: { parameters: ['fc1.kernel'], top: 40, samples: 1000 },
  });
  await idle(request);
  const notes = 'The one of the first figure.';
  await request('runs.update', { ids: [runs[0]], notes, name: 'glyphs, rate 0.1, seed 1' });
  await request('runs.delete', { ids: bin.runs });
}
