/** A display of the tests' own (Xvfb) with a window manager (openbox), so that nothing else's windows take the focus; on other systems the one there is. */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasProgram } from './place.ts';

/** An Xorg as its package has it, installed (`root` is /) or unpacked into a folder. */
function xorgIn(root: string): { readonly program: string; readonly modules: string; readonly libraries: string } {
  const xorg = join(root, 'usr/lib/xorg');
  const machine = { x64: 'x86_64', arm64: 'aarch64' }[process.arch as string] ?? process.arch;
  return {
    program: join(xorg, 'Xorg'),
    modules: join(xorg, 'modules'),
    libraries: join(root, `usr/lib/${machine}-linux-gnu`),
  };
}

/** The driver dummy has sixteen outputs and no hardware. */
const xorgConfiguration = `
Section "ServerFlags"
  Option "AutoAddDevices" "false"
  Option "AutoEnableDevices" "false"
EndSection
Section "Device"
  Identifier "device"
  Driver "dummy"
  VideoRam 64000
EndSection
Section "Monitor"
  Identifier "monitor"
  HorizSync 5-1000
  VertRefresh 5-200
  Modeline "1920x1080" 148.50 1920 2008 2052 2200 1080 1084 1089 1125
  Modeline "1280x1024" 108.00 1280 1328 1440 1688 1024 1025 1028 1066
EndSection
Section "Screen"
  Identifier "screen"
  Device "device"
  Monitor "monitor"
  DefaultDepth 24
  SubSection "Display"
    Depth 24
    Modes "1920x1080" "1280x1024"
    Virtual 3200 1080
  EndSubSection
EndSection
`;

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
    return Display.#begin('Xvfb', ['-screen', '0', `${size}x24`]);
  }

  /** One of 1920x1080, to whose right another of 1280x1024 can be plugged. `folder`: what `twoAvailable` needs. */
  static async openTwo(folder: string): Promise<Display> {
    const { program, modules, libraries } = xorgIn(process.env['COVATURE_TEST_XORG'] ?? '/');
    const configuration = join(folder, 'xorg.conf');
    writeFileSync(configuration, xorgConfiguration);
    const files = ['-config', configuration, '-modulepath', modules, '-logfile', join(folder, 'xorg.log')];
    const display = await Display.#begin(program, [...files, '-novtswitch', '-sharevts'], {
      ...process.env,
      LD_LIBRARY_PATH: libraries,
    });
    display.#xrandr('--output', 'DUMMY0', '--mode', '1920x1080', '--pos', '0x0', '--primary');
    display.#xrandr('--addmode', 'DUMMY1', '1280x1024');
    return display;
  }

  /** true, or why there is no server of displays that are plugged and unplugged. */
  static twoAvailable(): true | string {
    const { program, modules } = xorgIn(process.env['COVATURE_TEST_XORG'] ?? '/');
    const isThere = existsSync(program) && existsSync(join(modules, 'drivers/dummy_drv.so')) && hasProgram('xrandr');
    if (!isThere) return 'there is no Xorg with its driver dummy (COVATURE_TEST_XORG), or no xrandr';
    return process.getuid?.() === 0 ? true : 'Xorg wants to be started by root';
  }

  /** Plugs the second display in, or out. */
  plug(isIn: boolean): void {
    this.#xrandr('--output', 'DUMMY1', ...(isIn ? ['--mode', '1280x1024', '--pos', '1920x0'] : ['--off']));
    // The server looks which outputs are connected when somebody asks.
    this.#xrandr('--query');
  }

  static async #begin(program: string, args: readonly string[], serverEnv = process.env): Promise<Display> {
    const server = spawn(program, ['-displayfd', '3', ...args, '-nolisten', 'tcp', '-ac', '-noreset'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      env: serverEnv,
    });
    const number = await new Promise<string>((resolve, reject) => {
      server.once('error', reject);
      server.once('exit', () => reject(new Error(`${program} ended before it had a display`)));
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

  #xrandr(...args: readonly string[]): void {
    const { status, stderr } = spawnSync('xrandr', args, { env: { ...process.env, ...this.env }, encoding: 'utf8' });
    if (status !== 0) throw new Error(`xrandr ${args.join(' ')}: ${stderr}`);
  }

  close(): void {
    for (const child of this.#processes.toReversed()) child.kill();
  }
}
