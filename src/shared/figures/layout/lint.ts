/** Finds problems that a reader would notice: texts that overlap each other or leave the page. */
import type { PlacedText } from './axes.ts';

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly text: string;
  readonly role: string;
  readonly slanted: boolean;
}

/** The rectangle around a text, by the extents of its line (not of each letter). */
function boxOf({ box, x, y, angle, role }: PlacedText): Box {
  const radians = (angle * Math.PI) / 180;
  const cos = Math.cos(radians);
  const sin = Math.sin(radians);
  const corners = [
    [0, -box.ascent],
    [box.width, -box.ascent],
    [0, box.descent],
    [box.width, box.descent],
  ].map(([dx, dy]) => [x + dx * cos + dy * sin, y - dx * sin + dy * cos]);
  return {
    left: Math.min(...corners.map((corner) => corner[0])),
    right: Math.max(...corners.map((corner) => corner[0])),
    top: Math.min(...corners.map((corner) => corner[1])),
    bottom: Math.max(...corners.map((corner) => corner[1])),
    text: box.text,
    role,
    slanted: angle % 90 !== 0,
  };
}

export function lint(texts: readonly PlacedText[], width: number, height: number): string[] {
  const boxes = texts.map(boxOf);
  const warnings: string[] = [];
  const slack = 0.05;
  for (const box of boxes)
    if (box.left < -slack || box.top < -slack || box.right > width + slack || box.bottom > height + slack)
      warnings.push(`the ${box.role} "${cut(box.text)}" leaves the page`);
  for (let i = 0; i < boxes.length; i++)
    for (let j = i + 1; j < boxes.length; j++) {
      const a = boxes[i];
      const b = boxes[j];
      // Boxes around slanted names overlap although the names do not.
      if (a.slanted && b.slanted) continue;
      const overlapX = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const overlapY = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (
        overlapX > 0.4 &&
        overlapY >
          0.4 + 0.25 * Math.min(a.bottom - a.top, b.bottom - b.top) * (a.role === 'tick' && b.role === 'tick' ? 1 : 0)
      )
        warnings.push(`the ${a.role} "${cut(a.text)}" overlaps the ${b.role} "${cut(b.text)}"`);
    }
  return warnings;
}

function cut(text: string): string {
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}
