/** The small print says each letter once, and is made of sentences. */
import { expect, test } from 'vitest';
import { mergedNotes, notesText } from '../../../../src/shared/figures/layout/notes.ts';

test('statements of a panel follow each other behind its letter, each once', () => {
  const notes = mergedNotes([
    { text: 'means of 3 runs', letter: '' },
    { text: 'batch 50', letter: '(b)' },
    { text: 'bars are 95 % intervals', letter: '(a), (c)' },
    { text: '2 of 9 directions not drawn', letter: '(b)' },
    { text: 'batch 50', letter: '(b)' },
    { text: 'means of 3 runs', letter: '' },
  ]);
  expect(notes).toEqual([
    'means of 3 runs',
    '(b): batch 50; 2 of 9 directions not drawn',
    '(a), (c): bars are 95 % intervals',
  ]);
  expect(notesText(notes)).toBe(
    'Means of 3 runs. (b): batch 50; 2 of 9 directions not drawn. (a), (c): bars are 95\u00a0% intervals.',
  );
});

test('mathematics, numbers and the letter of a panel begin as they are', () => {
  expect(notesText(['$i = 1$: 3 samples', '3 of 4 points', 'a: bars'])).toBe(
    '$i = 1$: 3 samples. 3 of 4 points. a: bars.',
  );
});

test('what one panel leaves out for one reason is one statement', () => {
  const reason = 'not positive on a logarithmic axis';
  const notes = mergedNotes([
    { text: `1 of 9 values not drawn: ${reason}`, letter: '(a)' },
    { text: `2 of 4 means not drawn: ${reason}`, letter: '(a)' },
    { text: `1 of 9 values not drawn: ${reason}`, letter: '(a)' },
    { text: '3 of 4 means not drawn: beyond the floor', letter: '(a)' },
    { text: `5 of 9 values not drawn: ${reason}`, letter: '(b)' },
  ]);
  expect(notes).toEqual([
    `(a): 1 of 9 values, 2 of 4 means not drawn: ${reason}; 3 of 4 means not drawn: beyond the floor`,
    `(b): 5 of 9 values not drawn: ${reason}`,
  ]);
});
