/** Draws marks on a canvas over a chart's axes: straight on the canvas, so that hundreds of lines of thousands of points take tens of milliseconds. */
import { zoomOf } from '../state/zoom.ts';
import { dashes } from './looks.ts';
import type { Shape } from './looks.ts';
import type { Box, Drawn, Painting } from './marks.ts';

/** Clears the canvas, sizes it for the screen's pixels, and draws inside the box. */
export function paint(
  canvas: HTMLCanvasElement,
  size: { readonly width: number; readonly height: number },
  box: Box,
  shapes: readonly Drawn[],
  { kind, joined, lines = [], strong, colours, paper }: Painting,
): void {
  const ratio = devicePixelRatio * zoomOf(canvas);
  canvas.width = Math.round(size.width * ratio);
  canvas.height = Math.round(size.height * ratio);
  const context = canvas.getContext('2d');
  if (context === null) return;
  context.scale(ratio, ratio);
  context.beginPath();
  context.rect(box.left, box.top - 4, box.width, box.height + 8);
  context.clip();
  context.lineJoin = 'round';
  context.strokeStyle = strong;
  context.lineWidth = 1;
  for (const points of lines) line(context, Float32Array.from(points), false);
  const faint = shapes.length > 24 ? 0.55 : 1;
  for (const { mark, points, ends, barShift, shared } of shapes) {
    const colour = colours[mark.colour % colours.length];
    context.strokeStyle = colour;
    context.fillStyle = colour;
    context.setLineDash([]);
    if (kind === 'line' && ends !== null) {
      context.globalAlpha = 0.18;
      band(context, points, ends);
    }
    if (kind !== 'points' && joined) {
      context.globalAlpha = faint;
      context.lineWidth = 1.5;
      // Dashes cost ten times a plain line; among so many they tell nothing.
      if (mark.dash > 0 && shapes.length <= 48) context.setLineDash([...dashes[mark.dash]]);
      line(context, points, kind === 'line');
      context.setLineDash([]);
    }
    if (kind === 'line') continue;
    context.globalAlpha = kind === 'points' ? 0.5 : shared ? 0.75 : 1;
    if (ends !== null) bars(context, points, ends, barShift);
    dots(context, points, kind === 'points' ? 1.6 : 3.5, mark.shape, paper);
  }
}

/** Points in one column of pixels are drawn as its first, lowest, highest and last. A point alone is a dot. */
function line(context: CanvasRenderingContext2D, points: Float32Array, thin: boolean): void {
  const lone: number[] = [];
  context.beginPath();
  let open = 0;
  let last = 0;
  let i = 0;
  while (i < points.length) {
    const [x, y] = [points[i], points[i + 1]];
    if (Number.isNaN(x) || Number.isNaN(y)) {
      if (open === 1) lone.push(last);
      open = 0;
      i += 2;
      continue;
    }
    if (open === 0) context.moveTo(x, y);
    else context.lineTo(x, y);
    open++;
    last = i;
    i += 2;
    if (!thin) continue;
    const column = Math.floor(x);
    let [low, high, end] = [y, y, y];
    let endX = x;
    let count = 0;
    for (; i < points.length && Math.floor(points[i]) === column && !Number.isNaN(points[i + 1]); i += 2) {
      endX = points[i];
      end = points[i + 1];
      if (end < low) low = end;
      if (end > high) high = end;
      count++;
    }
    if (count === 0) continue;
    if (low < y) context.lineTo(x, low);
    if (high > y) context.lineTo(x, high);
    context.lineTo(endX, end);
    open += count;
  }
  if (open === 1) lone.push(last);
  context.stroke();
  if (lone.length === 0) return;
  context.beginPath();
  for (const k of lone) context.rect(points[k] - 1, points[k + 1] - 1, 2, 2);
  context.fill();
}

/** In one column of pixels: from the lowest low end to the highest high one. */
function band(context: CanvasRenderingContext2D, points: Float32Array, ends: Float32Array): void {
  const xs: number[] = [];
  const lows: number[] = [];
  const highs: number[] = [];
  let column = NaN;
  for (let i = 0; i < points.length; i += 2) {
    const [x, low, high] = [points[i], ends[i], ends[i + 1]];
    if (Number.isNaN(x) || Number.isNaN(low) || Number.isNaN(high)) continue;
    const last = xs.length - 1;
    if (Math.floor(x) === column) {
      // y grows downwards.
      lows[last] = Math.max(lows[last], low);
      highs[last] = Math.min(highs[last], high);
      continue;
    }
    column = Math.floor(x);
    xs.push(x);
    lows.push(low);
    highs.push(high);
  }
  if (xs.length < 2) return;
  context.beginPath();
  xs.forEach((x, k) => context.lineTo(x, highs[k]));
  for (let k = xs.length - 1; k >= 0; k--) context.lineTo(xs[k], lows[k]);
  context.fill();
}

function bars(context: CanvasRenderingContext2D, points: Float32Array, ends: Float32Array, shift: number): void {
  context.beginPath();
  context.lineWidth = 1.25;
  for (let i = 0; i < points.length; i += 2) {
    const [x, low, high] = [points[i] + shift, ends[i], ends[i + 1]];
    if (Number.isNaN(x) || Number.isNaN(low) || Number.isNaN(high)) continue;
    context.moveTo(x, low);
    context.lineTo(x, high);
    for (const y of [low, high]) {
      context.moveTo(x - 3, y);
      context.lineTo(x + 3, y);
    }
  }
  context.stroke();
}

function dots(
  context: CanvasRenderingContext2D,
  points: Float32Array,
  radius: number,
  shape: Shape,
  paper: string,
): void {
  const isOpen = shape === 'circle' || shape === 'diamond';
  // Open ones are larger, so that there is an inside.
  const r = isOpen && radius < 2 ? 2 : radius;
  context.beginPath();
  for (let i = 0; i < points.length; i += 2) {
    const [x, y] = [points[i], points[i + 1]];
    if (Number.isNaN(x) || Number.isNaN(y)) continue;
    if (shape === 'square') context.rect(x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r);
    else if (shape === 'diamond') {
      context.moveTo(x, y - 1.3 * r);
      context.lineTo(x + 1.3 * r, y);
      context.lineTo(x, y + 1.3 * r);
      context.lineTo(x - 1.3 * r, y);
      context.closePath();
    } else {
      context.moveTo(x + r, y);
      context.arc(x, y, r, 0, 2 * Math.PI);
    }
  }
  if (!isOpen) context.fill();
  else {
    context.fillStyle = paper;
    context.lineWidth = radius < 2 ? 0.8 : 1.5;
    if (radius >= 2) context.fill();
    context.stroke();
  }
}
