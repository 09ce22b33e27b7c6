/** A log that is opened while its job writes: every line once, whichever way the snapshot and the reports arrive. */
import { expect, it } from 'vitest';
import { LogLines } from '../../../src/renderer/run/log-lines.ts';
import type { LogLine } from '../../../src/shared/contract/index.ts';

const line = (text: string): LogLine => ({ time: 0, level: 'info', text });
const texts = ({ lines }: LogLines): string => lines.map(({ text }) => text).join('');

it('holds what was reported before its snapshot was read, and nothing twice', () => {
  const log = new LogLines(100);
  log.add({ batch: 4, lines: [line('d')] });
  log.add({ batch: 5, lines: [line('e')] });
  log.start({ lines: [line('c'), line('d')], next: 5 });
  log.add({ batch: 6, lines: [line('f')] });
  expect(texts(log)).toBe('cdef');
});

it('keeps the last lines', () => {
  const log = new LogLines(3);
  log.start({ lines: [line('a'), line('b')], next: 1 });
  log.add({ batch: 1, lines: [line('c'), line('d')] });
  expect(texts(log)).toBe('bcd');
});
