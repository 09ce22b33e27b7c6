/**
 * The paper as a built-in study: datasets x architectures x losses x seeds, each a run of the store under a tag, so that a study that was interrupted
 * goes on where it was. Convolutions, residual blocks and attention are extensions: the paper analyses fully connected layers.
 */
import { resolveDataset } from '../../data/resolve.ts';
import { parseExperiment } from '../../shared/experiment.ts';
import type { Experiment } from '../../shared/experiment.ts';
import { InputError } from '../../shared/errors.ts';
import { losses } from '../../shared/model.ts';
import type { LossName } from '../../shared/model.ts';
import { parseDataset } from '../../shared/dataset.ts';
import { architectures, studyModel } from './architectures.ts';
import type { Architecture } from './architectures.ts';

export const studyNames = ['quick', 'full'] as const;
export type StudyName = (typeof studyNames)[number];

const sources = ['mnist', 'fashion-mnist', 'cifar-10', 'glyphs'] as const;

interface Scale {
  /** Training samples; epochs; samples measured; directions of the projected method; seeds. */
  readonly train: number;
  readonly epochs: number;
  readonly samples: number;
  readonly top: number;
  readonly seeds: readonly number[];
}

const scales: Readonly<Record<StudyName, Scale>> = {
  quick: { train: 1000, epochs: 3, samples: 200, top: 32, seeds: [1] },
  full: { train: 8000, epochs: 20, samples: 4000, top: 100, seeds: [1, 2, 3, 4, 5] },
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

/** Learning rates at which these networks train stably at batch 50. */
const rates: Readonly<Record<Architecture, number>> = { mlp: 0.1, cnn: 0.05, resnet: 0.05, vit: 0.05 };

/** Which experiments the study consists of, with the datasets that are here. */
export async function planStudy(name: StudyName, dataFolder: string): Promise<StudyPlan> {
  const scale = scales[name];
  const parts: StudyPart[] = [];
  const absent: { dataset: string; reason: string }[] = [];
  for (const source of sources) {
    const spec =
      source === 'glyphs'
        ? { source, train: scale.train, test: 1000 }
        : { source, subset: { count: scale.train }, test_subset: { count: 1000 } };
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
      for (const loss of losses) {
        const { model, parameters } = studyModel(architecture, shape, outputs, loss);
        for (const seed of scale.seeds) {
          const experiment = parseExperiment({
            name: `${source}, ${architecture}, ${loss}`,
            dataset: loss === 'mse' ? { ...spec, targets: 'one-hot' } : spec,
            model,
            optimiser: { lr: rates[architecture] },
            batch_size: 50,
            epochs: scale.epochs,
            seed,
            measurements: [{ parameters, samples: scale.samples, top: scale.top }],
          });
          parts.push({ dataset: source, architecture, loss, seed, experiment });
        }
      }
    }
  }
  return { name, tag: `reproduce-${name}`, parts, absent };
}
