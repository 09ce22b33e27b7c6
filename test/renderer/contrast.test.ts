/** The colours of the interface against each other (WCAG 2.1, success criteria 1.4.3 and 1.4.11). */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

it('keeps text of both themes readable: 4.5 : 1 on every background of the interface', () => {
  const css = readFileSync(new URL('../../src/renderer/tokens.css', import.meta.url), 'utf8');
  const tokens = new Map(
    [...css.matchAll(/--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)].map(
      ([, name, light, dark]) => [name, [light, dark]] as const,
    ),
  );
  const luminance = (hex: string): number => {
    const [r, g, b] = [1, 3, 5]
      .map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a: string, b: string): number => {
    const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };
  // WCAG's own example.
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2);
  const papers = ['paper', 'paper-side', 'paper-raised', 'paper-hover', 'paper-chosen'];
  for (const theme of [0, 1]) {
    const of = (name: string): string => tokens.get(name)![theme];
    for (const paper of papers) {
      for (const text of ['text', 'text-soft', 'accent', 'good', 'warn', 'bad'])
        expect(contrast(of(text), of(paper)), `${text} on ${paper}, theme ${theme}`).toBeGreaterThanOrEqual(4.5);
      for (let i = 0; i < 8; i++)
        expect(contrast(of(`data-${i}`), of(paper)), `data-${i} on ${paper}, theme ${theme}`).toBeGreaterThanOrEqual(3);
      expect(contrast(of('line-strong'), of('paper')), `line-strong, theme ${theme}`).toBeGreaterThanOrEqual(3);
    }
    expect(contrast(of('accent-ink'), of('accent')), `accent-ink, theme ${theme}`).toBeGreaterThanOrEqual(4.5);
    expect(contrast(of('accent-ink'), of('accent-hover')), `accent-ink, theme ${theme}`).toBeGreaterThanOrEqual(4.5);
  }
});
