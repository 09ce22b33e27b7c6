/** Problems of an experiment as the form shows them: beside their field, or by the names that settings have everywhere else. */
import { describe, expect, it } from 'vitest';
import { problemOf, problemsBeside, problemText } from '../../src/renderer/experiment/paths.ts';
import { InputError } from '../../src/shared/errors.ts';
import { parseSweep } from '../../src/shared/sweep.ts';
import { tiny } from '../main/queue/support.ts';

/** What the check says of an experiment, line by line. */
function problemsOf(experiment: unknown): string[] {
  try {
    parseSweep(experiment);
    return [];
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return error.message.split('\n');
  }
}

const optimiser = (changes: object): object => ({ ...tiny, optimiser: { lr: 0.1, ...changes } });

describe('a problem without a field of its own', () => {
  const rows: [string, unknown, RegExp][] = [
    [
      'a schedule that is unknown',
      optimiser({ schedule: { kind: 'sometimes' } }),
      /^schedule of the learning rate: expected .*received "sometimes"/,
    ],
    ['a precision that is none', { ...tiny, precision: 'half' }, /^precision of training: expected /],
    [
      'the same as a value of a sweep',
      { ...tiny, initialisation: { kind: 'normal', standard_deviation: [0.1, -1] } },
      /^standard deviation of the initialisation, value 2: expected a number/,
    ],
    ['a key that is unknown, as it was written', optimiser({ lrr: 1 }), /^optimiser\.lrr: unknown field$/],
  ];
  it.each(rows)('%s', (_, experiment, expected) => {
    const problems = problemsOf(experiment);
    expect(problems).toHaveLength(1);
    expect(problemsBeside(problems)).toEqual(problems);
    expect(problemText(problems[0])).toMatch(expected);
  });

  it('names the value of the sweep that it comes with where that is of another setting', () => {
    expect(problemText('value 2 of epochs: experiment.optimiser.schedule.every_epochs: expected less')).toBe(
      'epochs between drops of the learning rate with value 2 of epochs: expected less',
    );
  });
});

it('leaves to its field what has one', () => {
  const problems = problemsOf(optimiser({ lr: [0.1, -2] }));
  expect(problemsBeside(problems)).toEqual([]);
  expect(problemOf(problems, 'optimiser.lr')).toMatch(/^value 2: expected a number above 0/);
});
