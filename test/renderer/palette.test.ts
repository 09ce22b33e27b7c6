import { describe, expect, it } from 'vitest';
import { plainWords, rankOf, ranked } from '../../src/renderer/frame/palette-rank.ts';
import type { PaletteEntry } from '../../src/renderer/frame/palette-rank.ts';

const entry = (title: string, changes = false, isFound = false): PaletteEntry => ({
  id: title,
  title,
  changes,
  isFound,
});

describe('what was typed', () => {
  it.each([
    ['2×2 sweep', '2x2 sweep'],
    ['γ by cutoff', 'gamma by cutoff'],
    ['  Mäx,  pooling ', 'max pooling'],
    ['lr-0.1', 'lr-0.1'],
  ])('%s reads as %s', (text, plain) => {
    expect(plainWords(text)).toBe(plain);
  });
});

describe('a match', () => {
  it.each([
    ['Long run', 'long run', false, 0],
    ['Long run of MNIST', 'long run', false, 1],
    ['MNIST: a long night run', 'lo ru', false, 2],
    ['MNIST: a long night run', 'run long', false, 3],
    ['belonging trunk', 'long run', false, 4],
    ['belonging trunk', 'long run', true, null],
    ['Delete this run', 'del run', true, 2],
    ['Delete this run', 'run delete', true, null],
    ['Move run along', 'long run', true, null],
    ['2×2 grid', '2x2', false, 1],
    ['2x2 grid', '2×2', false, 1],
  ] as const)('of %s with %s (changing: %s)', (title, query, changes, rank) => {
    expect(rankOf(entry(title, changes), query)).toBe(rank);
  });

  it('by other things than the name comes last', () => {
    expect(rankOf(entry('some run', false, true), 'tagged')).toBe(5);
  });
});

it('sorts by how well a name matches, then opening before changing, then as listed', () => {
  const titles = (query: string): string[] =>
    ranked(
      [
        entry('Run this run again', true),
        entry('Runs of today', false, true),
        entry('Go to runs'),
        entry('runs'),
        entry('Rundown', false),
      ],
      query,
    ).map(({ title }) => title);
  expect(titles('runs')).toEqual(['runs', 'Runs of today', 'Go to runs']);
  expect(titles('run')).toEqual(['Runs of today', 'runs', 'Rundown', 'Run this run again', 'Go to runs']);
});
