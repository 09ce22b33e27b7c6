/** Flags: what a table makes of arguments, and of itself in the help; and the tables of every command. */
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { flagsHelp, parse, toggle } from '../../../src/main/cli/flags.ts';
import type { Flags } from '../../../src/main/cli/flags.ts';
import { commands } from '../../../src/main/cli/main.ts';
import { UsageError } from '../../../src/main/cli/usage-error.ts';
import { integer, positive } from '../../../src/shared/validation.ts';

const flags = {
  name: { schema: v.string(), value: 'NAME', help: 'what it is called', otherwise: 'as the file' },
  count: { schema: v.optional(integer(1, 9), 3), value: 'N', help: 'how many' },
  rate: { schema: positive, value: 'X', help: 'how fast', requires: ['noise'] },
  noise: { schema: toggle, help: 'with noise; and' },
  level: {
    schema: v.optional(v.picklist(['low', 'high']), 'low'),
    value: 'L',
    help: 'how loud',
    meanings: { high: 'ears' },
  },
  tag: { schema: v.array(v.string()), value: 'T', help: 'carries it' },
  seeds: { schema: v.array(integer(0)), commas: true, value: 'N', help: 'one each' },
  quiet: { schema: toggle, help: 'no noise', excludes: ['noise'] },
  round: { schema: toggle, help: 'of the program itself', hidden: true },
} as const satisfies Flags;

describe('parsing', () => {
  test('fills defaults in and leaves the rest undefined', () => {
    const { values, positionals } = parse(['file'], flags, [1, 1]);
    expect(positionals).toEqual(['file']);
    expect(values).toEqual({ count: 3, noise: false, level: 'low', quiet: false, round: false });
  });

  test('gives numbers, words of a list, several values, and a value that begins with a dash', () => {
    const argv = ['--count', '9', '--noise', '--rate=1e-3', '--level', 'high', '--tag', '-a', '--tag', 'b'];
    const { values } = parse([...argv, '--seeds', '1, 2', '--seeds', '5'], flags, [0, 0]);
    expect(values).toMatchObject({ count: 9, rate: 1e-3, level: 'high', tag: ['-a', 'b'], seeds: [1, 2, 5] });
  });

  const wrong: readonly (readonly [string[], string])[] = [
    [['--count', '0'], '--count: expected an integer from 1 to 9, received "0"'],
    [['--count', ''], '--count: expected an integer of at least 1, received ""'],
    [['--count', '1.5'], '--count: expected an integer from 1 to 9, received "1.5"'],
    [['--noise', '--rate', '0'], '--rate: expected a number above 0, received "0"'],
    [['--noise', '--rate', 'Infinity'], '--rate: expected a number above 0, received "Infinity"'],
    [['--level', 'loud'], '--level: expected one of low, high; received "loud"'],
    [['--seeds', '1,,2'], '--seeds: expected an integer of at least 0, received "1,,2"'],
    [['--rate', '1'], '--rate is an option of --noise, which is missing'],
    [['--quiet', '--noise'], '--quiet and --noise exclude each other'],
    [['--colour'], 'unknown option --colour; expected one of --count, --help, --level'],
    [['a'], 'unexpected argument "a"'],
    [['--noise=yes'], "Option '--noise' does not take an argument"],
  ];
  test.each(wrong)('refuses %j', (argv, message) => {
    const parsing = (): unknown => parse(argv, flags, [0, 0]);
    expect(parsing).toThrow(UsageError);
    expect(parsing).toThrow(message);
  });
});

test('the help of a table: names, values, choices, defaults', () => {
  expect(flagsHelp(flags)).toBe(
    [
      '  --name NAME    what it is called (default: as the file)',
      '  --count N      how many (default 3)',
      '    --rate X     how fast',
      '  --noise        with noise; and',
      '  --level L      how loud: low (default), high (ears)',
      '  --tag T        carries it; may be repeated',
      '  --seeds N,...  one each',
      '  --quiet        no noise',
    ].join('\n'),
  );
});

test('long words of a help are broken into lines of at most 120 characters', () => {
  const help = Array.from({ length: 60 }, (_, k) => `word${k}`).join(' ');
  const lines = flagsHelp({ short: { schema: v.string(), value: 'TEXT', help } }).split('\n');
  expect(lines.length).toBeGreaterThan(3);
  expect(lines.every((line) => line.length <= 120)).toBe(true);
  expect(lines.join(' ').replace(/\s+/g, ' ')).toBe(` --short TEXT ${help}`);
});

test.each(Object.entries(commands))(
  'the flags of %s name only flags that it has, and take a value each or none',
  async (_, { load }) => {
    const { flags: own } = await load();
    for (const [name, { schema, value, requires = [], excludes = [], meanings = {} }] of Object.entries(own)) {
      for (const other of [...requires, ...excludes]) expect(Object.keys(own), `--${name}`).toContain(other);
      const parts = schema as unknown as { wrapped?: { options?: string[] }; options?: string[] };
      const choices = (parts.wrapped ?? parts).options ?? [];
      for (const word of Object.keys(meanings)) expect(choices, `--${name}`).toContain(word);
      if (value === undefined) expect(schema, `--${name}`).toBe(toggle);
    }
  },
);
