/** The desktop application, as Electron starts it (package.json "main": out/main/index.js). */
import { startDesktop } from './electron/desktop.ts';

void startDesktop();
