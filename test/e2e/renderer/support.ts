/** The built window in the machine's Chromium, on real services and a real store. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { startServer } from '../../../src/main/web/server.ts';
import type { RunningServer } from '../../../src/main/web/server.ts';
import { TestWorkbench } from '../../main/contract/support.ts';

const executable = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
const built = existsSync(fileURLToPath(new URL('../../../out/renderer/index.html', import.meta.url)));

export function windowAvailable(): true | string {
  if (executable === undefined) return 'no Chromium on this machine';
  return built || 'the window is not built: npm run build';
}

export interface AxeViolation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** Goes through all views of the measurement on show, group by group. */
export async function eachView(page: Page, look: (name: string) => Promise<void>): Promise<void> {
  const groups = page.getByRole('tablist', { name: 'Groups of views' }).getByRole('tab');
  const inner = page.getByRole('tablist', { name: 'Views of the measurement' }).getByRole('tab');
  await groups.first().waitFor();
  for (const group of await groups.all()) {
    await group.click();
    if ((await inner.count()) === 0) await look((await group.textContent()) ?? '');
    for (const tab of await inner.all()) {
      await tab.click();
      await look((await tab.textContent()) ?? '');
    }
  }
}

export class OpenWindow {
  bench: TestWorkbench;
  server: RunningServer;
  readonly browser: Browser;
  readonly page: Page;
  /** What the window printed as an error. */
  readonly errors: string[] = [];

  private constructor(bench: TestWorkbench, server: RunningServer, browser: Browser, page: Page) {
    this.bench = bench;
    this.server = server;
    this.browser = browser;
    this.page = page;
    page.on('pageerror', (error) => this.errors.push(error.stack ?? error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(message.text());
    });
  }

  static async open(): Promise<OpenWindow> {
    const bench = new TestWorkbench();
    const server = await startServer(bench.workbench);
    const browser = await chromium.launch({
      executablePath: executable!,
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    });
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    const opened = new OpenWindow(bench, server, browser, page);
    await page.goto(server.url);
    return opened;
  }

  async go(hash: string): Promise<void> {
    await this.page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
  }

  /** Breaches of WCAG 2.1 A and AA, and of axe's best practices, in words. */
  async axe(): Promise<string[]> {
    const path = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
    if ((await this.page.evaluate('typeof globalThis.axe')) === 'undefined')
      await this.page.evaluate(readFileSync(path, 'utf8'));
    const { violations } = await this.page.evaluate<{ violations: readonly AxeViolation[] }>('axe.run(document)');
    return violations.map(
      ({ id, help, nodes }) =>
        `${id}: ${help}\n${nodes.map(({ html, failureSummary }) => `  ${html}\n  ${failureSummary}`).join('\n')}`,
    );
  }

  /** Ends the program as Ctrl+C does, and starts it again on the same store; the page goes to the new address. */
  async restart(): Promise<void> {
    await this.restartAlone();
    await this.page.goto(this.server.url);
    // In between the page may have tried to reach the program that was gone.
    const others = this.errors.filter((error) => !error.includes('net::ERR_CONNECTION_REFUSED'));
    this.errors.splice(0, this.errors.length, ...others);
  }

  /** The same; the page is left as it is. */
  async restartAlone(): Promise<void> {
    await this.server.close();
    await this.bench.close();
    this.bench = new TestWorkbench({}, this.bench.folder);
    this.server = await startServer(this.bench.workbench);
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.server.close();
    await this.bench.remove();
  }
}
