/** Gaussian mixture: every class is a few round clusters of unit width about centres drawn at random. */
import { Random } from '../../shared/random.ts';
import { classNames, type RawDataset, type RawPart } from '../raw.ts';
import { checkSize } from './size.ts';

export interface MixtureOptions {
  readonly seed: number;
  /** Samples; test 0 for none. Each successive `classes` samples hold every class once. */
  readonly train: number;
  readonly test: number;
  readonly dimensions: number;
  readonly classes: number;
  /** Clusters a class; a sample's cluster is drawn uniformly. */
  readonly clusters: number;
  /** Standard deviation of the centres in every dimension. */
  readonly separation: number;
}

/** x = centre(class, cluster) + z, z standard normal; centre = separation * standard normal. Inputs in single precision. */
export function gaussianMixture(options: MixtureOptions): RawDataset {
  const { seed, dimensions, classes, clusters, separation } = options;
  const random = new Random(seed, 'gaussian-mixture centres');
  checkSize('gaussian-mixture centres', classes * clusters, dimensions);
  const centres = Float64Array.from({ length: classes * clusters * dimensions }, () => separation * random.normal());
  const part = (role: 'train' | 'test', count: number): RawPart => {
    checkSize(`gaussian-mixture ${role}`, count, dimensions);
    const draw = new Random(seed, `gaussian-mixture ${role}`);
    const inputs = new Float32Array(count * dimensions);
    const labels = new Int32Array(count);
    let order = draw.permutation(classes);
    for (let n = 0; n < count; n++) {
      if (n > 0 && n % classes === 0) order = draw.permutation(classes);
      labels[n] = order[n % classes]!;
      const centre = (labels[n] * clusters + draw.below(clusters)) * dimensions;
      for (let j = 0; j < dimensions; j++) inputs[n * dimensions + j] = centres[centre + j] + draw.normal();
    }
    return { count, inputs, targets: { kind: 'classes', values: labels }, source: `gaussian-mixture ${role}` };
  };
  return {
    name: 'gaussian-mixture',
    shape: [dimensions],
    classes: classNames(classes),
    train: part('train', options.train),
    test: options.test > 0 ? part('test', options.test) : null,
  };
}
