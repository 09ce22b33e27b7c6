/**
 * Scenes as PDF: one page of the exact size, text as text in embedded TrueType subsets (CIDFontType2, never Type 3), formulas likewise, characters of
 * system fonts with PostScript outlines drawn as outlines with their text kept. The recipe travels in the page's PieceInfo, the place that the
 * PDF standard keeps for an application's own data (ISO 32000-1, 14.5), so that no attachment offends a journal's checks.
 */
import { type PDFDict, PDFDocument, PDFHeader, PDFHexString, PDFName, PDFString, type PDFRef } from '@cantoo/pdf-lib';
import { deflateSync } from 'node:zlib';
import type { Fill, Scene, SceneNode, Stroke } from '../../shared/figures/layout/scene.ts';
import {
  compose,
  coordinatesOf,
  short,
  transformPath,
  type Transform,
  type PathData,
} from '../../shared/figures/path.ts';
import { rgbOf } from '../../shared/figures/palettes.ts';
import { isOpaque } from '../../shared/figures/svg.ts';
import type { PlacedGlyph } from '../../shared/figures/text/box.ts';
import type { FigureProvenance } from '../../shared/figures/types.ts';
import { PdfFonts } from './pdfFonts.ts';

export interface PdfOptions {
  readonly title: string;
  readonly description: string;
  readonly provenance: FigureProvenance;
  /** Bytes that "Reopen figure" reads back (see metadata.ts). */
  readonly payload?: Uint8Array | undefined;
}

/** The key of our data in PieceInfo. */
export const pieceName = 'Covature';

/** One page a scene. Throws only if a scene is damaged: what cannot be typeset has failed before. */
export async function writePdf(scenes: readonly Scene[], options: PdfOptions): Promise<Uint8Array> {
  const doc = await PDFDocument.create({ updateMetadata: false });
  // Transparency came with 1.4; LaTeX warns of figures above its own version.
  doc.context.header = PDFHeader.forVersion(1, 4);
  const fonts = new PdfFonts(doc);
  scenes.forEach((scene, k) => {
    const page = doc.addPage([scene.width, scene.height]);
    const content = new PageWriter(doc, fonts, scene);
    page.node.set(PDFName.of('Contents'), doc.context.register(doc.context.flateStream(content.text())));
    page.node.set(PDFName.of('Resources'), content.resources());
    page.node.set(PDFName.of('Group'), doc.context.obj({ Type: 'Group', S: 'Transparency', CS: 'DeviceRGB' }));
    if (k === 0 && options.payload) {
      const stream = doc.context.register(doc.context.flateStream(options.payload));
      page.node.set(PDFName.of('LastModified'), PDFString.of(pdfDate(options.provenance.created)));
      page.node.set(
        PDFName.of('PieceInfo'),
        doc.context.obj({
          [pieceName]: { LastModified: PDFString.of(pdfDate(options.provenance.created)), Private: stream },
        }),
      );
    }
  });
  fonts.embed();
  describe(doc, options);
  return doc.save({ useObjectStreams: false, addDefaultPage: false, updateFieldAppearances: false });
}

/** ISO 8601 to PDF's dates; the epoch if the provenance has none, so that files are the same byte for byte. */
function pdfDate(created: string | undefined): string {
  const date = new Date(created ?? 0);
  return `D:${date.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;
}

function describe(doc: PDFDocument, { title, description, provenance }: PdfOptions): void {
  const info = doc.context.obj({});
  const set = (key: string, text: string): void => info.set(PDFName.of(key), PDFHexString.fromText(text));
  set('Title', title);
  set('Subject', description);
  set('Creator', provenance.software);
  set('Producer', `${provenance.software} (pdf-lib)`);
  set('Keywords', provenanceText(provenance));
  if (provenance.created !== undefined) info.set(PDFName.of('CreationDate'), PDFString.of(pdfDate(provenance.created)));
  doc.context.trailerInfo.Info = doc.context.register(info);
  const xmp = xmpPacket(title, description, provenance);
  const metadata = doc.context.stream(xmp, { Type: 'Metadata', Subtype: 'XML' });
  doc.catalog.set(PDFName.of('Metadata'), doc.context.register(metadata));
  doc.catalog.set(PDFName.of('Lang'), PDFString.of('en'));
  doc.catalog.set(PDFName.of('ViewerPreferences'), doc.context.obj({ DisplayDocTitle: true }));
}

/** The provenance as one line of JSON, for metadata fields. */
export function provenanceText(provenance: FigureProvenance): string {
  return JSON.stringify(provenance);
}

function xmpPacket(title: string, description: string, provenance: FigureProvenance): Uint8Array {
  const escape = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
  return new TextEncoder().encode(
    `<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` +
      `<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:covature="urn:covature:figure">` +
      `<dc:title><rdf:Alt><rdf:li xml:lang="x-default">${escape(title)}</rdf:li></rdf:Alt></dc:title>` +
      `<dc:description><rdf:Alt><rdf:li xml:lang="x-default">${escape(description)}</rdf:li></rdf:Alt></dc:description>` +
      `<xmp:CreatorTool>${escape(provenance.software)}</xmp:CreatorTool><covature:provenance>${escape(provenanceText(provenance))}</covature:provenance>` +
      `</rdf:Description></rdf:RDF></x:xmpmeta>\n<?xpacket end="w"?>`,
  );
}

const n = (value: number): string => short(value, 3);
const letters = ['m', 'l', '', 'c', 'h'];

/** The content stream of one page and what it refers to. */
class PageWriter {
  readonly doc: PDFDocument;
  readonly fonts: PdfFonts;
  readonly scene: Scene;
  private readonly out: string[] = [];
  private readonly states = new Map<string, { name: string; ref: PDFRef }>();
  private readonly objects = new Map<string, { name: string; ref: PDFRef }>();
  private readonly usedFonts = new Map<string, PDFRef>();

  constructor(doc: PDFDocument, fonts: PdfFonts, scene: Scene) {
    this.doc = doc;
    this.fonts = fonts;
    this.scene = scene;
    // Scenes have y downwards from the top; text and images turn it back themselves.
    this.out.push(`1 1 1 rg 0 0 ${n(scene.width)} ${n(scene.height)} re f`);
    this.out.push(`q 1 0 0 -1 0 ${n(scene.height)} cm`);
    for (const node of scene.nodes) this.draw(node);
    this.out.push('Q');
  }

  text(): string {
    return this.out.join('\n');
  }

  resources(): PDFDict {
    const named = (map: Iterable<{ name: string; ref: PDFRef }>): Record<string, PDFRef> =>
      Object.fromEntries([...map].map(({ name, ref }) => [name, ref]));
    return this.doc.context.obj({
      Font: Object.fromEntries(this.usedFonts),
      ExtGState: named(this.states.values()),
      XObject: named(this.objects.values()),
    });
  }

  private draw(node: SceneNode): void {
    switch (node.kind) {
      case 'path':
        this.out.push('q');
        this.paint(node.fill, node.stroke);
        this.out.push(pathText(node.path), operator(node.fill, node.stroke), 'Q');
        return;
      case 'markers': {
        const key = `marker ${pathText(node.shape)} ${operator(node.fill, node.stroke)}`;
        const reach = 1 + Math.max(...node.shape.map(Math.abs)) + (node.stroke?.width ?? 0);
        const object = this.object(key, () =>
          this.doc.context.flateStream(`${pathText(node.shape)} ${operator(node.fill, node.stroke)}`, {
            Type: 'XObject',
            Subtype: 'Form',
            BBox: [-reach, -reach, reach, reach],
          }),
        );
        this.out.push('q');
        this.paint(node.fill, node.stroke);
        // Each marker from the place of the one before, so that one saved state serves them all.
        let [x, y] = [0, 0];
        for (let k = 0; k < node.at.length; k += 2) {
          const px = Math.round(node.at[k] * 100) / 100;
          const py = Math.round(node.at[k + 1] * 100) / 100;
          this.out.push(`1 0 0 1 ${n(px - x)} ${n(py - y)} cm /${object} Do`);
          [x, y] = [px, py];
        }
        this.out.push('Q');
        return;
      }
      case 'text':
        this.textNode(node);
        return;
      case 'image':
        this.image(node);
        return;
      case 'clip':
        this.out.push('q', `${n(node.x)} ${n(node.y)} ${n(node.width)} ${n(node.height)} re W n`);
        for (const child of node.children) this.draw(child);
        this.out.push('Q');
        return;
      case 'group':
        for (const child of node.children) this.draw(child);
        return;
      default:
        node satisfies never;
        throw new Error('unknown node');
    }
  }

  private paint(fill: Fill | undefined, stroke: Stroke | undefined): void {
    if (fill) this.out.push(`${colour(fill.colour)} rg`);
    if (stroke) {
      this.out.push(`${colour(stroke.colour)} RG ${n(stroke.width)} w`);
      if (stroke.dash) this.out.push(`[${stroke.dash.map(n).join(' ')}] 0 d`);
      if (stroke.cap === 'round') this.out.push('1 J 1 j');
      if (stroke.cap === 'square') this.out.push('2 J');
    }
    const ca = fill?.opacity ?? 1;
    const CA = stroke?.opacity ?? 1;
    if (ca !== 1 || CA !== 1) this.out.push(`/${this.state(ca, CA)} gs`);
  }

  private state(fill: number, stroke: number): string {
    const key = `${fill} ${stroke}`;
    let state = this.states.get(key);
    if (!state) {
      state = {
        name: `G${this.states.size + 1}`,
        ref: this.doc.context.register(this.doc.context.obj({ Type: 'ExtGState', ca: fill, CA: stroke })),
      };
      this.states.set(key, state);
    }
    return state.name;
  }

  private object(key: string, make: () => Parameters<PDFDocument['context']['register']>[0]): string {
    let object = this.objects.get(key);
    if (!object) {
      object = { name: `X${this.objects.size + 1}`, ref: this.doc.context.register(make()) };
      this.objects.set(key, object);
    }
    return object.name;
  }

  private image(node: SceneNode & { kind: 'image' }): void {
    const { columns, rows } = node;
    const rgba = node.pixels();
    const rgb = new Uint8Array(columns * rows * 3);
    const alpha = new Uint8Array(columns * rows);
    for (let k = 0; k < columns * rows; k++) {
      rgb[3 * k] = rgba[4 * k];
      rgb[3 * k + 1] = rgba[4 * k + 1];
      rgb[3 * k + 2] = rgba[4 * k + 2];
      alpha[k] = rgba[4 * k + 3];
    }
    const { context } = this.doc;
    const stream = (
      bytes: Uint8Array,
      space: string,
      extra: Record<string, PDFRef>,
    ): ReturnType<typeof context.stream> =>
      context.stream(deflateSync(bytes, { level: 9 }), {
        Type: 'XObject',
        Subtype: 'Image',
        Width: columns,
        Height: rows,
        ColorSpace: space,
        BitsPerComponent: 8,
        Filter: 'FlateDecode',
        ...extra,
      });
    const mask: Record<string, PDFRef> = isOpaque(rgba)
      ? {}
      : { SMask: context.register(stream(alpha, 'DeviceGray', {})) };
    const name = this.object(`image ${this.objects.size}`, () => stream(rgb, 'DeviceRGB', mask));
    this.out.push(`q ${n(node.width)} 0 0 ${n(-node.height)} ${n(node.x)} ${n(node.y + node.height)} cm /${name} Do Q`);
  }

  private textNode({ box, x, y, angle, colour: hex }: SceneNode & { kind: 'text' }): void {
    const radians = (angle * Math.PI) / 180;
    const turn: Transform = [Math.cos(radians), -Math.sin(radians), Math.sin(radians), Math.cos(radians), x, y];
    this.out.push('q', `${colour(hex)} rg`);
    for (const rule of box.rules) {
      this.out.push(`q ${matrixText(turn)} cm ${n(rule.x)} ${n(rule.y)} ${n(rule.width)} ${n(rule.height)} re f Q`);
    }
    for (const run of runs(box.glyphs)) {
      if (run[0].face.isTrueType) this.showRun(run, turn);
      else this.outlineRun(run, turn);
    }
    this.out.push('Q');
  }

  private font(glyph: PlacedGlyph): { name: string; code: string } {
    const { name, ref, code } = this.fonts.use(glyph.face, glyph.glyph, glyph.text);
    this.usedFonts.set(name, ref);
    return { name, code };
  }

  /** Glyphs of one face, size and baseline: one TJ, with the distances that differ from the advances. */
  private showRun(run: readonly PlacedGlyph[], turn: Transform): void {
    const [first] = run;
    const { face, size } = first;
    const parts: string[] = [];
    let expected = first.x;
    for (const glyph of run) {
      const gap = ((expected - glyph.x) / size) * 1000;
      if (Math.abs(gap) > 0.5) parts.push(n(gap));
      parts.push(`<${this.font(glyph).code}>`);
      expected = glyph.x + (face.advance(glyph.glyph) / face.unitsPerEm) * size;
    }
    // Text space has y upwards.
    const placed = compose(turn, [1, 0, 0, -1, first.x, first.y]);
    this.out.push(`BT /${this.font(first).name} ${n(size)} Tf ${matrixText(placed)} Tm [${parts.join('')}] TJ ET`);
  }

  /** Outlines, with the characters kept for copying and searching: an invisible space of the same extent carries them as ActualText. */
  private outlineRun(run: readonly PlacedGlyph[], turn: Transform): void {
    for (const glyph of run) {
      const { face } = glyph;
      const scale = glyph.size / face.unitsPerEm;
      const path = transformPath(face.outline(glyph.glyph), compose(turn, [scale, 0, 0, -scale, glyph.x, glyph.y]));
      if (path.length > 0) this.out.push(pathText(path), 'f');
      const space = this.fonts.space();
      this.usedFonts.set(space.name, space.ref);
      const stretch = ((face.advance(glyph.glyph) * scale) / (space.width * glyph.size)) * 100;
      const placed = compose(turn, [1, 0, 0, -1, glyph.x, glyph.y]);
      const actual = PDFHexString.fromText(glyph.text).toString();
      this.out.push(
        `/Span << /ActualText ${actual} >> BDC q BT 3 Tr ${n(stretch)} Tz /${space.name} ${n(glyph.size)} Tf ${matrixText(placed)} Tm <${space.code}> Tj ET Q EMC`,
      );
    }
  }
}

/** Consecutive glyphs of one face, size and baseline. */
function runs(glyphs: readonly PlacedGlyph[]): PlacedGlyph[][] {
  const out: PlacedGlyph[][] = [];
  for (const glyph of glyphs) {
    const last = out[out.length - 1];
    const [first] = last ?? [];
    if (
      first &&
      first.face === glyph.face &&
      first.size === glyph.size &&
      first.y === glyph.y &&
      glyph.x >= last[last.length - 1].x
    )
      last.push(glyph);
    else out.push([glyph]);
  }
  return out;
}

function colour(hex: string): string {
  return rgbOf(hex.length === 4 ? `#${[...hex.slice(1)].map((digit) => digit + digit).join('')}` : hex)
    .map((value) => short(value / 255, 4))
    .join(' ');
}

function operator(fill: Fill | undefined, stroke: Stroke | undefined): string {
  return fill && stroke ? 'B' : fill ? 'f' : stroke ? 'S' : 'n';
}

function matrixText(matrix: Transform): string {
  return matrix.map((value) => short(value, 5)).join(' ');
}

/** Path operators; quadratic curves become cubic ones. */
function pathText(path: PathData): string {
  const out: string[] = [];
  let x = 0;
  let y = 0;
  for (let k = 0; k < path.length;) {
    const op = path[k++];
    const count = coordinatesOf[op as 0];
    const values = path.slice(k, k + count);
    k += count;
    if (op === 2) {
      const [cx, cy, ex, ey] = values;
      out.push(
        [x + (2 / 3) * (cx - x), y + (2 / 3) * (cy - y), ex + (2 / 3) * (cx - ex), ey + (2 / 3) * (cy - ey), ex, ey]
          .map(n)
          .join(' ') + ' c',
      );
    } else out.push(`${values.map(n).join(' ')}${count > 0 ? ' ' : ''}${letters[op]}`);
    if (count > 0) [x, y] = [values[count - 2], values[count - 1]];
  }
  return out.join(' ');
}
