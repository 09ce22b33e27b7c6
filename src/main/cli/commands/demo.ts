/** `covature demo`: what `npm run demo` is in a checkout. */
import { demoFlags, demoHelp, runDemo } from '../../demo/demo.ts';
import type { Command } from '../command.ts';

export const demo: Command = { help: demoHelp, flags: demoFlags, run: runDemo };
