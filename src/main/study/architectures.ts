/** The networks of the built-in study, for images of any size, and which of their parameters are measured. */
import { parseModel } from '../../shared/model.ts';
import type { LossName, ModelSpec } from '../../shared/model.ts';

export const architectures = ['mlp', 'cnn', 'resnet', 'vit'] as const;
export type Architecture = (typeof architectures)[number];

export interface StudyModel {
  readonly model: ModelSpec;
  /** Parameters measured, in the order of the network. */
  readonly parameters: readonly string[];
}

const relu = { type: 'activation', function: 'relu' };
const dense = (name: string, units: number): unknown => ({ type: 'dense', name, units, bias: false });
const conv = (name: string, filters: number): unknown => ({
  type: 'conv2d',
  name,
  filters,
  kernel: [3, 3],
  padding: 'same',
  bias: false,
});

/** @param shape [height, width, channels] of an image, height and width multiples of 4 @param width of the hidden layers of an MLP */
export function studyModel(
  architecture: Architecture,
  shape: readonly number[],
  outputs: number,
  loss: LossName,
  width = 50,
): StudyModel {
  const build = (layers: readonly unknown[], parameters: readonly string[]): StudyModel => ({
    model: parseModel({ input: shape, layers, loss }, `model ${architecture}`),
    parameters,
  });
  switch (architecture) {
    case 'mlp':
      return build(
        [{ type: 'flatten' }, dense('fc1', width), relu, dense('fc2', width), relu, dense('fc3', outputs)],
        ['fc2.kernel', 'fc3.kernel'],
      );
    case 'cnn': {
      const pool = { type: 'maxpool2d', size: 2 };
      return build(
        [
          conv('conv1', 8),
          relu,
          pool,
          conv('conv2', 16),
          relu,
          pool,
          { type: 'flatten' },
          dense('fc1', 32),
          relu,
          dense('fc2', outputs),
        ],
        ['conv1.kernel', 'conv2.kernel', 'fc2.kernel'],
      );
    }
    case 'resnet': {
      const block = (name: string): unknown => ({
        type: 'residual',
        layers: [conv(`${name}a`, 8), relu, conv(`${name}b`, 8)],
      });
      return build(
        [
          conv('stem', 8),
          relu,
          { type: 'avgpool2d', size: 2 },
          block('block1'),
          relu,
          block('block2'),
          relu,
          { type: 'globalavgpool2d' },
          dense('head', outputs),
        ],
        ['block1a.kernel', 'block2b.kernel', 'head.kernel'],
      );
    }
    case 'vit': {
      const attention = {
        type: 'residual',
        layers: [
          { type: 'layernorm', name: 'ln1' },
          { type: 'attention', name: 'attn', heads: 2 },
        ],
      };
      const mixing = {
        type: 'residual',
        layers: [
          { type: 'layernorm', name: 'ln2' },
          dense('fc1', 32),
          { type: 'activation', function: 'gelu' },
          dense('fc2', 16),
        ],
      };
      return build(
        [
          { type: 'patches', name: 'embed', size: 4, units: 16 },
          attention,
          mixing,
          { type: 'layernorm', name: 'ln3' },
          { type: 'meanpool' },
          dense('head', outputs),
        ],
        ['attn.value.kernel', 'fc1.kernel', 'head.kernel'],
      );
    }
    default:
      architecture satisfies never;
      throw new Error('unknown architecture');
  }
}
