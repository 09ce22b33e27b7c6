/** The machine's Chromium for scripts that drive the window; raises an Error that says what to do if there is none. */
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';

export async function launchChromium(): Promise<Browser> {
  const executable = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
  if (executable === undefined) throw new Error('no Chromium on this machine: install it, then run this again');
  return chromium.launch({
    executablePath: executable,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
}
