/** Teacher and student: targets are what a random network, the teacher, makes of random inputs. */
import { portableTanh } from '../../shared/portable.ts';
import { Random } from '../../shared/random.ts';
import { classNames, type RawDataset, type RawPart, type Targets } from '../raw.ts';
import { checkSize } from './size.ts';

export interface TeacherOptions {
  readonly seed: number;
  /** Samples; test 0 for none. */
  readonly train: number;
  readonly test: number;
  readonly dimensions: number;
  /** Widths of the hidden layers; none for a linear teacher. */
  readonly hidden: readonly number[];
  readonly outputs: number;
  readonly activation: 'tanh' | 'relu';
  readonly task: 'classes' | 'regression';
  /** Standard deviation of the noise on every output. */
  readonly noise: number;
}

/**
 * x standard normal (in single precision). Teacher: dense layers without biases, kernels normal with variance 1 / fan_in (2 / fan_in above a ReLU), the activation
 * between them; y = teacher(x) + noise * standard normal, in double precision. Regression: the target is y; classes: the index of its largest component.
 */
export function teacherStudent(options: TeacherOptions): RawDataset {
  const { seed, dimensions, outputs, task } = options;
  const widths = [dimensions, ...options.hidden, outputs];
  const random = new Random(seed, 'teacher');
  const kernels = widths.slice(1).map((width, l) => {
    checkSize(`teacher-student layer ${l + 1}`, widths[l], width);
    const deviation = Math.sqrt((l > 0 && options.activation === 'relu' ? 2 : 1) / widths[l]);
    return Float64Array.from({ length: widths[l] * width }, () => deviation * random.normal());
  });
  const part = (role: 'train' | 'test', count: number): RawPart => {
    checkSize(`teacher-student ${role}`, count, Math.max(dimensions, outputs));
    const draw = new Random(seed, `teacher ${role}`);
    const inputs = new Float32Array(count * dimensions);
    const values = new Float64Array(count * outputs);
    for (let n = 0; n < count; n++) {
      const x = inputs.subarray(n * dimensions, (n + 1) * dimensions);
      for (let j = 0; j < dimensions; j++) x[j] = draw.normal();
      const y = teach(x, kernels, options.activation);
      for (let j = 0; j < outputs; j++) values[n * outputs + j] = y[j] + options.noise * draw.normal();
    }
    const targets: Targets =
      task === 'regression'
        ? { kind: 'vectors', values, width: outputs }
        : { kind: 'classes', values: largest(values, outputs) };
    return { count, inputs, targets, source: `teacher-student ${role}` };
  };
  return {
    name: 'teacher-student',
    shape: [dimensions],
    classes: task === 'classes' ? classNames(outputs) : null,
    train: part('train', options.train),
    test: options.test > 0 ? part('test', options.test) : null,
  };
}

function teach(x: Float32Array, kernels: readonly Float64Array[], activation: 'tanh' | 'relu'): Float64Array {
  let a: Float64Array = Float64Array.from(x);
  kernels.forEach((kernel, l) => {
    const width = kernel.length / a.length;
    const z = new Float64Array(width);
    for (let i = 0; i < a.length; i++) for (let j = 0; j < width; j++) z[j] += a[i] * kernel[i * width + j];
    const last = l === kernels.length - 1;
    a = last ? z : z.map((value) => (activation === 'tanh' ? portableTanh(value) : Math.max(0, value)));
  });
  return a;
}

function largest(values: Float64Array, width: number): Int32Array {
  return Int32Array.from({ length: values.length / width }, (_, n) => {
    let best = 0;
    for (let j = 1; j < width; j++) if (values[n * width + j] > values[n * width + best]) best = j;
    return best;
  });
}
