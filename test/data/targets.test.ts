/** What a loss makes of the targets that a dataset holds. */
import { describe, expect, it, test } from 'vitest';
import type { Dataset } from '../../src/data/dataset.ts';
import { prepare } from '../../src/data/prepare.ts';
import { parseCsv } from '../../src/data/formats/csv.ts';
import { classNames, type Targets } from '../../src/data/raw.ts';
import { targetsFor } from '../../src/data/targets.ts';
import { InputError } from '../../src/shared/errors.ts';
import { range } from './support.ts';

const numbers = (width: number, ...values: number[]): Targets => ({
  kind: 'vectors',
  width,
  values: Float64Array.from(values),
});
const labels = (...values: number[]): Targets => ({ kind: 'classes', values: Int32Array.from(values) });

function dataset(targets: Targets, test: Targets | null = null): Dataset {
  const part = (each: Targets, source: string) => {
    const count = each.kind === 'classes' ? each.values.length : each.values.length / each.width;
    return { count, inputs: Float64Array.from(range(count)), targets: each, source };
  };
  const known = [targets, test].flatMap((each) => (each?.kind === 'classes' ? [...each.values] : []));
  return prepare(
    {
      name: 'd',
      shape: [1],
      classes: known.length > 0 ? classNames(Math.max(...known) + 1) : null,
      train: part(targets, 'd.npz'),
      test: test && part(test, 'd.npz'),
    },
    {},
  );
}

const crossEntropy = { type: 'cross-entropy', positions: 1, width: 3 } as const;
const mse = (width: number) => ({ type: 'mse', positions: 1, width }) as const;
const binary = (width: number) => ({ type: 'binary-cross-entropy', positions: 1, width }) as const;

const table = (text: string): Dataset => prepare(parseCsv(Buffer.from(text), 't.csv'), {});

describe('a cross-entropy over three outputs takes', () => {
  const same: [string, Dataset][] = [
    ['labels', dataset(labels(2, 0, 1, 2))],
    ['floats that are whole', dataset(numbers(1, 2, 0, 1, 2))],
    ['rows of one 1', dataset(numbers(3, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1))],
    ['numbers of a table', table('u,y\n1,2\n1,0\n1,1\n1,2\n')],
    ['names of a table, in their order', table('u,y\n1,cat\n1,ape\n1,bee\n1,cat\n')],
    ['a table whose labels count from 1', table('u,y\n1,3\n1,1\n1,2\n1,3\n')],
    [
      'labels as rows that were asked for',
      prepare(
        {
          ...dataset(labels(2, 0, 1, 2)),
          train: { count: 4, inputs: new Float64Array(4), targets: labels(2, 0, 1, 2), source: 's' },
          test: null,
        },
        { targets: 'one-hot' },
      ),
    ],
  ];
  it.each(same)('%s', (_, given) => {
    const fitted = targetsFor(crossEntropy, given);
    expect(fitted.train.targets).toEqual(labels(2, 0, 1, 2));
    expect(fitted.classes).toHaveLength(3);
    expect(fitted.outputs).toBe(3);
  });

  it('labels of which no sample has some', () => {
    expect(targetsFor(crossEntropy, dataset(labels(0, 0))).train.targets).toEqual(labels(0, 0));
    expect(targetsFor(crossEntropy, dataset(labels(2, 2))).classes).toEqual(['0', '1', '2']);
    expect(targetsFor(crossEntropy, dataset(labels(0), labels(1))).test!.targets).toEqual(labels(1));
  });

  it('numbers of a table of which some are missing as the numbers of outputs, and says so', () => {
    const fitted = targetsFor(crossEntropy, table('u,y\n1,2\n1,0\n'));
    expect(fitted.train.targets).toEqual(labels(2, 0));
    expect(fitted.notes).toContain('2 classes for 3 outputs: each label is the number of its output');
  });

  it('names in their order, and says which they are', () => {
    expect(targetsFor(crossEntropy, table('u,y\n1,b\n1,a\n1,c')).notes).toContain(
      'classes by name, in order: a, b, c are the outputs 0 to 2',
    );
  });

  const bad: [string, Dataset, RegExp][] = [
    [
      'a label without an output',
      dataset(labels(0, 1, 3)),
      /^the dataset d, training part: sample 2 has the label 3; the model has 3 outputs, for the labels 0 to 2\. The labels run from 0 to 3$/,
    ],
    [
      'labels that count from 1',
      dataset(labels(1, 2, 3)),
      /label 3; .* run from 1 to 3: they count from 1, so subtract 1$/,
    ],
    [
      'a negative label',
      dataset(numbers(1, 0, -1, 2)),
      /sample 1 has the label -1; .*: a negative label often marks a sample to be left out/,
    ],
    ['the label that PyTorch passes over', dataset(numbers(1, 0, 1, -100)), /sample 2 has the label -100; /],
    [
      'an identifier',
      dataset(numbers(1, 0, 1e12)),
      /sample 1 has the label 1000000000000; the model has 3 outputs, for the labels 0 to 2/,
    ],
    ['a label of the test part', dataset(labels(0), labels(4)), /test part: sample 0 has the label 4/],
    [
      'a number that is not whole',
      dataset(numbers(1, 0, 0.37)),
      /sample 1 has the target 0\.37; .* takes classes: a whole number from 0 to 2, or 3 numbers/,
    ],
    [
      'shares whose sum is not 1',
      dataset(numbers(3, 1, 0, 0, 0.1, 0.8, 0.2)),
      /sample 1 has the target \[0\.1, 0\.8, 0\.2\]; .* one is 1 and the others 0/,
    ],
    ['two ones', dataset(numbers(3, 1, 1, 0)), /sample 0 has the target \[1, 1, 0\]/],
    [
      'names of another number',
      table('u,y\n1,b\n1,a'),
      /2 classes by name \(a, b\); the model has 3 outputs, and which class is which output cannot be told/,
    ],
  ];
  it.each(bad)('not %s', (_, given, message) => {
    expect(() => targetsFor(crossEntropy, given)).toThrow(message);
    expect(() => targetsFor(crossEntropy, given)).toThrow(InputError);
    expect(() => targetsFor(crossEntropy, given)).not.toThrow(/mse/);
  });
});

describe('a cross-entropy over one output', () => {
  const one = { type: 'cross-entropy', positions: 1, width: 1 } as const;
  const says =
    /1 output, and the loss cross-entropy takes the softmax over all outputs: of one it is 1 for every input.*one output a class, two for two classes; one output for yes and no is the loss binary-cross-entropy \(PyTorch: BCEWithLogitsLoss\), if that is what the model was trained with/;
  const rows: [string, Dataset, RegExp][] = [
    ['labels', dataset(labels(0, 0, 1)), /sample 2 has the label 1; /],
    ['floats that are whole', dataset(numbers(1, 0, 1, 0)), /sample 1 has the label 1; /],
    ['shares', dataset(numbers(1, 0, 0.4, 1)), /sample 1 has the target 0.4; /],
    ['numbers of a table', table('u,y\n1,0\n1,1\n'), /2 classes by name \(0, 1\); /],
    ['names of a table', table('u,y\n1,no\n1,yes\n'), /2 classes by name \(no, yes\); /],
  ];
  it.each(rows)('says what it means: %s', (_, given, where) => {
    expect(() => targetsFor(one, given)).toThrow(where);
    expect(() => targetsFor(one, given)).toThrow(says);
  });

  test('takes labels that are all 0', () => {
    expect(targetsFor(one, dataset(labels(0, 0))).train.targets.values).toEqual(Int32Array.of(0, 0));
  });
});

describe('a mean squared error takes', () => {
  test('numbers, of as many as there are outputs', () => {
    const [one, two] = [dataset(numbers(1, 0.5, -2)), dataset(numbers(2, 1, 2, 3, 4))];
    expect(targetsFor(mse(1), one)).toBe(one);
    expect(targetsFor(mse(2), two)).toBe(two);
  });

  const counts: [string, Dataset][] = [
    ['whole numbers', dataset(labels(12, 0, 3))],
    ['whole numbers of a table', table('u,y\n1,12\n1,0\n1,3\n')],
    ['whole numbers stored as floats', dataset(numbers(1, 12, 0, 3))],
  ];
  it.each(counts)('%s as numbers, for one output', (_, given) => {
    const fitted = targetsFor(mse(1), given);
    expect(fitted.train.targets).toEqual(numbers(1, 12, 0, 3));
    expect(fitted.classes).toBeNull();
  });

  test('classes as rows, for several outputs', () => {
    expect(targetsFor(mse(3), dataset(labels(2, 0)))).toMatchObject({ outputs: 3, train: { targets: labels(2, 0) } });
    expect(() => targetsFor(mse(3), dataset(labels(2, 3)))).toThrow(/sample 1 has the label 3/);
  });

  test('neither names for one output nor another number of numbers', () => {
    expect(() => targetsFor(mse(1), table('u,y\n1,b\n1,a'))).toThrow(/classes by name \("a"\)/);
    expect(() => targetsFor(mse(3), dataset(numbers(2, 1, 2)))).toThrow(
      /2 numbers a sample as targets; the model has 3 outputs/,
    );
    expect(() => targetsFor(mse(3), dataset(numbers(1, 0, 1)))).toThrow(/1 number a sample .*"targets": "one-hot"/);
  });
});

describe('a cross-entropy takes soft targets', () => {
  test('as they are, where every row is one of shares', () => {
    const given = dataset(numbers(3, 1, 0, 0, 0.1, 0.8, 0.1));
    expect(targetsFor(crossEntropy, given)).toBe(given);
  });
});

describe('a binary cross-entropy takes', () => {
  const pairs: [string, Dataset][] = [
    ['labels', dataset(labels(1, 0, 1))],
    ['floats', dataset(numbers(1, 1, 0, 1))],
    ['two names of a table', table('u,y\n1,yes\n1,no\n1,yes\n')],
  ];
  it.each(pairs)('%s as 0 and 1, for one output', (_, given) => {
    expect(targetsFor(binary(1), given).train.targets).toEqual(numbers(1, 1, 0, 1));
  });

  test('shares, and rows of them', () => {
    const given = dataset(numbers(2, 0.25, 1, 0, 0));
    expect(targetsFor(binary(2), given)).toBe(given);
  });

  test('nothing beyond 0 and 1', () => {
    expect(() => targetsFor(binary(1), dataset(labels(0, 2)))).toThrow(
      /sample 1 has the target 2; .* takes 0 for no, 1 for yes/,
    );
    expect(() => targetsFor(binary(1), dataset(numbers(1, -1, 1)))).toThrow(/sample 0 has the target -1/);
  });
});

describe('a cross-entropy over a sequence takes', () => {
  const sequence = { type: 'cross-entropy', positions: 2, width: 3 } as const;

  test('a label a position, -100 for none', () => {
    const given = dataset(numbers(2, 0, 2, -100, 1));
    expect(targetsFor(sequence, given)).toMatchObject({ outputs: 2, train: { targets: given.train.targets } });
  });

  test('neither another number of them nor a label without an output', () => {
    expect(() => targetsFor(sequence, dataset(labels(0, 1)))).toThrow(/expected 2 labels a sample, .* found 1/);
    expect(() => targetsFor(sequence, dataset(numbers(2, 0, 1, 0, 3)))).toThrow(
      /sample 1, position 1 has the label 3; .* 0 to 2/,
    );
    expect(() => targetsFor(sequence, dataset(numbers(2, 0, -1)))).toThrow(/position 1 has the label -1/);
  });
});
