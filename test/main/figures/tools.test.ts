/**
 * Exported files before other programs' eyes: poppler (pdffonts, pdfinfo, pdftotext, pdftoppm), librsvg, Chromium, Debian's matplotlib. Each suite runs
 * where its tools are.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exportFigure, writeExport } from '../../../src/main/figures/export.ts';
import { loadFonts } from '../../../src/main/figures/fonts.ts';
import { scatterDiagonals } from '../../../src/shared/figures/figures/scatter.ts';
import { extremes, figures } from '../../shared/figures/catalogue.ts';
import { measurement } from '../../shared/figures/data.ts';
import { describeWhere } from '../../support/skips.ts';

const fonts = loadFonts({ system: false });
const folder = mkdtempSync(join(tmpdir(), 'covature-figure-tools-'));
afterAll(() => rmSync(folder, { recursive: true }));
const fileName = (name: string): string => name.replace(/[^A-Za-z0-9]+/g, '-');
const all = { ...figures, ...extremes };

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 26 });
}

function has(...commands: string[]): true | string {
  for (const command of commands) {
    try {
      run('sh', '-c', `command -v ${command}`);
    } catch {
      return `${command} is not installed`;
    }
  }
  return true;
}

const exportAll = async (format: 'pdf' | 'svg'): Promise<void> => {
  for (const [name, make] of Object.entries(all))
    await writeExport(await exportFigure({ spec: make() }, fileName(name), [format], fonts), folder);
};

/** Rows of RGB or RGBA of a PNG, without alpha. */
function decodePng(png: Buffer): { columns: number; rows: number; rgb: Uint8Array } {
  const columns = png.readUInt32BE(16);
  const rows = png.readUInt32BE(20);
  const bytes = png[25] === 6 ? 4 : 3;
  const parts: Buffer[] = [];
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at))
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT')
      parts.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  const raw = inflateSync(Buffer.concat(parts));
  const stride = columns * bytes;
  const rgb = new Uint8Array(columns * rows * 3);
  let previous = new Uint8Array(stride);
  for (let r = 0; r < rows; r++) {
    const filter = raw[r * (stride + 1)];
    const line = new Uint8Array(raw.subarray(r * (stride + 1) + 1, (r + 1) * (stride + 1)));
    for (let k = 0; k < stride; k++) {
      const a = k >= bytes ? line[k - bytes] : 0;
      const b = previous[k];
      const c = k >= bytes ? previous[k - bytes] : 0;
      const paeth =
        Math.abs(b - c) <= Math.abs(a - c) && Math.abs(b - c) <= Math.abs(a + b - 2 * c)
          ? a
          : Math.abs(a - c) <= Math.abs(a + b - 2 * c)
            ? b
            : c;
      line[k] += [0, a, b, (a + b) >> 1, paeth][filter];
    }
    for (let c = 0; c < columns; c++) for (let k = 0; k < 3; k++) rgb[3 * (r * columns + c) + k] = line[bytes * c + k];
    previous = line;
  }
  return { columns, rows, rgb };
}

/** Mean absolute difference of two images of one size, in grey levels, after averaging blocks of 3 x 3 (the edges of letters differ by a pixel). */
function difference(a: ReturnType<typeof decodePng>, b: ReturnType<typeof decodePng>): { mean: number; worst: number } {
  expect([b.columns, b.rows]).toEqual([a.columns, a.rows]);
  let sum = 0;
  let worst = 0;
  let count = 0;
  for (let y = 0; y + 3 <= a.rows; y += 3)
    for (let x = 0; x + 3 <= a.columns; x += 3) {
      let d = 0;
      for (let j = 0; j < 3; j++)
        for (let i = 0; i < 9; i++)
          d += a.rgb[3 * ((y + j) * a.columns + x) + i] - b.rgb[3 * ((y + j) * a.columns + x) + i];
      d = Math.abs(d) / 27;
      sum += d;
      worst = Math.max(worst, d);
      count++;
    }
  return { mean: sum / count, worst };
}

describeWhere(has('pdffonts', 'pdfinfo', 'pdftotext'), 'PDFs before poppler', () => {
  beforeAll(() => exportAll('pdf'));

  test.each(Object.keys(all))(
    '%s: one page of the exact size, every font an embedded TrueType subset',
    async (name) => {
      const file = join(folder, `${fileName(name)}.pdf`);
      const lines = run('pdffonts', file).trim().split('\n').slice(2);
      expect(lines.length).toBeGreaterThan(0);
      for (const line of lines) expect(line).toMatch(/^[A-Z]{6}\+\S+ +CID TrueType +Identity-H +yes yes yes/);
      const info = run('pdfinfo', file);
      expect(info).toMatch(/Pages: +1\n/);
      const [, width, height] = (/Page size: +([\d.]+) x ([\d.]+) pts/.exec(info) ?? []).map(Number);
      const { width_mm, height_mm } = await exportFigure({ spec: all[name]() }, 'x', [], fonts);
      expect(Math.abs((width / 72) * 25.4 - width_mm)).toBeLessThan(0.1);
      expect(Math.abs((height / 72) * 25.4 - height_mm)).toBeLessThan(0.1);
    },
  );

  test('text can be selected, mathematics too', () => {
    const text = run('pdftotext', join(folder, `${fileName('C against H')}.pdf`), '-');
    expect(text).toMatch(/12 of 2\s?500 directions not\s+drawn: 6 numerically zero/);
    expect(text).toMatch(/γ = 1\.240 \[1\.213, 1\.268\]/);
    expect(text).toMatch(/10−6/);
    expect(run('pdftotext', '-raw', join(folder, `${fileName('Greek and accents')}.pdf`), '-')).toContain(
      'žluťoučký kůň',
    );
  });
});

const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);

describeWhere(chromium ? has('rsvg-convert') : 'no Chromium is installed', 'SVGs before librsvg and Chromium', () => {
  beforeAll(() => exportAll('svg'));

  test('every figure looks alike in both', async () => {
    const { chromium: browserType } = await import('playwright-core');
    const browser = await browserType.launch({
      executablePath: chromium ?? '',
      args: ['--no-sandbox', '--force-color-profile=srgb'],
    });
    try {
      const page = await browser.newPage({ deviceScaleFactor: 2 });
      for (const name of Object.keys(all)) {
        const file = join(folder, `${fileName(name)}.svg`);
        const [, width, height] = (
          /width="([\d.]+)mm" height="([\d.]+)mm"/.exec(readFileSync(file, 'latin1')) ?? []
        ).map(Number);
        // Whole pixels, so that both draw on the same grid: the image is put at that size.
        const w = Math.round((width / 25.4) * 96);
        const h = Math.round((height / 25.4) * 96);
        await page.setViewportSize({ width: w, height: h });
        const data = readFileSync(file).toString('base64');
        await page.setContent(
          `<body style="margin:0"><img style="display:block;width:${w}px;height:${h}px" src="data:image/svg+xml;base64,${data}"></body>`,
        );
        await page.locator('img').evaluate((image) => (image as unknown as { decode(): Promise<void> }).decode());
        const ours = decodePng(await page.screenshot());
        const png = join(folder, 'rsvg.png');
        run('rsvg-convert', '-w', String(2 * w), '-h', String(2 * h), file, '-o', png);
        const { mean, worst } = difference(ours, decodePng(readFileSync(png)));
        // A small part of what would be seen if one of them drew nothing.
        const blank = difference(ours, { ...ours, rgb: new Uint8Array(ours.rgb.length).fill(255) }).mean;
        expect(mean, `${name}: mean difference`).toBeLessThan(Math.min(2, blank / 3));
        expect(worst, `${name}: worst block`).toBeLessThan(110);
      }
    } finally {
      await browser.close();
    }
  });
});

describeWhere(has('rsvg-convert', 'pdftoppm'), 'SVG and PDF of one figure', () => {
  test.each(['C against H', 'mathematics', 'panels, two columns', 'C in the eigenbasis'])(
    '%s looks alike',
    async (name) => {
      await writeExport(
        await exportFigure({ spec: all[name]() }, `both-${fileName(name)}`, ['svg', 'pdf'], fonts),
        folder,
      );
      const base = join(folder, `both-${fileName(name)}`);
      const [columns, rows] = [800, 700];
      run(
        'pdftoppm',
        '-scale-to-x',
        `${columns}`,
        '-scale-to-y',
        `${rows}`,
        '-png',
        '-singlefile',
        `${base}.pdf`,
        `${base}-pdf`,
      );
      run('rsvg-convert', '-w', `${columns}`, '-h', `${rows}`, `${base}.svg`, '-o', `${base}-svg.png`);
      const pdf = decodePng(readFileSync(`${base}-pdf.png`));
      const svg = decodePng(readFileSync(`${base}-svg.png`));
      expect(difference(pdf, svg).mean).toBeLessThan(2);
      expect(difference(pdf, { ...pdf, rgb: new Uint8Array(pdf.rgb.length).fill(255) }).mean).toBeGreaterThan(5);
    },
  );
});

describe('Chinese characters, by a font of the machine', () => {
  test('are drawn, embedded or outlined, and kept as text', async () => {
    const spec = scatterDiagonals(measurement({ d: 50 }), { x: { label: '曲率 $H_{ii}$' } });
    // A development package that stands for the machine's own.
    const machine = fileURLToPath(new URL('../../../node_modules/@expo-google-fonts/kosugi', import.meta.url));
    const exported = await exportFigure({ spec }, 'cjk', ['svg', 'pdf'], loadFonts({ systemFolders: [machine] }));
    await writeExport(exported, folder);
    expect(exported.warnings).toEqual([]);
    expect(readFileSync(join(folder, 'cjk.svg'), 'utf8')).toContain('aria-label="曲率 H_(ii)"');
    if (has('pdftotext') === true) {
      const text = run('pdftotext', join(folder, 'cjk.pdf'), '-');
      expect(text).toContain('曲率');
      for (const line of run('pdffonts', join(folder, 'cjk.pdf')).trim().split('\n').slice(2))
        expect(line).toMatch(/CID TrueType .* yes yes yes/);
    }
  });
});
