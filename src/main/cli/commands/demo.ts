/** `covature demo`: what `npm run demo` is in a checkout. */
import { demo as runDemo, demoFlags, demoHelp } from '../../demo/demo.ts';
import type { Command } from '../command.ts';

export const demo: Command = { help: demoHelp, flags: demoFlags, run: runDemo };
