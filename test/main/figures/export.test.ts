/** What is written to files: read back by this program where that shows something, by independent means elsewhere (tools.test.ts). */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { PDFDocument } from '@cantoo/pdf-lib';
import { afterAll, describe, expect, test } from 'vitest';
import { exportFigure, writeExport, type ExportedFigure } from '../../../src/main/figures/export.ts';
import { figureFormats } from '../../../src/shared/contract/methods/figures.ts';
import { loadFonts } from '../../../src/main/figures/fonts.ts';
import { reopenFigure } from '../../../src/main/figures/reopen.ts';
import { lzw } from '../../../src/main/figures/tiff.ts';
import { InputError } from '../../../src/shared/errors.ts';
import { scatterDiagonals } from '../../../src/shared/figures/figures/scatter.ts';
import { parseRecipe, type FigureRecipe } from '../../../src/shared/figures/recipe.ts';
import { extremes, figures } from '../../shared/figures/catalogue.ts';
import { measurement } from '../../shared/figures/data.ts';

const fonts = loadFonts({ system: false });
const folder = mkdtempSync(join(tmpdir(), 'covature-figures-'));
afterAll(() => rmSync(folder, { recursive: true }));

const contentOf = (exported: ExportedFigure, format: string): Uint8Array => {
  const found = exported.files.find((file) => file.format === format);
  if (!found) throw new Error(`no ${format} was exported`);
  return found.content;
};
const textOf = (exported: ExportedFigure, format: string): string =>
  new TextDecoder().decode(contentOf(exported, format));

const recipe: FigureRecipe = parseRecipe({
  format: 'covature-figure-recipe',
  version: 1,
  name: 'C against H',
  figure: 'C_H',
  sources: [{ run: 'r1', parameter: 'fc2.kernel' }],
  options: { cutoff: 1e-4 },
});
const provenance = {
  software: 'Covature 0.1.0',
  runs: [{ id: 'r1', name: 'mnist ä' }],
  data: { mnist: 'sha256:00ff' },
  fit: {},
};

describe('one figure in every format', async () => {
  const measured = measurement({ d: 300, negative: 3 });
  const spec = scatterDiagonals(measured, { cutoff: 1e-4, provenance });
  const exported = await exportFigure({ spec, recipe, measurements: [measured] }, 'figure', figureFormats, fonts, {
    dpi: 150,
  });

  test('is written whole, under its name', async () => {
    const paths = await writeExport(exported, folder);
    expect(readdirSync(folder).sort()).toEqual(figureFormats.map((format) => `figure.${format}`).sort());
    for (const path of paths) expect(readFileSync(path).length).toBeGreaterThan(100);
  });

  test.each(['svg', 'pdf', 'png'])('%s is reopened with its data and its recipe', async (format) => {
    const document = await reopenFigure(contentOf(exported, format));
    expect(document.spec).toEqual(spec);
    expect(document.recipe).toEqual(recipe);
  });

  test('the CSV holds the numbers of the measurement, no more and no fewer than are drawn', () => {
    const rows = textOf(exported, 'csv')
      .trim()
      .split('\n')
      .map((line) => line.split(','));
    expect(rows[0]).toEqual(['panel', 'mark', 'series', 'x', 'y', 'x_low', 'x_high', 'y_low', 'y_high', 'value']);
    const points = rows.filter((row) => row[1] === 'points').map((row) => `${Number(row[3])} ${Number(row[4])}`);
    const data = measurement({ d: 300, negative: 3 }).arrays;
    const expected = Array.from({ length: 297 }, (_, i) => `${data.eigenvalues?.[i]} ${data.C_diagonal?.[i]}`);
    expect(points.sort()).toEqual(expected.sort());
  });

  test('the PDF has one page of the size that was asked for', async () => {
    const document = await PDFDocument.load(contentOf(exported, 'pdf'), { updateMetadata: false });
    expect(document.getPageCount()).toBe(1);
    const { width, height } = document.getPage(0).getSize();
    expect((width / 72) * 25.4).toBeCloseTo(82.55, 2);
    expect((height / 72) * 25.4).toBeCloseTo(exported.height_mm, 2);
    expect(document.getTitle()).toBe(spec.title);
    expect(JSON.parse(document.getKeywords() ?? '')).toEqual(spec.provenance);
    expect(Buffer.from(contentOf(exported, 'pdf')).toString('latin1')).not.toMatch(/\/Type3\b/);
  });

  test('PNG and TIFF have the pixels that the resolution asks for, and say so', () => {
    const png = Buffer.from(contentOf(exported, 'png'));
    const columns = Math.round((82.55 / 25.4) * 150);
    const rows = Math.round((exported.height_mm / 25.4) * 150);
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([columns, rows]);
    const at = png.indexOf('pHYs');
    expect(png.readUInt32BE(at + 4)).toBe(Math.round(150 / 0.0254));
    const idat = png.indexOf('IDAT');
    expect(inflateSync(png.subarray(idat + 4, idat + 4 + png.readUInt32BE(idat - 4)))).toHaveLength(
      rows * (3 * columns + 1),
    );
    const tiff = Buffer.from(contentOf(exported, 'tiff'));
    expect(tiff.subarray(0, 4)).toEqual(Buffer.from([0x49, 0x49, 42, 0]));
    expect(tiff.indexOf('mnist \\u00e4')).toBeGreaterThan(0);
  });

  test('the same input gives the same bytes', async () => {
    const again = await exportFigure({ spec, recipe }, 'figure', ['svg', 'pdf', 'csv', 'py'], fonts);
    for (const format of ['svg', 'pdf', 'csv', 'py'])
      expect(Buffer.from(contentOf(again, format)).equals(Buffer.from(contentOf(exported, format)))).toBe(true);
  });

  test('without data the files are plain, and cannot be reopened', async () => {
    const plain = await exportFigure({ spec }, 'figure', ['svg', 'pdf', 'png'], fonts, { dpi: 72, reopenable: false });
    for (const { content } of plain.files) await expect(reopenFigure(content)).rejects.toThrow(/no figure to reopen/);
    expect(textOf(plain, 'svg')).toContain('mnist');
  });
});

describe('large scatters', () => {
  const spec = extremes['50 000 points, rasterised']();
  test('stay small under vector axes, and carry their numbers to five digits', async () => {
    const exported = await exportFigure({ spec, recipe }, 'large', ['svg', 'pdf'], fonts);
    for (const { content, format } of exported.files) {
      // SVG holds the packed numbers as base64.
      expect(content.length).toBeLessThan(format === 'svg' ? 700_000 : 550_000);
      const document = await reopenFigure(content);
      expect(document.recipe).toEqual(recipe);
      expect(document.spec?.provenance.fit['numbers']).toMatch(/rounded to 5 digits/);
    }
  });
});

describe('refusals', () => {
  const spec = figures['C against Q']();
  test.each([
    ['a/b', /cannot be a file name/],
    ['', /cannot be a file name/],
  ])('the name "%s"', async (name, message) => {
    await expect(exportFigure({ spec }, name, ['csv'], fonts)).rejects.toThrow(message);
  });

  test('a resolution out of range', async () => {
    await expect(exportFigure({ spec }, 'x', ['png'], fonts, { dpi: 5 })).rejects.toThrow(/from 30 to 2400 dpi/);
    await expect(exportFigure({ spec }, 'x', ['tiff'], fonts, { dpi: NaN })).rejects.toThrow(InputError);
  });

  test('a character that no font has, by name', async () => {
    const cjk = scatterDiagonals(measurement(), { x: { label: '曲率' } });
    await expect(exportFigure({ spec: cjk }, 'x', ['pdf'], fonts)).rejects.toThrow('"曲" (U+66F2)');
  });

  test('a figure too small for its contents', async () => {
    const small = scatterDiagonals(measurement(), { width_mm: 8, height_mm: 8 });
    await expect(exportFigure({ spec: small }, 'x', ['pdf'], fonts)).rejects.toThrow(/leaves no room/);
  });

  test.each([
    ['a text file', new TextEncoder().encode('hello')],
    ['a foreign SVG', new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    ['a damaged PDF', new TextEncoder().encode('%PDF-1.4 nothing else')],
    [
      'a tampered SVG',
      new TextEncoder().encode(
        '<svg><metadata><covature:figure xmlns:covature="urn:covature:figure">AAAA</covature:figure></metadata></svg>',
      ),
    ],
  ])('reopening %s', async (_, bytes) => {
    await expect(reopenFigure(bytes)).rejects.toThrow(InputError);
  });

  test.each([
    [{ figure: 'unknown' }, /recipe\.figure/],
    [{ options: { cutof: 1 } }, /recipe\.options\.cutof: unknown field/],
    [{ options: { cutoff: 2 } }, /from 0 to 1/],
  ])('recipes with %j', (change, message) => {
    expect(() => parseRecipe({ ...recipe, ...change })).toThrow(message);
  });
});

describe('LZW', () => {
  /** A decoder by the specification's pseudo-code (TIFF 6.0, section 13). */
  function decode(bytes: Uint8Array): number[] {
    const out: number[] = [];
    let table: number[][] = [];
    let width = 9;
    let bit = 0;
    const reset = (): void => {
      table = Array.from({ length: 258 }, (_, k) => (k < 256 ? [k] : []));
      width = 9;
    };
    const next = (): number => {
      let code = 0;
      for (let k = 0; k < width; k++, bit++) code = code * 2 + ((bytes[bit >> 3] >> (7 - (bit & 7))) & 1);
      return code;
    };
    reset();
    let old = -1;
    for (let code = next(); code !== 257; code = next()) {
      if (code === 256) {
        reset();
        old = -1;
        continue;
      }
      if (old < 0) out.push(...table[code]);
      else {
        const entry = code < table.length ? table[code] : [...table[old], table[old][0]];
        out.push(...entry);
        table.push([...table[old], entry[0]]);
        if (table.length === 511 || table.length === 1023 || table.length === 2047) width++;
      }
      old = code;
    }
    return out;
  }

  test.each([0, 1, 2, 300, 5000, 40_000])('%i bytes come back', (length) => {
    const data = Uint8Array.from({ length }, (_, k) => (k % 7 === 0 ? (k * k) % 251 : k % 3));
    expect(decode(lzw(data))).toEqual([...data]);
  });
});
