/** A display of the tests' own (Xvfb) with a window manager (openbox), so that nothing else's windows take the focus; on other systems the one there is. */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { hasProgram } from './place.ts';

export class Display {
  /** What programs find it by. */
  readonly env: Readonly<Record<string, string>>;
  /** Without one, windows are neither maximised nor minimised. */
  readonly hasWindowManager: boolean;
  readonly #processes: readonly ChildProcess[];

  private constructor(
    env: Readonly<Record<string, string>>,
    hasWindowManager: boolean,
    processes: readonly ChildProcess[],
  ) {
    this.env = env;
    this.hasWindowManager = hasWindowManager;
    this.#processes = processes;
  }

  static async open(size = '1920x1080'): Promise<Display> {
    if (process.platform !== 'linux' || !hasProgram('Xvfb')) return new Display({}, process.platform !== 'linux', []);
    const server = spawn(
      'Xvfb',
      ['-displayfd', '3', '-screen', '0', `${size}x24`, '-nolisten', 'tcp', '-ac', '-noreset'],
      {
        stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      },
    );
    const number = await new Promise<string>((resolve, reject) => {
      server.once('error', reject);
      server.once('exit', () => reject(new Error('Xvfb ended before it had a display')));
      let text = '';
      server.stdio[3]!.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (text.includes('\n')) resolve(text.trim());
      });
    });
    const env = { DISPLAY: `:${number}`, WAYLAND_DISPLAY: '', XAUTHORITY: '' };
    const hasWindowManager = hasProgram('openbox');
    const processes = [server];
    if (hasWindowManager) processes.push(spawn('openbox', [], { env: { ...process.env, ...env }, stdio: 'ignore' }));
    return new Display(env, hasWindowManager, processes);
  }

  /** Windows whose title matches, as the display's server has them; null where nothing can be asked (no xdotool). */
  windows(title: string): string[] | null {
    if (this.env['DISPLAY'] === undefined || !hasProgram('xdotool')) return null;
    const { stdout } = this.#xdotool('search', '--onlyvisible', '--name', title);
    return stdout.split('\n').filter((line) => line !== '');
  }

  /** Presses a key in the window that has the focus, or in one by its number. */
  press(key: string, window?: string): void {
    this.#xdotool('key', ...(window === undefined ? [] : ['--window', window]), key);
  }

  /** The window that has the focus, by its number; null where there is none. */
  activeWindow(): string | null {
    return this.#xdotool('getactivewindow').stdout.trim() || null;
  }

  minimise(window: string): void {
    this.#xdotool('windowminimize', '--sync', window);
  }

  #xdotool(...args: readonly string[]): { readonly stdout: string } {
    return spawnSync('xdotool', args, { env: { ...process.env, ...this.env }, encoding: 'utf8' });
  }

  close(): void {
    for (const child of this.#processes.toReversed()) child.kill();
  }
}
