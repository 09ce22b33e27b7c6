/** Whether layers, data and measured parameters of an experiment fit each other; checked before anything is stored. */
import { buildLayers } from '../../engine/network/build.ts';
import type { WantedTargets } from '../../data/targets.ts';
import { SampleLoss } from '../../engine/network/loss.ts';
import type { Layer } from '../../engine/network/types.ts';
import type { DatasetSpec } from '../../shared/dataset.ts';
import type { Experiment } from '../../shared/experiment.ts';
import type { ModelSpec } from '../../shared/model.ts';
import { checkFit } from '../jobs/data.ts';
import type { DataShape } from '../jobs/data.ts';
import { selectParameters } from '../jobs/select-parameters.ts';

/** Raises InputError, naming the layer, if layers do not fit each other, the data (where their shape is known unread), or what is to be measured. */
export function checkLayers({
  model,
  dataset,
  measurements,
}: Pick<Experiment, 'model' | 'dataset' | 'measurements'>): void {
  const layers = buildLayers(model, new Map());
  const parameters = layers.flatMap((layer) => layer.parameters);
  for (const spec of measurements) selectParameters({ parameters }, spec.parameters);
  const shape = shapeOf(dataset);
  if (shape !== null) checkFit(shape, model, wantedOf(model, layers));
}

/** `checkLayers` of an experiment, and the fit of data that only reading them tells: `check` reads them and raises InputError if they do not fit. */
export async function checkShapes(
  experiment: Experiment,
  check: (dataset: DatasetSpec, model: ModelSpec, wanted: WantedTargets) => Promise<void>,
): Promise<void> {
  checkLayers(experiment);
  const { dataset, model } = experiment;
  if (shapeOf(dataset) === null) await check(dataset, model, wantedOf(model, buildLayers(model, new Map())));
}

/** What the loss of a model takes as targets; raises InputError if its settings do not fit the outputs. */
function wantedOf({ loss }: ModelSpec, layers: readonly Layer[]): WantedTargets {
  const { type, positions, width } = new SampleLoss(loss, layers[layers.length - 1].outputShape);
  return { type, positions, width };
}

/** What the samples of a dataset are if that follows from its specification; null: its files tell. */
function shapeOf(spec: DatasetSpec): DataShape | null {
  const classes = spec.targets === 'one-hot' ? 'vectors' : 'classes';
  switch (spec.source) {
    case 'glyphs':
      return { name: spec.name ?? 'glyphs', shape: [28, 28, 1], outputs: 10, targets: classes };
    case 'mnist':
      return spec.path === undefined ? digits(spec.name ?? 'MNIST', classes) : null;
    case 'fashion-mnist':
      return spec.path === undefined ? digits(spec.name ?? 'Fashion-MNIST', classes) : null;
    case 'cifar-10':
      return { name: spec.name ?? 'CIFAR-10', shape: [32, 32, 3], outputs: 10, targets: classes };
    case 'gaussian-mixture':
      return { name: spec.name ?? spec.source, shape: [spec.dimensions], outputs: spec.classes, targets: classes };
    case 'teacher-student': {
      const { dimensions, outputs, task } = spec;
      return {
        name: spec.name ?? spec.source,
        shape: [dimensions],
        outputs,
        targets: task === 'classes' ? classes : 'vectors',
      };
    }
    default:
      return null;
  }
}

const digits = (name: string, targets: DataShape['targets']): DataShape => ({
  name,
  shape: [28, 28, 1],
  outputs: 10,
  targets,
});
