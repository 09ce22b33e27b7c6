/** Which tensor of a file serves which of the model: beginnings, names given by hand, the order of the file. */
import { expect, test } from 'vitest';
import { fromTorch } from '../../src/data/torch-layout.ts';
import type { StoredTensor } from '../../src/data/formats/tensors.ts';
import { takeWeights } from '../../src/data/weights.ts';

const wanted = [
  { name: 'fc1.kernel', shape: [3, 2] },
  { name: 'fc1.bias', shape: [2] },
  { name: 'head.kernel', shape: [2, 4] },
];
const sizes = { 'fc1.weight': [2, 3], 'fc1.bias': [2], 'head.weight': [4, 2] };

/** A state dict whose tensors count from 1 on in the order of the model. */
function state(rename: (name: string) => string): ReadonlyMap<string, StoredTensor> {
  let at = 0;
  return new Map(
    Object.entries(sizes).map(([name, shape]) => {
      const length = shape.reduce((product, n) => product * n, 1);
      return [rename(name), { dtype: 'F64', shape, data: Float64Array.from({ length }, () => ++at) }];
    }),
  );
}

const usual = fromTorch(
  state((name) => name),
  wanted,
).weights;

const cases: readonly [string, (name: string) => string, Parameters<typeof fromTorch>[2]][] = [
  ['a beginning that all have', (name) => `net.backbone.${name}`, {}],
  ['a wrapper and a beginning', (name) => `module.encoder.${name}`, {}],
  [
    'modules named for their layers',
    (name) => name.replace('fc1', 'encoder.0').replace('head', 'classifier.2'),
    {
      names: { fc1: 'encoder.0', head: 'classifier.2' },
    },
  ],
  [
    'one tensor named, the rest by a beginning',
    (name) => (name === 'head.weight' ? 'out.W' : `trunk.${name}`),
    {
      names: { 'head.kernel': 'out.W' },
    },
  ],
  ['numbers, in the order of the file', (name) => name.replace('fc1', '2').replace('head', '10'), { inOrder: true }],
];

test.each(cases)('%s', (_name, rename, choice) => {
  const { weights, unused } = fromTorch(state(rename), wanted, choice);
  expect(weights).toEqual(usual);
  expect(unused).toEqual([]);
});

test('a beginning that only some have is no beginning: what is left over is named, with what can be done', () => {
  const mixed = state((name) => (name.startsWith('fc1') ? `encoder.${name}` : name));
  const attempt = (): unknown => fromTorch(mixed, wanted);
  expect(attempt).toThrow('fc1.weight: missing; expected [2, 3] for fc1.kernel [3, 2]');
  expect(attempt).toThrow('left over in it: encoder.fc1.weight [2, 3], encoder.fc1.bias [2]');
  expect(attempt).toThrow('--map FILE');
});

test('two beginnings that fit equally are none', () => {
  const twice = new Map([...state((name) => `a.${name}`), ...state((name) => `b.${name}`)]);
  expect(() => fromTorch(twice, wanted)).toThrow('fc1.weight: missing');
});

test('a name of no layer is refused, with the layers there are', () => {
  expect(() =>
    fromTorch(
      state((name) => name),
      wanted,
      { names: { fc9: 'x' } },
    ),
  ).toThrow('"fc9": the model has no layer or tensor of that name; it has fc1, head');
});

test('an order that does not fit is refused', () => {
  const few = new Map([...state((name) => name)].slice(0, 2));
  expect(() => fromTorch(few, wanted, { inOrder: true })).toThrow('do not fit the layers in their order');
});

test('names serve in the model’s own layout too', () => {
  const own = new Map(
    wanted.map(({ name, shape }) => [
      `run7.${name}`,
      { dtype: 'F64' as const, shape, data: new Float64Array(shape.reduce((product, n) => product * n, 1)) },
    ]),
  );
  expect([...takeWeights(own, 'w.npz', 'covature', wanted).weights.keys()]).toEqual(wanted.map(({ name }) => name));
});
