import * as v from 'valibot';
import { expect, test } from 'vitest';
import { notOneOf, parseWith } from '../../src/shared/validation.ts';

const schema = v.strictObject({
  kind: v.picklist(['end', 'epochs', 'log_steps']),
  only: v.literal('one'),
  text: v.string(),
});

test.for([
  [
    { kind: 'log-steps', only: 'one', text: '' },
    'a.kind: expected "end", "epochs" or "log_steps", received "log-steps"',
  ],
  [{ kind: 'end', only: 'two', text: '' }, 'a.only: expected "one", received "two"'],
  [{ kind: 'end', only: 'one', text: 5 }, 'a.text: expected string, received 5'],
  [{ kind: 'end', only: 'one' }, 'a.text: expected this field, found nothing'],
  [{ kind: 'end', only: 'one', text: '', more: 1 }, 'a.more: unknown field'],
  [[], 'a: expected an object, received an array'],
] as const)('%j is refused in words: %s', ([input, message]) => {
  expect(() => parseWith(schema, input, 'a')).toThrow(new RegExp(`^${message.replace(/[.()]/g, '\\$&')}$`));
});

test.each([
  ['"leaky_relu"', '"leaky-relu"'],
  ['"LeakyReLU"', '"leaky-relu"'],
  ['"CrossEntropyLoss"', '"cross-entropy"'],
  ['"bce"', '"binary-cross-entropy"'],
  ['"MSELoss"', '"mse"'],
])('of a choice written in another way, %s, the name is proposed: %s', (received, meant) => {
  const choices = ['cross-entropy', 'mse', 'binary-cross-entropy', 'leaky-relu'];
  expect(notOneOf(choices, received)).toBe(
    `expected one of cross-entropy, mse, binary-cross-entropy, leaky-relu, received ${received}; did you mean ${meant}?`,
  );
});

test('nothing is proposed for a choice that is like none, or for none', () => {
  expect(notOneOf(['cross-entropy', 'mse'], '"hinge"')).toBe('expected one of cross-entropy, mse, received "hinge"');
  expect(notOneOf(['cross-entropy', 'mse'], 'undefined')).toBe('expected one of cross-entropy, mse, found nothing');
});
