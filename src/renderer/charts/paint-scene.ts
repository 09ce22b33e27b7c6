/** Draws the nodes of a laid-out figure on a canvas: what SVG and PDF get, for the screen. */
import type { Fill, SceneNode, Stroke } from '../../shared/figures/layout/scene.ts';
import { boundsOf, C, coordinatesOf, L, M, Q, type PathData } from '../../shared/figures/path.ts';

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;
type Markers = SceneNode & { readonly kind: 'markers' };

/** More markers than this are stamped from one picture: outlines of thousands would take a frame and more. */
const mostOutlines = 300;

/** `ratio`: pixels of the screen for one of the context, which is scaled by it. */
export function paintScene(context: Context, nodes: readonly SceneNode[], ratio: number): void {
  for (const node of nodes) paintNode(context, node, ratio);
}

function paintNode(context: Context, node: SceneNode, ratio: number): void {
  switch (node.kind) {
    case 'path':
      context.beginPath();
      trace(context, node.path, 0, 0);
      finishPath(context, node.fill, node.stroke);
      return;
    case 'markers':
      if (node.at.length > 2 * mostOutlines) stamp(context, node, ratio);
      else
        for (let k = 0; k < node.at.length; k += 2) {
          context.beginPath();
          trace(context, node.shape, node.at[k], node.at[k + 1]);
          finishPath(context, node.fill, node.stroke);
        }
      return;
    case 'clip':
      context.save();
      context.beginPath();
      context.rect(node.x, node.y, node.width, node.height);
      context.clip();
      paintScene(context, node.children, ratio);
      context.restore();
      return;
    case 'group':
      paintScene(context, node.children, ratio);
      return;
    case 'image': {
      const picture = new OffscreenCanvas(node.columns, node.rows);
      const image = new ImageData(new Uint8ClampedArray(node.pixels()), node.columns, node.rows);
      picture.getContext('2d')?.putImageData(image, 0, 0);
      context.imageSmoothingEnabled = false;
      context.drawImage(picture, node.x, node.y, node.width, node.height);
      return;
    }
    case 'text':
      throw new Error('texts of charts are set by the window');
    default:
      node satisfies never;
      throw new Error('unknown node');
  }
}

function trace(context: Context, path: PathData, x: number, y: number): void {
  for (let k = 0; k < path.length;) {
    const op = path[k++];
    const at = (n: number): number => path[k + n] + (n % 2 === 0 ? x : y);
    if (op === M) context.moveTo(path[k] + x, path[k + 1] + y);
    else if (op === L) context.lineTo(path[k] + x, path[k + 1] + y);
    else if (op === Q) context.quadraticCurveTo(at(0), at(1), at(2), at(3));
    else if (op === C) context.bezierCurveTo(at(0), at(1), at(2), at(3), at(4), at(5));
    else context.closePath();
    k += coordinatesOf[op as 0];
  }
}

function finishPath(context: Context, fill: Fill | undefined, stroke: Stroke | undefined): void {
  if (fill !== undefined) {
    context.globalAlpha = fill.opacity ?? 1;
    context.fillStyle = fill.colour;
    context.fill();
  }
  if (stroke !== undefined) {
    context.globalAlpha = stroke.opacity ?? 1;
    context.strokeStyle = stroke.colour;
    context.lineWidth = stroke.width;
    context.lineCap = stroke.cap ?? 'butt';
    context.lineJoin = 'round';
    context.setLineDash(stroke.dash === undefined ? [] : [...stroke.dash]);
    context.stroke();
  }
  context.globalAlpha = 1;
}

function stamp(context: Context, { shape, at, fill, stroke }: Markers, ratio: number): void {
  const bounds = boundsOf(shape);
  if (bounds === undefined) return;
  const reach = Math.max(-bounds.left, bounds.right, -bounds.top, bounds.bottom) + (stroke?.width ?? 0) / 2;
  const half = Math.ceil(reach * ratio) + 1;
  const picture = new OffscreenCanvas(2 * half, 2 * half);
  const own = picture.getContext('2d');
  if (own === null) return;
  own.setTransform(ratio, 0, 0, ratio, half, half);
  own.beginPath();
  trace(own, shape, 0, 0);
  finishPath(own, fill, stroke);
  context.save();
  context.resetTransform();
  for (let k = 0; k < at.length; k += 2)
    context.drawImage(picture, Math.round(at[k] * ratio) - half, Math.round(at[k + 1] * ratio) - half);
  context.restore();
}
