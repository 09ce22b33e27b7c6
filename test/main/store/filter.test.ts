/** The filter language: what passes, what is refused and where. */
import { beforeAll, afterAll, describe, expect, it } from 'vitest';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FilterError, openStore, type Store } from '../../../src/main/store/index.ts';
import { InputError } from '../../../src/shared/errors.ts';
import { Random } from '../../../src/shared/random.ts';
import { errorOf } from './support/stores.ts';

let store: Store;
const folder = mkdtempSync(join(tmpdir(), 'covature-filter-'));
const now = new Date(2026, 10, 23, 12).getTime();

const runs = [
  {
    name: 'a',
    dataset: 'mnist',
    loss: 'mse',
    value: 0.5,
    gamma: 1.05,
    low: 0.95,
    Q: 1.2,
    tags: ['paper'],
    seed: 1,
    lr: 0.1,
    age: 0,
  },
  {
    name: 'b',
    dataset: 'mnist',
    loss: 'cross-entropy',
    value: 0.01,
    gamma: 1.2,
    low: 1.15,
    Q: 1.1,
    tags: ['paper', 'Größe'],
    seed: 2,
    lr: 0.1,
    age: 1,
  },
  {
    name: 'c-1',
    dataset: 'glyphs',
    loss: 'mse',
    value: 0.02,
    gamma: 1.5,
    low: 1.4,
    Q: 1.5,
    tags: [],
    seed: 3,
    lr: 0.01,
    age: 2,
  },
  {
    name: 'd',
    dataset: 'CIFAR-10',
    loss: 'mse',
    value: NaN,
    gamma: undefined,
    low: undefined,
    Q: undefined,
    tags: ['old'],
    seed: 4,
    lr: 1,
    age: 40,
  },
  {
    name: "e'; DROP TABLE runs; --",
    dataset: '784',
    loss: 'mse',
    value: 2,
    gamma: -1,
    low: undefined,
    Q: 0,
    tags: ["x' OR '1'='1"],
    seed: 5,
    lr: 10,
    age: 400,
  },
];

beforeAll(() => {
  let time = now;
  store = openStore(folder, { now: () => time });
  for (const run of runs) {
    time = now - run.age * 86_400_000;
    const id = store.createRun({
      name: run.name,
      experiment: {
        seed: run.seed,
        dataset: run.dataset,
        loss: run.loss,
        optimiser: { lr: run.lr },
        batch: { lr: 5 },
        model: { size: 784 },
      },
      tags: run.tags,
      status: run.name === 'd' ? 'failed' : 'done',
      ...(run.name === 'd' ? { error: 'Loss ist unendlich groß' } : {}),
    });
    store.setSummary(id, { loss: run.value, 'odd key': run.seed, 'gamma.training_set.fc2@1e-4': run.seed / 10 });
    if (run.gamma !== undefined) {
      store.setSummary(id, {
        'gamma.fc2': { value: run.gamma, ...(run.low === undefined ? {} : { low: run.low, high: run.gamma + 0.1 }) },
        'gamma_Q.fc2': run.Q,
      });
    }
    if (run.name === 'a') store.updateRun(id, { archived: true });
  }
  time = now;
});
afterAll(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

/** First letters of the runs that pass, in order of creation. */
function passing(filter: string): string {
  const { rows } = store.listRuns({ filter, archived: 'any', sort: [{ key: 'seed' }] });
  return rows.map((row) => row.name[0]).join('');
}

describe('filters', () => {
  const rows: [filter: string, passing: string][] = [
    ['', 'abcde'],
    ['   ', 'abcde'],
    ['gamma.fc2 > 1.1', 'bc'],
    ['gamma.fc2>1.1', 'bc'],
    ['1.1 < gamma.fc2', 'bc'],
    ['gamma.fc2 >= 1.2', 'bc'],
    ['gamma.fc2 < 0', 'e'],
    ['gamma.fc2 > -1', 'abc'],
    ['gamma.fc2 >= -1e0', 'abce'],
    ['gamma.fc2 = 1.5', 'c'],
    ['gamma.fc2 == +1.5', 'c'],
    ['gamma.fc2 != 1.5', 'abde'],
    ['gamma.fc2 <> 1.5', 'abde'],
    ['not gamma.fc2 = 1.5', 'abde'],
    ['not gamma.fc2 > 1.1', 'ade'],
    ['1 <= gamma.fc2 <= 2', 'abc'],
    ['1 <= gamma.fc2 < 1.5', 'ab'],
    ['gamma.fc2 > gamma_Q.fc2', 'b'],
    ['gamma.fc2 >= gamma_Q.fc2', 'bc'],
    ['gamma.fc2 = `gamma_Q.fc2`', 'c'],
    ['gamma.fc2 != `gamma_Q.fc2`', 'abde'],
    ['gamma.fc2.low > 1', 'bc'],
    ['gamma.fc2.high < 1.2', 'a'],
    ['gamma.fc2.low != 1.4', 'abde'],
    ['has gamma.fc2', 'abce'],
    ['has gamma.fc2.low', 'abc'],
    ['not has gamma.fc2', 'd'],
    ['loss = mse', 'acde'],
    ['loss = "mse"', 'acde'],
    ["loss = 'MSE'", 'acde'],
    ['loss = "mse" and loss < 0.1', 'c'],
    ['loss < 0.1', 'bc'],
    ['loss != mse', 'b'],
    ['has loss', 'abcde'],
    ['gamma.fc2 > 1.1 and loss = "mse" and (dataset = mnist or not tag = paper)', 'c'],
    ['dataset = mnist or dataset = glyphs and loss = mse', 'abc'],
    ['(dataset = mnist or dataset = glyphs) and loss = mse', 'ac'],
    ['dataset=mnist&&!(loss=mse)||tag=old', 'bd'],
    ['NOT dataset = mnist AND NOT tag = old', 'ce'],
    ['not not dataset = mnist', 'ab'],
    ['dataset in (mnist, "glyphs")', 'abc'],
    ['dataset not in (mnist, glyphs)', 'de'],
    ['seed in (1, 3, 5)', 'ace'],
    ['dataset = cifar-10', 'd'],
    ['dataset ~ cifar', 'd'],
    ['dataset !~ M', 'cde'],
    ['dataset = 784', 'e'],
    ['model.size = 784', 'abcde'],
    ['dataset > "g"', 'abc'],
    ['tag = paper', 'ab'],
    ['tags = PAPER', 'ab'],
    ['tag != paper', 'cde'],
    ['tag ~ grosse', ''],
    ['tag ~ große', 'b'],
    ['tag ~ gro', 'b'],
    ['tag in (old, paper)', 'abd'],
    ['has tag', 'abde'],
    ['name = c-1', 'c'],
    ['name ~ "-1"', 'c'],
    ['name = A', 'a'],
    ['id = a', ''],
    ['status = failed', 'd'],
    ['status != "failed"', 'abce'],
    ['error ~ UNENDLICH', 'd'],
    ['has error', 'd'],
    ['error != x', 'abcde'],
    ['seed >= 4', 'de'],
    ['optimiser.lr = 0.1', 'ab'],
    ['OPTIMISER.LR = 0.1', 'ab'],
    ['`odd key` > 3', 'de'],
    ['gamma.training_set.fc2@1e-4 > 0.35', 'de'],
    ['archived = true', 'a'],
    ['archived = no', 'bcde'],
    ['archived != yes', 'bcde'],
    ['created > 7d', 'abc'],
    ['created < 7d', 'de'],
    ['created > 25h', 'ab'],
    ['created = 2026-11-23', 'a'],
    ['created != 2026-11-23', 'bcde'],
    ['created >= 2026-11-22', 'ab'],
    ['created > 2026-11-22', 'a'],
    ['created <= 2026-11-22', 'bcde'],
    ['created < 2026-11-22', 'cde'],
    ['created < "2026-11-22T12:00"', 'cde'],
    ['created <= "2026-11-22T12:00"', 'bcde'],
    ['created = 2026-11-22T12:00:00', 'b'],
    ['has started', ''],
    // Texts of users stay texts.
    ['name = "e\'; DROP TABLE runs; --"', 'e'],
    ["name = \"x' OR '1'='1\"", ''],
    ["tag = \"x' OR '1'='1\"", 'e'],
    ['dataset in ("\') OR 1=1 --")', ''],
    ['name ~ "%"', ''],
    ['name ~ "_"', ''],
    ['name = "\\"; SELECT 1"', ''],
    ['name = "?"', ''],
  ];
  it.each(rows)('%s', (filter, expected) => {
    expect(passing(filter)).toBe(expected);
  });

  const refused: [filter: string, column: number, message: RegExp][] = [
    ['gamma.fc2 >', 12, /expected a value, found the end/],
    ['gamma.fc2', 10, /expected a comparison .* after gamma\.fc2, found the end/],
    ['gamma.fc2 1.1', 11, /found "1\.1"/],
    ['> 1', 1, /expected a field/],
    ['gamma.fc2 > 1 and', 18, /found the end/],
    ['gamma.fc2 > 1 loss < 1', 15, /expected "and", "or" or the end, found "loss"/],
    ['(gamma.fc2 > 1', 1, /never closed/],
    ['gamma.fc2 > 1)', 14, /closes nothing/],
    ['(gamma.fc2 > 1 loss', 16, /expected "\)"/],
    ['1 < 2', 1, /one side of a comparison is a field/],
    ['"mse" = "mse"', 1, /one side of a comparison is a field/],
    ['gama.fc2 > 1', 1, /no run has a field "gama\.fc2"; did you mean gamma\.fc2/],
    ['loss = mse and statu = done', 16, /did you mean status/],
    ['gamma.fc2 > gamma_Q.fc3', 13, /did you mean gamma_Q\.fc2/],
    ['zzzzzzzz = 1', 1, /no run has a field "zzzzzzzz"$/],
    ['lr = 1', 1, /lr may be batch\.lr, optimiser\.lr; write one of them/],
    ['name = "abc', 8, /no partner/],
    ['dataset in mnist', 12, /expected "\("/],
    ['dataset in ()', 13, /expected a value/],
    ['dataset in (mnist', 18, /expected "\)", found the end/],
    ['dataset in (`loss`)', 13, /found a field/],
    ['dataset not = mnist', 13, /expected "in" after "not"/],
    ['"x" in (1)', 1, /expected a field/],
    ['has 3', 5, /expected a field/],
    ['tag > paper', 7, /./],
    ['tag > "paper"', 7, /a run has a tag or has it not/],
    ['seed = abc', 8, /seed is a number/],
    ['seed ~ 1', 8, /seed is a number/],
    ['gamma.fc2.low = "x"', 17, /is a number, not a text/],
    ['archived = maybe', 12, /true or false/],
    ['archived > true', 12, /./],
    ['created > soon', 11, /./],
    ['created > "soon"', 11, /expected a time/],
    ['created = 2026-02-31', 11, /expected a time/],
    ['created ~ 2026-11-23', 11, /is a time/],
    ['name > status', 1, /no number to compare/],
    ['gamma.fc2 > name', 13, /no number to compare with/],
    ['gamma.fc2 ~ `loss`', 13, /looks for a text/],
    ['a; DROP TABLE runs', 2, /";" has no meaning here/],
    ['gamma.fc2 > 1 -- comment', 15, /./],
    ['name = \u{1F642}', 8, /has no meaning here/],
    [`${'('.repeat(60)}seed = 1${')'.repeat(60)}`, 52, /nest at most 50 deep/],
    [`${'not '.repeat(60)}seed = 1`, 205, /nest at most 50 deep/],
    [Array.from({ length: 201 }, () => 'seed = 1').join(' or '), 2406, /at most 200 comparisons/],
    [`name = "${'x'.repeat(10_000)}"`, 10_001, /at most 10000 characters/],
  ];
  it.each(refused)('%s is refused at column %i', (filter, column, message) => {
    const error = errorOf(() => passing(filter));
    expect(error).toBeInstanceOf(FilterError);
    expect(error).toBeInstanceOf(InputError);
    expect(error.message).toMatch(message);
    expect(error.column).toBe(column);
  });

  it('of 200 comparisons and 50 brackets are not too much', () => {
    expect(passing(Array.from({ length: 200 }, (_, i) => `gamma.fc2 > ${i}`).join(' or '))).toBe('abc');
    expect(passing(`${'('.repeat(50)}seed = 1${')'.repeat(50)}`)).toBe('a');
  });

  it('never fail in another way, whatever is typed', () => {
    const parts = [
      'gamma.fc2',
      'loss',
      '>',
      '=',
      '!=',
      '~',
      '1.1',
      '"mse"',
      'and',
      'or',
      'not',
      '(',
      ')',
      'in',
      ',',
      'has',
      'tag',
      "'",
      '`',
      '\\',
      ';',
      'ß',
      '\0',
      '\u{1F642}',
      '-',
      '2026-11-23',
      'created',
      '%',
      '--',
      '/*',
    ];
    const random = new Random(5, 'filters');
    let understood = 0;
    for (let i = 0; i < 3000; i++) {
      let filter = rows[random.below(rows.length)][0];
      for (let edits = random.below(4); edits >= 0; edits--) {
        const at = random.below(filter.length + 1);
        const removed = random.below(3) === 0 ? random.below(6) : 0;
        filter = filter.slice(0, at) + parts[random.below(parts.length)] + filter.slice(at + removed);
      }
      try {
        passing(filter);
        understood++;
      } catch (error) {
        if (!(error instanceof FilterError)) throw new Error(`filter ${JSON.stringify(filter)}`, { cause: error });
        expect(error.column).toBeGreaterThan(0);
        expect(error.column).toBeLessThanOrEqual(filter.length + 1);
      }
    }
    expect(understood).toBeGreaterThan(100);
    expect(store.listRuns({ archived: 'any' }).total).toBe(5);
  });
});

describe('sort keys and columns', () => {
  const order = (key: string, descending = false) =>
    store
      .listRuns({ archived: 'any', sort: [{ key, descending }] })
      .rows.map((row) => row.name[0])
      .join('');
  it('sort either way, with runs that have no value last', () => {
    expect(order('gamma.fc2')).toBe('eabcd');
    expect(order('gamma.fc2', true)).toBe('cbaed');
    expect(order('gamma.fc2.low')).toMatch(/^abc/);
    expect(order('dataset')).toMatch(/^edc/);
    expect(order('dataset', true).slice(2)).toBe('cde');
    expect(order('loss', true)).toBe('eacbd');
    expect(order('created')).toBe('edcba');
    expect(order('name', true)).toBe('edcba');
    expect(order('tags')).toMatch(/^bda?/);
  });

  it('by several keys', () => {
    const { rows } = store.listRuns({
      archived: 'any',
      sort: [{ key: 'status', descending: true }, { key: 'optimiser.lr' }, { key: 'seed', descending: true }],
    });
    expect(rows.map((row) => row.name[0]).join('')).toBe('dcbae');
  });

  it('are refused when unknown or too many', () => {
    expect(errorOf(() => order('name; DROP TABLE runs'))).toBeInstanceOf(InputError);
    expect(errorOf(() => store.listRuns({ sort: Array.from({ length: 9 }, () => ({ key: 'name' })) }))).toBeInstanceOf(
      InputError,
    );
  });

  it('answer the columns asked for, and no others', () => {
    const { rows } = store.listRuns({ filter: 'name = b', columns: ['gamma.fc2', 'loss', 'nothing', "x'; --"] });
    expect(rows[0].values).toEqual({
      'gamma.fc2': { value: 1.2, text: null, low: 1.15, high: 1.3 },
      loss: { value: 0.01, text: 'cross-entropy', low: null, high: null },
    });
  });
});
