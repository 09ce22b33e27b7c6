/** The machine's Chromium. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where Chromium is (COVATURE_CHROMIUM, else on the PATH); undefined where there is none. */
export function findChromium(): string | undefined {
  const chosen = process.env['COVATURE_CHROMIUM'];
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  return [...(chosen ? [chosen] : []), ...names.flatMap((name) => folders.map((folder) => join(folder, name)))].find(
    existsSync,
  );
}
