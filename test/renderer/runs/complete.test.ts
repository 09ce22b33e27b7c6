/** Completion of filters. */
import { describe, expect, it } from 'vitest';
import { accept, placeOf, suggest } from '../../../src/renderer/runs/complete.ts';
import type { ColumnInfo } from '../../../src/shared/contract/index.ts';

const columns: readonly ColumnInfo[] = ['name', 'status', 'gamma.fc2', 'gamma_Q.fc2', 'optimiser.lr', 'odd key'].map(
  (key) => ({ key, source: 'value', numbers: true, texts: false }),
);
const values = [
  { value: 'mse', runs: 3 },
  { value: 'cross-entropy', runs: 2 },
];

/** "|" is the caret. */
function texts(filter: string): string[] {
  const caret = filter.indexOf('|');
  const text = filter.replace('|', '');
  const place = placeOf(text, caret);
  return place === null ? [] : suggest(text, place, columns, values).map((each) => each.text);
}

describe('what is suggested', () => {
  it.each([
    ['|', ['name', 'status', 'gamma.fc2', 'gamma_Q.fc2', 'optimiser.lr', '`odd key`']],
    ['gam|', ['gamma.fc2', 'gamma_Q.fc2']],
    ['lr|', ['optimiser.lr']],
    ['gamma.fc2 |', ['=', '!=', '<', '<=', '>', '>=', '~', 'in (']],
    ['gamma.fc2 > |', ['name', 'status', 'gamma.fc2', 'gamma_Q.fc2', 'optimiser.lr', '`odd key`']],
    ['gamma.fc2 > 1.1 |', ['and', 'or']],
    ['gamma.fc2 > 1.1 and st|', ['status']],
    ['loss = |', ['"mse"', '"cross-entropy"']],
    ['loss = "cr|', ['"cross-entropy"']],
    ['loss in (mse, |', ['"mse"', '"cross-entropy"']],
    ['not ha|', ['has']],
    ['"a text|', []],
  ])('%s', (filter, expected) => {
    expect(texts(filter)).toEqual(expected);
  });
});

describe('what is accepted', () => {
  it.each([
    ['gam|', 'gamma.fc2', 'gamma.fc2 |'],
    ['gam| > 1', 'gamma.fc2', 'gamma.fc2 |> 1'],
    ['loss = "m|', '"mse"', 'loss = "mse" |'],
    ['loss = "m|x" and name ~ a', '"mse"', 'loss = "mse" |and name ~ a'],
    ['loss i|', 'in (', 'loss in (|'],
  ])('%s', (filter, text, expected) => {
    const caret = filter.indexOf('|');
    const plain = filter.replace('|', '');
    const next = accept(plain, placeOf(plain, caret)!, { text, note: '' });
    expect(`${next.filter.slice(0, next.caret)}|${next.filter.slice(next.caret)}`).toBe(expected);
  });
});
