/** The whole way of a researcher in the browser shell: in a real Chromium, on the real services and a real database. */
import { expect, it } from 'vitest';
import { describeWhere } from '../../support/skips.ts';
import { journey } from '../journey.ts';
import type { Shell } from '../journey.ts';
import { OpenWindow, windowAvailable } from './support.ts';

describeWhere(windowAvailable(), 'the browser shell', () => {
  it('takes a project from an empty store to a comparison, through a killed worker and a restart', async () => {
    const window = await OpenWindow.open();
    const shell: Shell = { page: window.page, request: (method, ...params) => window.bench.request(method, ...params) };
    try {
      await journey(shell, async () => {
        await window.restart();
        return shell;
      });
      // A window that loses its program for a moment says so on the console, and nothing else is wrong.
      expect(window.errors.filter((text) => !/WebSocket|ERR_CONNECTION/.test(text))).toEqual([]);
    } finally {
      await window.close();
    }
  }, 300_000);
});
