/**
 * The paper as a built-in study: datasets x architectures x losses x seeds, each a run of the store under a tag, so that a study that was interrupted
 * goes on where it was. Convolutions, residual blocks and attention are extensions: the paper analyses fully connected layers.
 */
import { existsSync } from 'node:fs';
import * as path from 'node:path';
import { resolveDataset } from '../../data/resolve.ts';
import { parseExperiment } from '../../shared/experiment.ts';
import type { Experiment } from '../../shared/experiment.ts';
import { InputError } from '../../shared/errors.ts';
import type { LossName } from '../../shared/model.ts';
import { parseDataset } from '../../shared/dataset.ts';
import { architectures, studyModel } from './architectures.ts';
import type { Architecture } from './architectures.ts';

export const studyNames = ['quick', 'full', 'settings'] as const;
export type StudyName = (typeof studyNames)[number];

const sources = ['mnist', 'fashion-mnist', 'cifar-10', 'glyphs'] as const;

interface Scale {
  readonly train: number;
  readonly epochs: Readonly<Record<Architecture, number>>;
  /** Samples of an MLP's exact measurements, and of the others'. */
  readonly samples: readonly [mlp: number, others: number];
  /** Directions of the projected method. */
  readonly top: number;
  readonly seeds: readonly number[];
  readonly losses: readonly LossName[];
  /** The first dense layer of the MLPs by the projected method too. */
  readonly firstLayer: boolean;
}

/** Of the paper. */
const twoLosses = ['cross-entropy', 'mse'] as const;

const scales: Readonly<Record<'quick' | 'full', Scale>> = {
  quick: {
    train: 1000,
    epochs: { mlp: 20, cnn: 12, resnet: 15, vit: 20 },
    samples: [1000, 200],
    top: 32,
    seeds: [1],
    losses: twoLosses,
    firstLayer: false,
  },
  full: {
    train: 8000,
    epochs: { mlp: 20, cnn: 20, resnet: 20, vit: 30 },
    samples: [8000, 4000],
    top: 100,
    seeds: [1, 2, 3, 4, 5],
    losses: [...twoLosses, 'binary-cross-entropy'],
    firstLayer: true,
  },
};

/** What a study leaves out, which its figure says. */
export const studyLacks: Readonly<Partial<Record<StudyName, string>>> = {
  quick:
    'left out of the quick study: seeds (one), samples (1,000, and 200 for all but the MLPs), first dense layers, a third loss, gamma over training and against settings, verdicts',
};

export interface StudyPart {
  readonly dataset: string;
  readonly architecture: Architecture;
  readonly loss: LossName;
  readonly seed: number;
  readonly experiment: Experiment;
}

export interface StudyPlan {
  readonly name: StudyName;
  /** Marks the runs of the study in the store. */
  readonly tag: string;
  readonly parts: readonly StudyPart[];
  /** Datasets that are not here, each with the reason. */
  readonly absent: readonly { readonly dataset: string; readonly reason: string }[];
}

/** Learning rate and momentum at which these networks train stably at batch 50, and how their inputs are standardised. */
const recipes = {
  mlp: { lr: 0.1, momentum: 0, standardise: 'none' },
  cnn: { lr: 0.02, momentum: 0.9, standardise: 'none' },
  resnet: { lr: 0.05, momentum: 0.9, standardise: 'none' },
  vit: { lr: 0.03, momentum: 0.9, standardise: 'channel' },
} as const satisfies Readonly<Record<Architecture, unknown>>;

/**
 * Which experiments the study consists of, with the datasets that are here.
 * @param own a folder with "mnist", "fashion-mnist" and "cifar-10" below it, which is looked at before `dataFolder` and may hold parts of them
 */
export async function planStudy(name: 'quick' | 'full', dataFolder: string, own?: string): Promise<StudyPlan> {
  const scale = scales[name];
  const parts: StudyPart[] = [];
  const absent: { dataset: string; reason: string }[] = [];
  for (const source of sources) {
    const place = own === undefined || !existsSync(path.join(own, source)) ? {} : { path: path.join(own, source) };
    const spec =
      source === 'glyphs'
        ? { source, train: scale.train, test: 1000 }
        : { source, ...place, subset: { count: scale.train }, test_subset: { count: 1000 } };
    let shape: readonly number[];
    let outputs: number;
    try {
      ({ shape, outputs } = await resolveDataset(parseDataset(spec), { dataFolder }));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      absent.push({ dataset: source, reason: error.message.split('\n')[0] });
      continue;
    }
    for (const architecture of architectures) {
      const { momentum, standardise, ...recipe } = recipes[architecture];
      for (const loss of scale.losses) {
        // Colour images have four times as many inputs, and a larger curvature with them.
        const isSteep = architecture === 'mlp' && source === 'cifar-10';
        const lr = isSteep ? (loss === 'mse' ? 0.004 : 0.02) : recipe.lr;
        const { model, parameters } = studyModel(architecture, shape, outputs, loss);
        const samples = scale.samples[architecture === 'mlp' ? 0 : 1];
        for (const seed of scale.seeds) {
          const experiment = parseExperiment({
            name: `${source}, ${architecture}, ${loss}`,
            dataset: { ...spec, standardise, ...(loss !== 'cross-entropy' && { targets: 'one-hot' }) },
            model,
            optimiser: { lr, momentum },
            batch_size: 50,
            epochs: scale.epochs[architecture],
            seed,
            measurements: [
              { parameters, samples, top: scale.top },
              ...(architecture === 'mlp' && scale.firstLayer
                ? [{ parameters: ['fc1.kernel'], method: 'projected', samples, top: scale.top }]
                : []),
            ],
          });
          parts.push({ dataset: source, architecture, loss, seed, experiment });
        }
      }
    }
  }
  return { name, tag: `reproduce-${name}`, parts, absent };
}
