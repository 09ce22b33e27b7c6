/** Colours of tokens.css in the form that a canvas takes, for the current theme. */
import type { ScreenColours } from '../../shared/figures/palettes.ts';

export interface ChartColours extends ScreenColours {
  readonly paper: string;
}

export function readColours(element: HTMLElement): ChartColours {
  const probe = document.createElement('span');
  element.append(probe);
  const read = (name: string): string => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const colours: ChartColours = {
    data: Array.from({ length: 8 }, (_, i) => read(`data-${i}`)),
    ink: read('text'),
    muted: read('text-soft'),
    faint: read('line-strong'),
    paper: read('paper'),
  };
  probe.remove();
  return colours;
}
