/**
 * The model format: what a network is, as JSON. Images are [height, width, channels], sequences [tokens, width], vectors [width].
 */
import * as v from 'valibot';
import { InputError } from './errors.ts';
import { integer, parseWith } from './validation.ts';

export const activationFunctions = ['relu', 'tanh', 'sigmoid', 'gelu', 'softplus', 'identity'] as const;
export type ActivationFunction = (typeof activationFunctions)[number];

export const losses = ['cross-entropy', 'mse'] as const;
export type LossName = (typeof losses)[number];

const layerName = v.pipe(
  v.string('expected a name'),
  v.regex(/^[A-Za-z][A-Za-z0-9_-]*$/, 'expected a name of letters, digits, "_" and "-" that begins with a letter'),
);
const units = integer(1, 1_000_000);

/** Fully connected: z = W^T a + b on the last axis. Parameters: `name.kernel` [in, units], `name.bias` [units]. */
const dense = v.strictObject({
  type: v.literal('dense'),
  name: layerName,
  units,
  /** Default true. */
  bias: v.optional(v.boolean(), true),
});

/** Elementwise function. gelu is the exact erf form. */
const activation = v.strictObject({
  type: v.literal('activation'),
  function: v.picklist(
    activationFunctions,
    (issue) => `expected one of ${activationFunctions.join(', ')}, received ${issue.received}`,
  ),
});

/** One vector a sample out of an image or a sequence. */
const flatten = v.strictObject({ type: v.literal('flatten') });

const layerSchemas = { dense, activation, flatten } as const;
export type LayerKind = keyof typeof layerSchemas;
export const layerKinds = Object.keys(layerSchemas) as LayerKind[];

export type DenseSpec = v.InferOutput<typeof dense>;
export type ActivationSpec = v.InferOutput<typeof activation>;
export type FlattenSpec = v.InferOutput<typeof flatten>;
export type LayerSpec = DenseSpec | ActivationSpec | FlattenSpec;

const layer = v.variant('type', [dense, activation, flatten], (issue) =>
  issue.received === undefined
    ? 'expected a layer'
    : `unknown layer or field; known layers: ${layerKinds.join(', ')} (received ${issue.received})`,
);

const model = v.strictObject({
  input: v.pipe(v.array(units, 'expected a list of sizes'), v.minLength(1), v.maxLength(3)),
  layers: v.pipe(v.array(layer, 'expected a list of layers'), v.minLength(1, 'expected at least one layer')),
  loss: v.picklist(losses, (issue) => `expected one of ${losses.join(', ')}, received ${issue.received}`),
});
export type ModelSpec = v.InferOutput<typeof model>;

/** The schema itself, for formats that hold a model. */
export const modelSchema = model;

/** Checks a model's form and that layer names are unique. Whether shapes fit is found by building it (engine/network). Raises InputError. */
export function parseModel(input: unknown, what = 'model'): ModelSpec {
  const spec = parseWith(model, input, what);
  const seen = new Set<string>();
  for (const name of namesIn(spec.layers)) {
    if (seen.has(name)) throw new InputError(`${what}: two layers are named "${name}"; names must differ`);
    seen.add(name);
  }
  return spec;
}

function namesIn(layers: readonly LayerSpec[]): string[] {
  return layers.flatMap((each) => ('name' in each ? [each.name] : []));
}

/** "784-50-50-10" for a plain multilayer perceptron; else a list of the layer kinds that have weights. */
export function describeModel(spec: ModelSpec): string {
  const isPlain = spec.layers.every(
    (each) => each.type === 'dense' || each.type === 'activation' || each.type === 'flatten',
  );
  const sizes = spec.layers.flatMap((each) => (each.type === 'dense' ? [each.units] : []));
  const inputs = spec.input.reduce((product, size) => product * size, 1);
  return isPlain
    ? [inputs, ...sizes].join('-')
    : spec.layers.flatMap((each) => ('name' in each ? [each.name] : [])).join('-');
}
