import * as v from 'valibot';
import { expect, test } from 'vitest';
import { parseWith } from '../../src/shared/validation.ts';

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
