/** Where the window was, in a small file of the application's own folder. */
import { app } from 'electron';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import * as v from 'valibot';
import { makeFolders } from '../../data/folders.ts';

export interface WindowBounds {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface WindowState {
  readonly bounds: { readonly width: number; readonly height: number; readonly x?: number; readonly y?: number };
  readonly maximised: boolean;
}

const initial: WindowState = { bounds: { width: 1400, height: 900 }, maximised: false };

/** Pixels of a side below which a size is no window's. */
const least = 200;

const pixel = v.pipe(v.number(), v.integer(), v.minValue(-100_000), v.maxValue(100_000));
const schema = v.object({
  bounds: v.object({ x: pixel, y: pixel, width: pixel, height: pixel }),
  maximised: v.boolean(),
});

/**
 * The state at the last start's end, or the initial one if there is none. Where its display is gone, it keeps its size, as far as that fits,
 * on the main display.
 * @param areas the displays' areas without taskbars, in pixels of the whole desktop; the main display first
 */
export function readWindowState(areas: readonly WindowBounds[], file = stateFile()): WindowState {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // The first start.
    return initial;
  }
  try {
    const { bounds, maximised } = v.parse(schema, JSON.parse(text));
    if (bounds.width < least || bounds.height < least) return { ...initial, maximised };
    return { bounds: placed(bounds, areas) ?? bounds, maximised };
  } catch {
    // Damaged, or of another version: nothing of value is lost.
    return initial;
  }
}

export function writeWindowState(state: WindowState, file = stateFile()): void {
  makeFolders(path.dirname(file));
  writeFileSync(`${file}.tmp`, JSON.stringify(state));
  renameSync(`${file}.tmp`, file);
}

/**
 * The size that a window gets whose place is on no display: its own, as far as that fits the main display. Null if it can be reached.
 * @param areas as for `readWindowState`
 */
export function placed(
  bounds: WindowBounds,
  areas: readonly WindowBounds[],
): { readonly width: number; readonly height: number } | null {
  if (areas.length === 0 || areas.some((area) => isVisible(bounds, area))) return null;
  const [{ width, height }] = areas;
  return { width: Math.min(bounds.width, width), height: Math.min(bounds.height, height) };
}

/** Enough of the title bar lies on the display to take hold of it. */
function isVisible(bounds: WindowBounds, area: WindowBounds): boolean {
  const width = Math.min(bounds.x + bounds.width, area.x + area.width) - Math.max(bounds.x, area.x);
  return width >= 100 && bounds.y >= area.y - 10 && bounds.y <= area.y + area.height - 50 && bounds.height >= least;
}

function stateFile(): string {
  return path.join(app.getPath('userData'), 'window.json');
}
