/**
 * Pictures of every screen, light and dark, at 1280x800 and 1920x1080, taken in the machine's Chromium from the real window with real services. Some small
 * experiments are run first, in a separate store. Run `npm run build` first; needs Chromium on the machine.
 *
 *   node scripts/gallery-screens.ts [--out folder] [--store folder] [--only name,name] [--theme light,dark] [--width 1280,1920]
 *
 * `--store` keeps the store, so that a second call only takes the pictures. Default folder: figures/screens.
 */
import { openWorkbench } from '../src/main/contract/open-workbench.ts';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import type { Workbench } from '../src/main/contract/workbench.ts';
import { startServer } from '../src/main/web/server.ts';
import { launchChromium } from './chromium.ts';
import { shotsOf } from './gallery-shots.ts';
import type { Shot } from './gallery-shots.ts';
import { fillGallery, requestOf } from './gallery-store.ts';

const sizes = [
  { width: 1280, height: 800 },
  { width: 1920, height: 1080 },
] as const;
const themes = ['light', 'dark'] as const;

const { values: options } = parseArgs({
  options: {
    out: { type: 'string', default: 'figures/screens' },
    store: { type: 'string' },
    only: { type: 'string' },
    theme: { type: 'string', default: themes.join() },
    width: { type: 'string', default: sizes.map(({ width }) => width).join() },
  },
});
const { out } = options;
mkdirSync(out, { recursive: true });
const made: string[] = [];
const folder = options.store ?? temporary();
const empty = temporary();

function temporary(): string {
  const place = mkdtempSync(join(tmpdir(), 'covature-gallery-'));
  made.push(place);
  return place;
}

/** Opens a window on a separate store until `use` has ended. */
async function within(
  store: string,
  use: (workbench: Workbench, open: (browser: Browser) => Promise<Page>) => Promise<void>,
): Promise<void> {
  const workbench = openWorkbench({ storeFolder: store, shell: 'browser', baseFolder: store });
  const server = await startServer(workbench);
  try {
    await use(workbench, async (browser) => {
      const context = await browser.newContext({ viewport: sizes[0], deviceScaleFactor: 1, reducedMotion: 'reduce' });
      const page = await context.newPage();
      page.setDefaultTimeout(20_000);
      page.on('console', (message) => {
        if (message.type() === 'error') console.error(`in the window: ${message.text()}`);
      });
      page.on('pageerror', (error) => console.error(`in the window: ${error.stack ?? error.message}`));
      await page.goto(server.url);
      await page.locator('main').waitFor();
      return page;
    });
  } finally {
    await server.close();
    await workbench.close();
  }
}

async function take(page: Page, shots: readonly Shot[]): Promise<void> {
  const wanted = options.only?.split(',');
  for (const theme of themes.filter((each) => options.theme.split(',').includes(each))) {
    await page.emulateMedia({ colorScheme: theme });
    for (const size of sizes.filter(({ width }) => options.width.split(',').includes(String(width)))) {
      for (const { name, hash, then, zoomed = false } of shots) {
        if (wanted !== undefined && !wanted.includes(name)) continue;
        const { width, height } = size;
        await page.setViewportSize(
          zoomed ? { width: Math.floor(width / 1.5), height: Math.floor(height / 1.5) } : size,
        );
        await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
        await page.waitForTimeout(700);
        try {
          await then?.(page);
        } catch (error) {
          console.error(`${name}: ${String(error)}`);
        }
        await page.waitForTimeout(250);
        await page.screenshot({ path: join(out, `${name}-${theme}-${width}.png`) });
        // Undo what a picture has opened, deleted or archived.
        await page.keyboard.press('Escape');
        await page.evaluate('document.activeElement?.blur()');
        await page.keyboard.press('Control+z');
      }
    }
  }
}

try {
  const browser = await launchChromium();
  try {
    let shots: readonly Shot[] = [];
    await within(folder, async (workbench, open) => {
      const request = requestOf(workbench);
      await fillGallery(request);
      shots = await shotsOf(request, temporary());
      await take(
        await open(browser),
        shots.filter((shot) => shot.empty !== true),
      );
    });
    await within(empty, async (_, open) => {
      await take(
        await open(browser),
        shots.filter((shot) => shot.empty === true),
      );
    });
  } finally {
    await browser.close();
  }
  console.log(`the pictures are in ${out}`);
} finally {
  for (const place of made) rmSync(place, { recursive: true, force: true });
}
