/** Draws the nodes of a laid-out figure on a canvas: the screen's counterpart of SVG and PDF. */
import type { Fill, SceneNode, Stroke } from '../../shared/figures/layout/scene.ts';
import { boundsOf, C, coordinatesOf, L, M, Q, type PathData } from '../../shared/figures/path.ts';

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;
type Markers = SceneNode & { readonly kind: 'markers' };

/** More markers than this are composited by hand: outlines of thousands would take a frame and more. */
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

/**
 * Markers of one look, composited over each other by hand: of one colour, they change the opacity alone, and adding that up in an array takes a tenth of the time that a
 * canvas takes for thousands of pictures. Middles stand on whole pixels of the screen.
 */
function stamp(context: Context, { shape, at, fill, stroke }: Markers, ratio: number): void {
  const bounds = boundsOf(shape);
  if (bounds === undefined) return;
  const reach = Math.max(-bounds.left, bounds.right, -bounds.top, bounds.bottom) + (stroke?.width ?? 0) / 2;
  const half = Math.ceil(reach * ratio) + 1;
  const side = 2 * half;
  const sample = new OffscreenCanvas(side, side).getContext('2d', { willReadFrequently: true });
  if (sample === null) return;
  sample.setTransform(ratio, 0, 0, ratio, half, half);
  sample.beginPath();
  trace(sample, shape, 0, 0);
  finishPath(sample, fill && { colour: fill.colour }, stroke && { ...stroke, opacity: 1 });
  const picture = sample.getImageData(0, 0, side, side).data;
  const opacity = (fill ?? stroke)?.opacity ?? 1;
  let densest = 0;
  const transmitted = Float32Array.from({ length: side * side }, (_, k) => {
    if (picture[4 * k + 3] > picture[densest + 3]) densest = 4 * k;
    return 1 - (opacity * picture[4 * k + 3]) / 255;
  });
  const pixels = Int32Array.from(at, (value) => Math.round(value * ratio) - half);
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let k = 0; k < pixels.length; k += 2) {
    left = Math.min(left, pixels[k]);
    right = Math.max(right, pixels[k] + side);
    top = Math.min(top, pixels[k + 1]);
    bottom = Math.max(bottom, pixels[k + 1] + side);
  }
  const [columns, rows] = [right - left, bottom - top];
  /** Of what lies below each pixel, the share that is still seen. */
  const seen = new Float32Array(columns * rows).fill(1);
  for (let k = 0; k < pixels.length; k += 2) {
    const corner = (pixels[k + 1] - top) * columns + pixels[k] - left;
    for (let j = 0; j < side; j++)
      for (let i = 0; i < side; i++) seen[corner + j * columns + i] *= transmitted[j * side + i];
  }
  const image = new ImageData(columns, rows);
  for (let k = 0; k < seen.length; k++) {
    if (seen[k] === 1) continue;
    image.data[4 * k] = picture[densest];
    image.data[4 * k + 1] = picture[densest + 1];
    image.data[4 * k + 2] = picture[densest + 2];
    image.data[4 * k + 3] = 255 * (1 - seen[k]);
  }
  const canvas = new OffscreenCanvas(columns, rows);
  canvas.getContext('2d')?.putImageData(image, 0, 0);
  context.save();
  context.resetTransform();
  context.drawImage(canvas, left, top);
  context.restore();
}
