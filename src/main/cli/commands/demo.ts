/** `covature demo`: what `npm run demo` is in a checkout. */
import { demo as runDemo, demoHelp, demoOptions } from '../../demo/demo.ts';
import type { Command } from '../command.ts';

export const demo: Command = { help: demoHelp, options: demoOptions, run: runDemo };
