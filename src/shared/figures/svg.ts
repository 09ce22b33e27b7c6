/**
 * Scenes as SVG files: self-contained, white background, size in millimetres, text as outlines shared through <use> (so that every viewer draws the
 * same, with or without the fonts) and kept as words in aria-label. Pure text: the preview on screen is the exported file.
 */
import { base64 } from '../base64.ts';
import { layoutFigure } from './layout/layout.ts';
import type { FontLibrary } from './fonts/library.ts';
import type { Fill, Scene, SceneNode, Stroke } from './layout/scene.ts';
import { short, toSvg, type PathData } from './path.ts';
import { encodePng } from './png.ts';
import type { FontFace } from './fonts/truetype.ts';
import type { FigureSpec } from './types.ts';

export interface SvgOptions {
  /** Text put into <metadata> (see metadata.ts): what "Reopen figure" reads. */
  readonly metadata?: string;
  /** False leaves the page transparent; true by default. */
  readonly background?: boolean;
}

/** Lays out and draws a figure. Raises `InputError` for labels that cannot be set and figures too small for their contents. */
export function renderSvg(spec: FigureSpec, fonts: FontLibrary, options: SvgOptions = {}): string {
  return sceneToSvg(layoutFigure(spec, fonts), spec, options);
}

export function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}

interface Definitions {
  /** Lines of <defs> by id. */
  readonly items: Map<string, string>;
}

export function sceneToSvg(
  scene: Scene,
  about: { readonly title: string; readonly description: string },
  options: SvgOptions = {},
): string {
  const definitions: Definitions = { items: new Map() };
  const body = scene.nodes.map((node) => draw(node, definitions)).join('\n');
  const background =
    options.background === false
      ? ''
      : `<rect width="${short(scene.width)}" height="${short(scene.height)}" fill="#fff"/>\n`;
  const defs = definitions.items.size > 0 ? `<defs>\n${[...definitions.items.values()].join('\n')}\n</defs>\n` : '';
  const metadata = options.metadata === undefined ? '' : `<metadata>${options.metadata}</metadata>\n`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" version="1.1" width="${short(scene.width_mm, 4)}mm" height="${short(scene.height_mm, 4)}mm" ` +
    `viewBox="0 0 ${short(scene.width, 4)} ${short(scene.height, 4)}" role="img">\n` +
    `<title>${escapeXml(about.title)}</title>\n<desc>${escapeXml(about.description)}</desc>\n${metadata}${defs}${background}${body}\n</svg>\n`
  );
}

function fillOf(fill: Fill | undefined): string {
  if (!fill) return ' fill="none"';
  return ` fill="${fill.colour}"${fill.opacity === undefined ? '' : ` fill-opacity="${short(fill.opacity)}"`}`;
}

function strokeOf(stroke: Stroke | undefined): string {
  if (!stroke) return '';
  return (
    ` stroke="${stroke.colour}" stroke-width="${short(stroke.width)}"` +
    (stroke.dash ? ` stroke-dasharray="${stroke.dash.map((length) => short(length)).join(' ')}"` : '') +
    (stroke.cap && stroke.cap !== 'butt' ? ` stroke-linecap="${stroke.cap}"` : '') +
    (stroke.cap === 'round' ? ' stroke-linejoin="round"' : '') +
    (stroke.opacity === undefined ? '' : ` stroke-opacity="${short(stroke.opacity)}"`)
  );
}

/** Identifiers say what they hold: equal ones in two figures on one HTML page are equal things. */
function define(definitions: Definitions, prefix: string, content: (id: string) => string, key: string): string {
  const id = `${prefix}-${hash(key)}`;
  if (!definitions.items.has(id)) definitions.items.set(id, content(id));
  return id;
}

/** FNV-1a, 32 bits twice over (forwards with two bases), in base 36. */
export function hash(text: string): string {
  let a = 0x811c9dc5;
  let b = 0x9dc5811c;
  for (let k = 0; k < text.length; k++) {
    const code = text.charCodeAt(k);
    a = Math.imul(a ^ code, 0x01000193) >>> 0;
    b = Math.imul(b ^ (code + k), 0x01000193) >>> 0;
  }
  return a.toString(36) + b.toString(36);
}

function draw(node: SceneNode, definitions: Definitions): string {
  switch (node.kind) {
    case 'path':
      return `<path d="${toSvg(node.path)}"${fillOf(node.fill)}${strokeOf(node.stroke)}/>`;
    case 'markers': {
      const shape = toSvg(node.shape);
      const id = define(definitions, 'm', (name) => `<path id="${name}" d="${shape}"/>`, shape);
      const uses: string[] = [];
      for (let k = 0; k < node.at.length; k += 2)
        uses.push(`<use xlink:href="#${id}" x="${short(node.at[k], 2)}" y="${short(node.at[k + 1], 2)}"/>`);
      return `<g${fillOf(node.fill)}${strokeOf(node.stroke)}>${uses.join('')}</g>`;
    }
    case 'text':
      return text(node, definitions);
    case 'image': {
      const rgba = node.pixels();
      const png = encodePng(node.columns, node.rows, rgba, { opaque: isOpaque(rgba), palette: true });
      return (
        `<image x="${short(node.x)}" y="${short(node.y)}" width="${short(node.width)}" height="${short(node.height)}" preserveAspectRatio="none" ` +
        `xlink:href="data:image/png;base64,${base64(png)}"><title>${escapeXml(node.description)}</title></image>`
      );
    }
    case 'clip': {
      const area = `<rect x="${short(node.x)}" y="${short(node.y)}" width="${short(node.width)}" height="${short(node.height)}"/>`;
      const id = define(definitions, 'c', (name) => `<clipPath id="${name}">${area}</clipPath>`, area);
      return `<g clip-path="url(#${id})">${node.children.map((child) => draw(child, definitions)).join('')}</g>`;
    }
    case 'group':
      return `<g data-name="${escapeXml(node.name)}">\n${node.children.map((child) => draw(child, definitions)).join('\n')}\n</g>`;
    default:
      node satisfies never;
      throw new Error('unknown node');
  }
}

export function isOpaque(rgba: Uint8Array): boolean {
  for (let k = 3; k < rgba.length; k += 4) if (rgba[k] !== 255) return false;
  return true;
}

function text(node: SceneNode & { kind: 'text' }, definitions: Definitions): string {
  const parts: string[] = [];
  for (const { face, glyph, size, x, y } of node.box.glyphs) {
    const path = face.outline(glyph);
    if (path.length === 0) continue;
    const id = glyphId(face, glyph, path, definitions);
    const scale = short(size / face.unitsPerEm, 6);
    parts.push(`<use xlink:href="#${id}" transform="matrix(${scale} 0 0 -${scale} ${short(x)} ${short(y)})"/>`);
  }
  for (const rule of node.box.rules)
    parts.push(
      `<rect x="${short(rule.x)}" y="${short(rule.y)}" width="${short(rule.width)}" height="${short(rule.height)}"/>`,
    );
  const turn = node.angle === 0 ? '' : ` rotate(${short(-node.angle)})`;
  return `<g role="img" aria-label="${escapeXml(node.box.text)}" fill="${node.colour}" transform="translate(${short(node.x)} ${short(node.y)})${turn}">${parts.join('')}</g>`;
}

function glyphId(face: FontFace, glyph: number, path: PathData, definitions: Definitions): string {
  const outline = toSvg(path, 1);
  return define(definitions, 'g', (name) => `<path id="${name}" d="${outline}"/>`, `${face.name}:${glyph}:${outline}`);
}
