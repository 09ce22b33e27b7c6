import * as fs from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { CsvOptions } from '../../../src/data/formats/csv-layout.ts';
import { parseCsv } from '../../../src/data/formats/csv.ts';
import { resolveDataset } from '../../../src/data/resolve.ts';
import { parseDataset } from '../../../src/shared/dataset.ts';
import { InputError } from '../../../src/shared/errors.ts';
import { range, temporaryFolder } from '../support.ts';

const folder = temporaryFolder();
const parse = (text: string | Buffer, options?: CsvOptions) => parseCsv(Buffer.from(text as string), 't.csv', options);

describe('tables', () => {
  it('with a header, class names, and the last column as the target', () => {
    const set = parse('a,b,kind\n1,2,cat\n-3.5,1e3,dog\n.5,+4.,cat\n');
    expect(set.classes).toEqual(['cat', 'dog']);
    expect(set.train.inputs).toEqual(Float64Array.of(1, 2, -3.5, 1000, 0.5, 4));
    expect(set.train.targets).toEqual({ kind: 'classes', values: Int32Array.of(0, 1, 0) });
    expect([set.name, set.shape]).toEqual(['t', [2]]);
  });

  const same: [string, string, CsvOptions?][] = [
    ['without a header', '1,2,7\n3,4,8'],
    ['with line ends of Windows and a byte order mark', '\ufeffu,v,w\r\n1,2,7\r\n3,4,8\r\n'],
    ['with old line ends and empty lines', 'u,v,w\r\r1,2,7\r   \r3,4,8'],
    ['with quotes everywhere', '"x","y, or ""why""","z"\n"1","2","7"\n"3","4","8"'],
    ['with a line end in a quoted heading', '"u\nis","v",w\n1,2,7\n3,4,8'],
    ['with semicolons', 'u;v;w\n1;2;7\n3;4;8'],
    ['with tabs and spaces around fields', 'u\tv\tw\n 1 \t2\t 7\n3\t4\t8'],
    ['with another mark', '1|2|7\n3|4|8', { delimiter: '|' }],
    ['with the target in front by number', '7,1,2\n8,3,4', { target: 0 }],
    ['with the target in the middle by name', 'x,z,y\n1,7,2\n3,8,4', { target: 'z' }],
    ['with a header of numbers that is said to be one', '0,1,2\n1,2,7\n3,4,8', { header: true }],
  ];
  it.each(same)('%s', (_, text, options) => {
    const set = parse(text, options);
    expect(set.train.inputs).toEqual(Float64Array.of(1, 2, 3, 4));
    expect(set.train.targets.values).toEqual(Int32Array.of(0, 1));
    expect(set.classes).toEqual(['7', '8']);
  });

  const shapes: [string, string, CsvOptions?][] = [
    ['blanks, as tables of the UCI archive have them', '  1.5   -2   3  a\n -4    5.25 6  b\n'],
    ['blanks of any number, tabs among them', '1.5 -2\t3 a\n-4  5.25   6 b'],
    ['pipes', 'u|v|w|k\n1.5|-2|3|a\n-4|5.25|6|b'],
    ['a mark at the end of every line', 'u,v,w,k,\n1.5,-2,3,a,\n-4,5.25,6,b,\n'],
    ['a mark at the end of every line but that of names', 'u;v;w;k\n1.5;-2;3;a;\n-4;5.25;6;b;\n'],
    ['semicolons and decimal commas', 'u;v;w;k\n1,5;-2;3;a\n-4;5,25;6;b'],
    ['tabs and decimal commas', '1,5\t-2\t3\ta\n-4\t5,25\t6\tb'],
    ['remarks above', '# made by a program\n#, of commas\nu,v,w,k\n1.5,-2,3,a\n-4,5.25,6,b'],
    ['the label in front, by its name', 'Label,u,v,w\na,1.5,-2,3\nb,-4,5.25,6'],
    ['the class in the middle, by its name', 'u,v,class,w\n1.5,-2,a,3\n-4,5.25,b,6'],
    ['y before other columns', 'u,y,v,w\n1.5,a,-2,3\n-4,b,5.25,6'],
    ['a column to be left out', 'u,id,v,w,k\n1.5,x7,-2,3,a\n-4,x8,5.25,6,b', { ignore: ['id'] }],
  ];
  it.each(shapes)('of %s', (_, text, options) => {
    const set = parse(text, options);
    expect(set.train.inputs).toEqual(Float64Array.of(1.5, -2, 3, -4, 5.25, 6));
    expect(set.train.targets).toEqual({ kind: 'classes', values: Int32Array.of(0, 1) });
    expect(set.classes).toEqual(['a', 'b']);
  });

  const told: [string, string, RegExp[], CsvOptions?][] = [
    ['a target taken by its name', 'label,u\n0,1\n1,2', [/^target: column 0 \("label"\), by its name$/]],
    ['a target that is the last and called so: nothing', 'u,label\n1,0\n2,1', []],
    [
      'a target taken for being the last',
      'u,kind\n1,0\n2,1',
      [/^target: column 1 \("kind"\), the last; no column is called/],
    ],
    ['a target that was said: nothing', '1,0\n2,1', [], { target: 1 }],
    [
      'a first column that may be the labels, as in tables of MNIST',
      range(20)
        .map((i) => `${i % 4},${(i * 37) % 256},${i % 3 === 0 ? 0 : 9.5},0`)
        .join('\n'),
      [/^target: column 3, the last/, /^column 0: holds the whole numbers 0 to 3 and may be the labels: "target": 0/],
    ],
    ['decimal commas', 'u;y\n1,5;0\n2;1', [/^numbers: with decimal commas$/]],
    ['marks at the ends of lines', 'u,y,\n1,0,\n2,1,', [/^lines: each ends with a mark/]],
    [
      'an index with names, left out',
      ',u,v,y\n0,5,1,0\n1,6,1,1\n2,7,1,0',
      [/^column 0: has no name and counts 0, 1, 2, ...: .* left out/],
    ],
    [
      'an index without names, taken',
      '0,5,1.5,0\n1,6,1.5,1\n2,7,1.5,0',
      [/^column 0: counts 0, 1, 2, .*"ignore": \[0\]/, /^target: column 3, the last/],
    ],
  ];
  it.each(told)('tell of %s', (_, text, notes, options) => {
    const set = parse(text, options);
    expect(set.notes!.length).toBe(notes.length);
    notes.forEach((pattern, k) => expect(set.notes![k]).toMatch(pattern));
  });

  it('leave an unnamed index out of the inputs, and keep it where it is asked for', () => {
    const text = ',u,v,y\n0,5,1,0\n1,6,1,1\n2,7,1,0';
    expect([...parse(text).train.inputs]).toEqual([5, 1, 6, 1, 7, 1]);
    expect([...parse(text, { ignore: [] }).train.inputs]).toEqual([0, 5, 1, 1, 6, 1, 2, 7, 1]);
  });

  it('take a target with decimals, and one of many whole numbers, as numbers', () => {
    expect(parse('u,y\n1,0.5\n2,-1\n').train.targets).toEqual({
      kind: 'vectors',
      width: 1,
      values: Float64Array.of(0.5, -1),
    });
    const many = parse(
      range(150)
        .map((i) => `1,${i}`)
        .join('\n'),
    );
    expect(many.train.targets).toEqual({ kind: 'vectors', width: 1, values: Float64Array.from(range(150)) });
    expect(many.classes).toBeNull();
  });

  it('number classes that are numbers in their order', () => {
    const set = parse('1,10\n1,9\n1,-1\n1,9\n');
    expect(set.classes).toEqual(['-1', '9', '10']);
    expect([...set.train.targets.values]).toEqual([2, 1, 0, 1]);
  });

  it('give regression targets in the order they are asked for', () => {
    const set = parse('u,x,v\n1,2,3\n4,5,6', { task: 'regression', target: ['v', 'u'] });
    expect(set.train.targets).toEqual({ kind: 'vectors', width: 2, values: Float64Array.of(3, 1, 6, 4) });
    expect([...set.train.inputs]).toEqual([2, 5]);
    expect(set.classes).toBeNull();
  });

  it('share classes with a second table, and take a shape', async () => {
    await fs.writeFile(folder.at('a.csv'), '1,2,b\n3,4,c\n');
    await fs.writeFile(folder.at('b.csv'), '5,6,a\n');
    const spec = parseDataset({ source: 'csv', path: 'a.csv', test_path: 'b.csv', shape: [2, 1] });
    const set = await resolveDataset(spec, { baseFolder: folder.at() });
    expect([set.classes, set.shape]).toEqual([
      ['a', 'b', 'c'],
      [2, 1],
    ]);
    expect([...set.train.targets.values, ...set.test!.targets.values]).toEqual([1, 2, 0]);
  });

  const bad: [string, string | Buffer, RegExp, CsvOptions?][] = [
    ['nothing', '', /expected lines of data, found none/],
    ['blank lines', '\n \n', /expected lines of data, found none/],
    ['a header alone', 'a,b\n', /expected lines of data below the header/],
    ['a word for a number', 'a,b,c\n1,2,x\n1,two,y', /line 3, column 1 \("b"\): expected a finite number, found "two"/],
    ['a missing value', '1,2,x\n1,,y', /line 2, column 1: expected a finite number, found nothing/],
    ['NaN', '1,2,x\n1,NaN,y', /line 2, column 1: .* found "NaN"/],
    ['a number too large', '1,2,x\n1,1e999,y', /line 2, column 1: .* found "1e999"/],
    ['hexadecimal', '1,2,x\n1,0x10,y', /found "0x10"/],
    ['a missing class', '1,2,x\n1,2,', /line 2, column 2: expected the name of a class/],
    ['a short line', 'a,b,c\n\n1,2,x\n1,2', /line 4: expected 3 fields as in the first line, found 2/],
    ['a long line', '1,2,x\n1,2,3,x', /line 2: expected 3 fields .* found 4/],
    ['a quote that stays open', '1,2,x\n1,"2,y\n', /line 2: a quote is opened and never closed/],
    ['text after a quote', '1,2,x\n1,"2"3,y', /line 2, column 1: expected "," after a closing quote, found "3"/],
    ['invalid UTF-8', Buffer.of(0x31, 0x2c, 0xff, 0x0a), /expected text in UTF-8/],
    ['UTF-16', Buffer.from('\ufeffa,b\n1,2', 'utf16le'), /this is text in UTF-16.*save it as CSV in UTF-8/],
    ['one column', '1\n2\n', /expected columns of inputs beside the target/],
    ['a column that is not there', 'a,b\n1,2', /there is no column "c"; found: a, b/, { target: 'c' }],
    ['a column number out of range', 'a,b\n1,2', /expected a column from 0 to 1, found 2/, { target: 2 }],
    ['a name without a header', '1,2\n1,2', /the first line does not name the columns/, { target: 'a' }],
    ['a name that two columns have', 'a,a,b\n1,2,3', /two columns are named "a"/, { target: 'a' }],
    ['a column twice', 'a,b\n1,2', /a column is given twice/, { target: ['a', 'a'], task: 'regression' }],
    [
      'two class columns',
      'a,b,c\n1,2,3',
      /one target column for classes, found 2/,
      { target: ['a', 'b'], task: 'classes' },
    ],
    ['a shape that does not fit', '1,2,x\n1,2,y', /2 input columns cannot take the shape \[3\]/, { shape: [3] }],
    [
      'numbers taken for classes',
      range(200)
        .map((i) => `1,${i / 7}`)
        .join('\n'),
      /200 different values in 200 lines, too many for classes.*regression/,
      { task: 'classes' },
    ],
    [
      'words taken for classes',
      range(200)
        .map((i) => `1,name ${i}`)
        .join('\n'),
      /200 different values in 200 lines, too many for classes/,
    ],
    [
      'two columns called as a target',
      'label,a,y\n0,1,2',
      /column 0 \("label"\) and column 2 \("y"\).*"target": "label"/,
    ],
    [
      'a word among numbers',
      'age,colour,k\n1,red,0\n3,blue,1',
      /found "red"; a column of words becomes .*\(one-hot\).*"ignore"/,
    ],
    ['a missing value by name', '1,2,x\n1,NA,y', /found "NA"; there must be no missing values/],
    ['true and false', 'a,b,k\nTrue,2,0', /found "True"; write 1 and 0/],
    ['decimal commas among points', 'a;b;k\n1.5;2;0\n1,5;2;0', /found "1,5"; for decimal commas write "decimal": ","/],
    [
      'blanks where commas were said',
      '1 2 0\n3 4 1',
      /found 1 column in all; fields are separated by ","/,
      { delimiter: ',' },
    ],
    ['a target that is ignored', 'a,b\n1,2', /column 1 is a target and to be ignored/, { ignore: ['b'] }],
  ];
  it.each(bad)('refuse %s', (_, text, message, options) => {
    expect(() => parse(text, options)).toThrow(message);
    expect(() => parse(text, options)).toThrow(InputError);
    expect(() => parse(text, options)).toThrow(/^t\.csv: /);
  });

  it('refuse a second table of another width', () => {
    const act = () => parseCsv(Buffer.from('1,2,x\n'), 'a.csv', { testPath: 'b.csv' }, Buffer.from('1,x\n'));
    expect(act).toThrow(/b\.csv: expected 2 input and 1 target columns as in a\.csv, found 1 and 1/);
  });
});
